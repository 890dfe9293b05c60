# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of values: the properties that all keys of a kind share, from the schema to the field of the spec."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.blocks import (
    block,
    blocks,
    devices,
    ulimits,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.casts import to_bool, to_float, to_int
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.commands import health_test, words
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.environment import (
    env_file,
    environment,
    extra_hosts,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.networks import depends_on, networks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.ports import ports
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.references import references
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.sections import resource
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import text, text_list, text_map
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.volumes import volumes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.pattern_table import Rule
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Path
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.units import (
    byte_size,
    duration,
    nano_cpus,
)


class Unit(NamedTuple):
    """How to parse a text with a unit. The Engine accepts 0, or at least ``least``."""

    parse: Callable[[Hashable], int]
    expected: str
    units: str
    least: float = float("-inf")
    refusal: str = ""


class Kind(NamedTuple):
    """The properties of a key's values.

    ``schema``: the definition in compose.schema.json that the values match; "" if the file itself has the key.
    ``cast``: converts text, the only type that variables have, to the key's type.
    ``form``: converts all ways of writing a value to the canonical form.
    ``known_by``: identifies an item of a list, which replaces the same item of an earlier file; without it, items are
    appended. ``replaces``: tells if the value of a later file replaces that of an earlier one. ``either``: it also does
    so if only one of them is a mapping or a list. ``pairs``: a mapping with names that users choose, and in which null
    has a meaning. ``words``: the only valid texts, in ``any_case`` or exactly so.
    ``read``: reads the value for its field, unless it has a ``unit``. ``zero``: 0 and false are sent as well.
    ``within``: the smallest and the largest number.
    """

    schema: str = ""
    form: Rule | None = None
    cast: Rule | None = None
    known_by: Callable[[object], Hashable] | None = None
    replaces: Callable[[object, object], bool] | None = None
    either: bool = False
    pairs: bool = False
    unit: Unit | None = None
    words: tuple[str, ...] = ()
    any_case: bool = False
    read: Callable[[Mapping[str, object], str, Path], object] | None = None
    zero: bool = False
    within: tuple[int, int] | None = None


def _always(_base: object, _over: object) -> bool:
    return True


def _other_driver(base: object, over: object) -> bool:
    drivers = [side.get("driver") for side in (base, over) if isinstance(side, Map)]
    return len(drivers) == 2 and None not in drivers and drivers[0] != drivers[1]


def _port(entry: object) -> Hashable:
    if not isinstance(entry, dict):
        return id(entry)
    values = (entry.get("host_ip") or "0.0.0.0", entry.get("published"), entry.get("target"))
    return (*map(str, values), entry.get("protocol") or "tcp")


def _mount(entry: object) -> Hashable:
    target = entry.get("target") if isinstance(entry, dict) else None
    return posixpath.normpath(target) if isinstance(target, str) and target else id(entry)


def _secret(entry: object) -> Hashable:
    if not isinstance(entry, dict):
        return id(entry)
    return posixpath.join("/run/secrets", str(entry.get("target") or entry.get("source")))


def _config(entry: object) -> Hashable:
    return str(entry.get("target") or f"/{entry.get('source')}") if isinstance(entry, dict) else id(entry)


def _device(entry: object) -> Hashable:
    parts = str(entry).split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def _env_file(entry: object) -> Hashable:
    return entry.get("path") if isinstance(entry, dict) else id(entry)


def _subnet(entry: object) -> Hashable:
    return entry.get("subnet") or id(entry) if isinstance(entry, dict) else id(entry)


_DURATION = ("a duration such as 30s or 1m30s", "units are us, ms, s, m and h")
_SIZE = ("a size such as 512M or 2gb", "units are b, k, m and g")
BYTE_SIZE = Unit(byte_size, *_SIZE)

#: Texts, as the schema allows them: with or without numbers ("plain"), with or without null (a key may be empty).
TEXT = Kind("text", text)
TEXT_OR_NULL = Kind("text_or_null", text, read=readers.text)
PLAIN = Kind("plain", text)
PLAIN_OR_NULL = Kind("plain_or_null", text, read=readers.text)

BOOLEAN = Kind("boolean", cast=to_bool)
BOOLEAN_OR_NULL = Kind("boolean_or_null", cast=to_bool, read=readers.boolean)
#: Both true and false differ from the default.
SWITCH = BOOLEAN_OR_NULL._replace(zero=True)
EXTERNAL = Kind("external", cast=to_bool)

COUNT = Kind("count", cast=to_int)
INTEGER = Kind("integer", cast=to_int)
INTEGER_OR_NULL = Kind("integer_or_null", cast=to_int, read=readers.integer)
INTEGER_OR_NUMBER = Kind("integer_or_number", cast=to_int)
#: An INTEGER that compose.schema.json defines itself; and the file mode of a config or secret.
WHOLE_NUMBER = Kind(cast=to_int)
FILE_MODE = Kind("count")
MICROSECONDS = Kind("plain_or_null", cast=to_int, read=readers.integer)
NUMBER = Kind("number", cast=to_float)
NUMBER_OR_NULL = Kind("number_or_null", cast=to_float, read=readers.number)

CPUS = Kind(
    "cpus",
    text,
    unit=Unit(
        nano_cpus,
        "a number of CPUs such as 0.5",
        "use only digits and a decimal point",
        10**6,
        "must be at least 0.001",
    ),
)
BYTES = Kind("bytes", text)
SIZE = BYTES._replace(unit=BYTE_SIZE)
#: 4 MiB is the least memory that swarmkit accepts for a limit or a reservation.
MEMORY = BYTES._replace(unit=Unit(byte_size, *_SIZE, 4 * 2**20, "must be at least 4M"))
DURATION = Kind("duration", text, unit=Unit(duration, *_DURATION, 0, "must not be negative"), zero=True)
HEALTH_TIME = Kind("duration", unit=Unit(duration, *_DURATION, 10**6, "must be at least 1ms"))

#: Lists of unique texts.
TEXTS = Kind("texts", text_list, known_by=str, read=readers.texts)
PLAINS = TEXTS._replace(schema="plains")
TEXT_OR_TEXTS = TEXTS._replace(schema="text_or_texts")
#: A list whose items are always appended to those of an earlier file.
APPENDED = Kind("texts", text_list)
COMMAND = Kind("command", words, replaces=_always, read=readers.texts)

PAIRS = Kind("list_or_map", text_map, pairs=True, read=readers.labels)
OPTIONS = Kind("options", text_map, pairs=True, read=readers.labels)
ENVIRONMENT = Kind("list_or_map", environment, pairs=True)

#: Kinds of only one or two keys. compose.schema.json defines their shapes.
OTHER = Kind()
BLOCK = Kind(form=block)
LOGGING = Kind(form=block, replaces=_other_driver)
HEALTH_TEST = Kind("text_or_texts", health_test, replaces=_always)
STEPS = Kind(form=blocks)
ULIMITS = Kind(form=ulimits, either=True)
BUILD = Kind(either=True)
DEVICES = Kind(form=devices, known_by=_device)
DEPENDS_ON = Kind(form=depends_on)
ENV_FILE = Kind(form=env_file, known_by=_env_file)
EXPOSE = Kind(form=text_list, known_by=str)
EXTRA_HOSTS = Kind(form=extra_hosts, known_by=str, pairs=True)
NETWORKS = Kind(form=networks)
PORTS = Kind(form=ports, known_by=_port)
CONFIGS = Kind(form=references, known_by=_config)
SECRETS = Kind(form=references, known_by=_secret)
VOLUMES = Kind(form=volumes, known_by=_mount)
RESOURCE = Kind(form=resource)
SUBNETS = Kind(known_by=_subnet)


def one_of(*words: str, any_case: bool = False) -> Kind:
    return TEXT._replace(words=words, any_case=any_case)
