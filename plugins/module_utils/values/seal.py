# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypts values on their way from a manager to the controller, in a module's result.

Ansible shows a module's result with -vvv before any plugin sees it. So the controller sends a key for one result, and
the module encrypts the values with it: HMAC-SHA-256 in counter mode, with a tag, which every Python has.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

NONCE = 16
TAG = 32


def seal(key: str, nonce: bytes, data: object) -> str:
    """Encrypts ``data`` with ``key`` (256 random bits, as text) and ``nonce`` (16 random bytes); returns base64."""
    plain = json.dumps(data).encode()
    body = nonce + _crypt(key, nonce, plain)
    return base64.b64encode(body + _tag(key, body)).decode("ascii")


def unseal(key: str, text: str) -> Any:
    """Decrypts the data of ``seal``. Raises ValueError for another key, or if the text was changed."""
    raw = base64.b64decode(text)
    body, tag = raw[:-TAG], raw[-TAG:]
    if len(raw) < NONCE + TAG or not hmac.compare_digest(tag, _tag(key, body)):
        raise ValueError("the sealed text is not for this key")
    return json.loads(_crypt(key, body[:NONCE], body[NONCE:]))


def _crypt(key: str, nonce: bytes, data: bytes) -> bytes:
    """Encrypts or decrypts: XORs ``data`` with the key stream."""
    secret = ("stream " + key).encode()
    out = bytearray()
    for start in range(0, len(data), 32):
        block = hmac.new(secret, nonce + start.to_bytes(8, "big"), hashlib.sha256).digest()
        out += bytes(a ^ b for a, b in zip(data[start : start + 32], block))
    return bytes(out)


def _tag(key: str, body: bytes) -> bytes:
    return hmac.new(("tag " + key).encode(), body, hashlib.sha256).digest()
