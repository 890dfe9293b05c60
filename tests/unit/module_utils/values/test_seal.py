"""Encrypted values in a result."""

import base64

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import seal, unseal

DATA = {"stack/A": "a value " * 20, "ü": [1, None, 'q"\n']}


def test_only_the_key_opens_it():
    text = seal("key", b"n" * 16, DATA)
    assert "value" not in text
    assert "value" not in base64.b64decode(text).decode("latin-1")
    assert unseal("key", text) == DATA
    with pytest.raises(ValueError, match="not for this key"):
        unseal("another", text)


def test_equal_data_looks_different_each_time():
    assert seal("key", b"n" * 16, DATA)[24:] != seal("key", b"m" * 16, DATA)[24:]


@pytest.mark.parametrize("position", [0, 20, -1])
def test_a_change_is_seen(position):
    raw = bytearray(base64.b64decode(seal("key", b"n" * 16, DATA)))
    raw[position] ^= 1
    with pytest.raises(ValueError, match="not for this key"):
        unseal("key", base64.b64encode(bytes(raw)).decode())


def test_what_is_too_short_is_nothing():
    with pytest.raises(ValueError, match="not for this key"):
        unseal("key", "AAAA")
