# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generators of values. Randomness is an argument: ``secrets.SystemRandom()`` at the edge, a seed in filters.

Each states the entropy of its values in bits; a test compares this with the table in docs/guides/values.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import re
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import GeneratorError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.parameters import DOMAIN, Parameter, complete
from ansible_collections.stackwright.swarm.plugins.module_utils.values.words import ADJECTIVES, NOUNS

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_types import Params

HEX = "0123456789abcdef"
CHARS = string.ascii_letters + string.digits
#: The number after the words of a name has four digits and no leading zero.
FIRST_NUMBER, NUMBERS = 1000, 9000
DAY = 86_400
#: The name of another value: KEY of the stack, or SERVICE/KEY.
VALUE_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z_][A-Za-z0-9_.-]*\Z")


@dataclass(frozen=True)
class Context:
    """The inputs of a generator besides chance: the values so far, by name, and the time (seconds since 1970)."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    now: int = 0


class Chance(Protocol):
    """A source of random numbers: ``secrets.SystemRandom()``, or Seeded."""

    def randrange(self, below: int, /) -> int:
        """Returns a whole number from 0 to ``below`` - 1, each equally likely."""


@dataclass(frozen=True)
class Generator:
    """A way to create a value. ``makes`` describes the value for users."""

    name: str
    makes: str
    produce: Callable[[Any, Params, Context], str] = field(repr=False)
    entropy: Callable[[Params], float] = field(repr=False)
    parameters: Tuple[Parameter, ...] = ()
    takes_more: bool = False

    def params(self, positional: Sequence[object] = (), named: Optional[Mapping[str, object]] = None) -> Any:
        """Returns all parameters by name, with defaults. Raises GeneratorError."""
        return complete(self.parameters, positional, named or {}, self.takes_more)

    def make(self, rng: Chance, params: Mapping[str, object], context: Context = Context()) -> str:
        """Returns a new value. Raises GeneratorError for invalid parameters, or if a value that it needs is missing."""
        return self.produce(rng, self.params((), params), context)

    def needs(self, params: Mapping[str, object]) -> List[str]:
        """Returns the names of the values that it is built from; they must be generated first."""
        return [full_name(self.params((), params)["key"])] if self.name == "generate_jwt" else []


def full_name(name: str) -> str:
    """Returns the full name of a value: ``KEY`` is short for ``stack/KEY``."""
    return name if "/" in name else f"stack/{name}"


# -- their implementations


def _pick(rng: Chance, chars: str, count: int) -> str:
    return "".join(chars[rng.randrange(len(chars))] for _number in range(count))


def _bytes(rng: Chance, count: int) -> bytes:
    return bytes(rng.randrange(256) for _number in range(count))


def _words(rng: Chance, separator: str) -> str:
    number = FIRST_NUMBER + rng.randrange(NUMBERS)
    return separator.join((ADJECTIVES[rng.randrange(128)], NOUNS[rng.randrange(128)], str(number)))


def _slug(rng: Chance, params: Params, context: Context) -> str:
    return _words(rng, "_")


def _dashed(rng: Chance, params: Params, context: Context) -> str:
    return _words(rng, "-")


def _password(rng: Chance, params: Params, context: Context) -> str:
    return _pick(rng, HEX, params["length"])


def _chars(rng: Chance, params: Params, context: Context) -> str:
    return _pick(rng, CHARS, params["length"])


def _chars_32(rng: Chance, params: Params, context: Context) -> str:
    return _pick(rng, CHARS, 32)


def _chars_64(rng: Chance, params: Params, context: Context) -> str:
    return _pick(rng, CHARS, 64)


def _base64(rng: Chance, params: Params, context: Context) -> str:
    return base64.b64encode(_bytes(rng, params["bytes"])).decode("ascii")


def _hex(rng: Chance, params: Params, context: Context) -> str:
    return _bytes(rng, params["bytes"]).hex()


def _uuid(rng: Chance, params: Params, context: Context) -> str:
    data = bytearray(_bytes(rng, 16))
    data[6] = data[6] & 0x0F | 0x40  # version 4 of RFC 9562
    data[8] = data[8] & 0x3F | 0x80
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _domain(rng: Chance, params: Params, context: Context) -> str:
    return f"{_words(rng, '-')}.{params['suffix']}"


def _email(rng: Chance, params: Params, context: Context) -> str:
    return f"{_words(rng, '.')}@{params['domain']}"


def _jwt(rng: Chance, params: Params, context: Context) -> str:
    name = full_name(params["key"])
    if name not in context.values:
        raise GeneratorError(f"the value {name}, which signs the token, is unknown")
    claims = {key: value for key, value in params.items() if key not in ("key", "days")}
    if params["days"]:
        claims = {**claims, "iat": context.now, "exp": context.now + params["days"] * DAY}
    head, body = ({"alg": "HS256", "typ": "JWT"}, claims)
    signed = b".".join(_url64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, body))
    signature = hmac.new(context.values[name].encode("utf-8", "surrogateescape"), signed, hashlib.sha256).digest()
    return b".".join((signed, _url64(signature))).decode("ascii")


def _url64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


# -- the table of generators

WORDS_BITS = math.log2(len(ADJECTIVES) * len(NOUNS) * NUMBERS)
_CHAR_BITS = math.log2(len(CHARS))
_BYTES = Parameter("bytes", 32, least=8, most=4096)
_WORDS = "two words and a number"


def _names(params: Params) -> float:
    return WORDS_BITS


_ALL = (
    Generator("generate_user", f"a user's name: {_WORDS}, joined by _", _slug, _names),
    Generator("generate_username", "the same as generate_user", _slug, _names),
    Generator("generate_random_slug", f"the name of a database or similar: {_WORDS}, joined by _", _slug, _names),
    Generator("generate_slug", f"the same, joined by -, as in ZaneOps: {_WORDS}", _dashed, _names),
    Generator(
        "generate_password",
        "hexadecimal digits, as in ZaneOps",
        _password,
        lambda params: 4.0 * params["length"],
        (Parameter("length", 32, least=8, most=4096),),
    ),
    Generator(
        "generate_secure_password",
        "hexadecimal digits",
        _password,
        lambda params: 4.0 * params["length"],
        (Parameter("length", 64, least=16, most=4096),),
    ),
    Generator(
        "generate_random_chars",
        "letters and digits",
        _chars,
        lambda params: _CHAR_BITS * params["length"],
        (Parameter("length", 32, least=1, most=4096),),
    ),
    Generator("generate_random_chars_32", "32 letters and digits", _chars_32, lambda params: _CHAR_BITS * 32),
    Generator("generate_random_chars_64", "64 letters and digits", _chars_64, lambda params: _CHAR_BITS * 64),
    Generator(
        "generate_base64", "this number of bytes in base64", _base64, lambda params: 8.0 * params["bytes"], (_BYTES,)
    ),
    Generator(
        "generate_hex", "this number of bytes in hexadecimal", _hex, lambda params: 8.0 * params["bytes"], (_BYTES,)
    ),
    Generator("generate_uuid", "a UUID of version 4", _uuid, lambda params: 122.0),
    Generator(
        "generate_domain",
        f"a host name: {_WORDS}, joined by -, below the suffix",
        _domain,
        _names,
        (Parameter("suffix", "internal", pattern=DOMAIN, means="a domain in lower case, such as example.com"),),
    ),
    Generator(
        "generate_email",
        f"an address: {_WORDS}, joined by dots, at the domain",
        _email,
        _names,
        (Parameter("domain", "example.com", pattern=DOMAIN, means="a domain in lower case, such as example.com"),),
    ),
    Generator(
        "generate_jwt",
        "a token (HS256) with the given claims, signed with another value",
        _jwt,
        lambda params: 0.0,  # it is as secret as its key
        (
            Parameter("key", pattern=VALUE_NAME, means="the name of the value that signs it, KEY or SERVICE/KEY"),
            Parameter("days", 0, least=0, most=36_500),
        ),
        takes_more=True,
    ),
)
#: All generators by their names.
GENERATORS: Dict[str, Generator] = {generator.name: generator for generator in _ALL}


def generator_of(name: str) -> Generator:
    """Returns the generator of this name. Raises GeneratorError (``unknown_generator``), which lists the known ones."""
    if name not in GENERATORS:
        known = ", ".join(sorted(GENERATORS))
        raise GeneratorError(f"unknown generator {name}", "unknown_generator", f"known generators: {known}")
    return GENERATORS[name]
