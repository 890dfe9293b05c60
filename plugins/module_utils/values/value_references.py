# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References: a value's name inside a text, between two NULs, in place of the value.

The compiler refuses NUL in texts of a Compose file, environment variables and labels. Names are ``stack/KEY`` (of the
whole stack), ``SERVICE/KEY``, ``configs/KEY`` and ``secrets/KEY`` (in their content). If one value has several
expressions, the second is ``KEY#2``, the third ``KEY#3``.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Dict, Iterator, List, Mapping, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError

REFERENCE = re.compile("\0([^\0]*)\0")
SHOWN = "<generated>"
HIDDEN = "********"
#: Owners of names that no service can have.
STACK, CONFIGS, SECRETS = "stack", "configs", "secrets"
RESERVED = (STACK, CONFIGS, SECRETS)
#: Swarm expands templates in these parts of a ContainerSpec, so values are escaped there.
EXPANDED = ("Env", "Hostname", "Mounts")
BRACES, ESCAPED = "{{", '{{"{{"}}'


def reference(name: str) -> str:
    """Returns the text that stands for a value."""
    return f"\0{name}\0"


def references_in(value: object) -> Set[str]:
    """Returns the names of all values that plain data refers to, also in the content of configs and secrets."""
    return {name for text in _texts(value) for name in REFERENCE.findall(text)}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if "\0" in value:
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
        if value.get("template") is True and value.get("data"):
            yield _content(value)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _content(entry: Mapping[str, str]) -> str:
    return base64.b64decode(entry["data"]).decode("utf-8", "surrogateescape")


def bind_values(value: object, values: Mapping[str, str]) -> Any:
    """Returns a copy of plain data with each reference replaced by its value; parts without references are shared.

    In entries with ``template: true`` it also binds the base64 text ``data``. Where Swarm expands templates, it escapes
    ``{{`` in values. Raises ValueStoreError (``value_missing``) with the names of all missing values.
    """
    missing = references_in(value) - set(values)
    if missing:
        names = ", ".join(sorted(missing))
        raise ValueStoreError(
            f"there is no value for: {names}.", "value_missing", details={"missing_values": sorted(missing)}
        )
    return _replaced(value, values, "", False)


def _replaced(value: object, values: Mapping[str, str], key: str, escape: bool) -> Any:
    if isinstance(value, str):
        return _text(value, values, escape) if "\0" in value else value
    if isinstance(value, dict):
        inside = key == "ContainerSpec"
        new: Dict[str, Any] = {
            name: _replaced(item, values, name, escape or inside and name in EXPANDED) for name, item in value.items()
        }
        if value.get("template") is True and value.get("data"):
            data = _text(_content(value), values, False).encode("utf-8", "surrogateescape")
            new["data"] = base64.b64encode(data).decode("ascii")
        return value if all(new[name] is value[name] for name in value) else new
    if isinstance(value, list):
        items: List[Any] = [_replaced(item, values, key, escape) for item in value]
        return value if all(item is old for item, old in zip(items, value)) else items
    return value


def _text(text: str, values: Mapping[str, str], escape: bool) -> str:
    return REFERENCE.sub(lambda match: escaped(values[match.group(1)]) if escape else values[match.group(1)], text)


def escaped(value: str) -> str:
    """Escapes ``value`` for a place where Swarm expands templates, such as an environment variable."""
    return value.replace(BRACES, ESCAPED)


def unescaped(text: str) -> str:
    """Undoes ``escaped``: returns the value that a container gets from a running service's specification."""
    return text.replace(ESCAPED, BRACES)


def show_references(value: object) -> Any:
    """Returns a copy for people: each reference is ``<generated>``."""
    if isinstance(value, str):
        return REFERENCE.sub(SHOWN, value) if "\0" in value else value
    if isinstance(value, dict):
        return {name: show_references(item) for name, item in value.items()}
    return [show_references(item) for item in value] if isinstance(value, list) else value
