"""Each generator: alphabet, length, different values, and the stated entropy."""

import base64
import collections
import hashlib
import hmac
import json
import math
import re
import secrets
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import GeneratorError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import (
    GENERATORS,
    WORDS_BITS,
    Context,
    generator_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seeded import Seeded
from ansible_collections.stackwright.swarm.plugins.module_utils.values.words import ADJECTIVES, NOUNS

CHANCE = secrets.SystemRandom()
NAME = r"[a-z]+_[a-z]+_[1-9][0-9]{3}"
#: What each makes, with its parameters: the form, and how many values of that form there are.
FORMS = {
    "generate_user": [({}, NAME, 128 * 128 * 9000)],
    "generate_username": [({}, NAME, 128 * 128 * 9000)],
    "generate_random_slug": [({}, NAME, 128 * 128 * 9000)],
    "generate_secure_password": [({}, r"[0-9a-f]{64}", 16**64), ({"length": 20}, r"[0-9a-f]{20}", 16**20)],
    "generate_random_chars": [({}, r"[A-Za-z0-9]{32}", 62**32), ({"length": 1}, r"[A-Za-z0-9]", 62)],
    "generate_random_chars_32": [({}, r"[A-Za-z0-9]{32}", 62**32)],
    "generate_random_chars_64": [({}, r"[A-Za-z0-9]{64}", 62**64)],
    "generate_base64": [({}, r"[A-Za-z0-9+/]{43}=", 256**32), ({"bytes": 9}, r"[A-Za-z0-9+/]{12}", 256**9)],
    "generate_hex": [({}, r"[0-9a-f]{64}", 256**32), ({"bytes": 8}, r"[0-9a-f]{16}", 256**8)],
    "generate_slug": [({}, r"[a-z]+-[a-z]+-[1-9][0-9]{3}", 128 * 128 * 9000)],
    "generate_password": [({}, r"[0-9a-f]{32}", 16**32), ({"length": 8}, r"[0-9a-f]{8}", 16**8)],
    "generate_uuid": [({}, r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", 2**122)],
    "generate_domain": [
        ({}, r"[a-z]+-[a-z]+-[1-9][0-9]{3}\.internal", 128 * 128 * 9000),
        ({"suffix": "a.example"}, r"[a-z]+-[a-z]+-[1-9][0-9]{3}\.a\.example", 128 * 128 * 9000),
    ],
    "generate_email": [({}, r"[a-z]+\.[a-z]+\.[1-9][0-9]{3}@example\.com", 128 * 128 * 9000)],
    "generate_jwt": [({"key": "K", "n": 1}, r"[\w-]+\.[\w-]+\.[\w-]{43}", 1)],
}
CASES = [(name, *case) for name, cases in sorted(FORMS.items()) for case in cases]


def test_every_generator_is_here():
    assert sorted(FORMS) == sorted(GENERATORS)


@pytest.mark.parametrize(("name", "params", "form", "count"), CASES)
def test_form_and_entropy(name, params, form, count):
    generator, context = GENERATORS[name], Context({"stack/K": "k"})
    for _number in range(50):
        assert re.fullmatch(form, generator.make(CHANCE, params, context))
    # What is stated is not more than there is, and no more than a thousandth of a bit less.
    assert 0 <= math.log2(count) - generator.entropy(generator.params((), params)) < 0.001


@pytest.mark.parametrize("name", sorted(set(FORMS) - {"generate_jwt"}))
def test_values_differ(name):
    made = [GENERATORS[name].make(CHANCE, {}) for _number in range(200)]
    # Two of 200 names of 27 bits are alike once in 7,400 runs.
    assert len(set(made)) >= 199


@pytest.mark.parametrize("name", ["generate_user", "generate_username", "generate_random_slug"])
@given(seed=st.text())
def test_names_are_names_of_users_and_databases(name, seed):
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,29}", GENERATORS[name].make(Seeded(seed, ""), {}))


def test_words():
    for words in (ADJECTIVES, NOUNS):
        assert len(set(words)) == len(words) == 128
        assert all(re.fullmatch("[a-z]{3,9}", word) for word in words)
    assert set(ADJECTIVES).isdisjoint(NOUNS)
    assert round(WORDS_BITS, 2) == 27.14


class Range:
    """Returns each number of the range in turn, to show which values a generator can create."""

    def __init__(self):
        self.at = collections.Counter()

    def randrange(self, limit):
        self.at[limit] += 1
        return (self.at[limit] - 1) % limit


@pytest.mark.parametrize(
    ("name", "alphabet"),
    [("generate_random_chars", 62), ("generate_secure_password", 16), ("generate_hex", 16), ("generate_base64", 64)],
)
def test_the_whole_alphabet_is_used_and_evenly(name, alphabet):
    parameter = GENERATORS[name].parameters[0].name
    text = GENERATORS[name].make(Range(), {parameter: 62 * 48}).rstrip("=")
    counts = collections.Counter(text)
    assert len(counts) == alphabet
    if name in ("generate_random_chars", "generate_secure_password"):
        assert max(counts.values()) - min(counts.values()) <= 1


def test_uuid_is_one():
    made = uuid.UUID(GENERATORS["generate_uuid"].make(CHANCE, {}))
    assert (made.version, made.variant) == (4, uuid.RFC_4122)


def part(text):
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_token_is_signed_and_expires():
    context = Context({"stack/KEY": "käse"}, now=1_000_000)
    token = GENERATORS["generate_jwt"].make(CHANCE, {"key": "KEY", "days": 2, "role": "anon"}, context)
    head, body, signature = token.split(".")
    assert part(head) == {"alg": "HS256", "typ": "JWT"}
    assert part(body) == {"role": "anon", "iat": 1_000_000, "exp": 1_000_000 + 2 * 86_400}
    wanted = hmac.new("käse".encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == wanted


def test_a_token_without_its_key():
    with pytest.raises(GeneratorError, match="stack/KEY, which signs"):
        GENERATORS["generate_jwt"].make(CHANCE, {"key": "KEY"})


def test_unknown_generator_lists_the_known_ones():
    with pytest.raises(GeneratorError) as caught:
        generator_of("generate_pasword")
    assert caught.value.error_code == "unknown_generator"
    assert all(name in caught.value.hint for name in GENERATORS)


@pytest.mark.parametrize(
    ("name", "positional", "named", "message"),
    [
        ("generate_hex", (7,), {}, "bytes must be from 8 to 4096, not 7"),
        ("generate_hex", ("8",), {}, "bytes must be a whole number"),
        ("generate_hex", (True,), {}, "bytes must be a whole number"),
        ("generate_hex", (8, 9), {}, "takes at most 1"),
        ("generate_hex", (8,), {"bytes": 9}, "bytes is set twice"),
        ("generate_hex", (), {"length": 9}, "has no parameter length .it has: bytes."),
        ("generate_uuid", (1,), {}, "takes no parameter"),
        ("generate_secure_password", (15,), {}, "length must be from 16"),
        ("generate_random_chars", (0,), {}, "length must be from 1"),
        ("generate_domain", ("A.example",), {}, "suffix must be a domain in lower case"),
        ("generate_domain", (".example",), {}, "suffix must be"),
        ("generate_email", ("a@b",), {}, "domain must be"),
        ("generate_jwt", (), {}, "needs the parameter key: the name of the value"),
        ("generate_jwt", ("a b",), {}, "key must be the name"),
    ],
)
def test_wrong_parameters(name, positional, named, message):
    with pytest.raises(GeneratorError, match=message):
        GENERATORS[name].params(positional, named)


@given(st.text(), st.text(), st.integers(1, 2**70), st.integers(1, 20))
def test_a_seed_gives_the_same_numbers_each_time(seed, purpose, limit, count):
    first, second = Seeded(seed, purpose), Seeded(seed, purpose)
    numbers = [first.randrange(limit) for _number in range(count)]
    assert numbers == [second.randrange(limit) for _number in range(count)]
    assert all(0 <= number < limit for number in numbers)


def test_the_derivation_is_the_documented_one():
    block = hmac.new(b"seed", b"stackwright.values/1\0what\0" + bytes(8), hashlib.sha256).digest()
    assert Seeded("seed", "what").randrange(2**256) == int.from_bytes(block, "big")
    assert GENERATORS["generate_hex"].make(Seeded("seed", "what"), {}) == block.hex()


def test_seeds_and_purposes_give_different_values():
    made = {
        GENERATORS["generate_hex"].make(Seeded(seed, purpose), {})
        for seed in ("a", "b", "")
        for purpose in ("x", "y", "")
    }
    assert len(made) == 9


def test_seeded_numbers_are_spread_evenly():
    rng = Seeded("spread", "")
    counts = collections.Counter(rng.randrange(62) for _number in range(62_000))
    assert len(counts) == 62
    # The deviation of each count is 31; six of them on every side.
    assert all(abs(count - 1000) < 190 for count in counts.values())
