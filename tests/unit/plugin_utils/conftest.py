"""A vault's key takes ten thousand rounds of hashing: once for a password and a salt is enough for all tests."""

import functools

from ansible.parsing.vault import VaultAES256

VaultAES256._create_key_cryptography = staticmethod(functools.lru_cache(None)(VaultAES256._create_key_cryptography))
