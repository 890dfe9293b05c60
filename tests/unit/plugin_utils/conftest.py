"""Caches vault keys: each takes ten thousand rounds of hashing, and one per password and salt is enough."""

import functools

from ansible.parsing.vault import VaultAES256

VaultAES256._create_key_cryptography = staticmethod(functools.lru_cache(None)(VaultAES256._create_key_cryptography))
