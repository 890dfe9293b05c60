# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates a document against the schema of registries, registry.schema.json, which editors use as well."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.keywords import fits, violations
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.loader import owners, read_schema
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import shown_key, shown_value
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Path
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import TOP

SCHEMA_FILE = "registry.schema.json"
MOST = 500
#: The title of a service in the schema of Compose files.
SERVICE = "a service"
REMEDIES = {"required": "add the key", "range": "write a number in this range", "name": "rename it"}


@functools.lru_cache(maxsize=None)
def schema() -> dict[str, Any]:
    """Returns the JSON Schema of a registry with all references resolved."""
    return read_schema(__package__, SCHEMA_FILE)


def service_keys() -> Mapping[str, Any]:
    """Returns the schema of each key of a service."""
    keys: Mapping[str, Any] = schema()["additionalProperties"]["additionalProperties"]["properties"]
    return keys


def check_shape(tree: Map, findings: Findings, overlay: bool = False) -> None:
    """Reports the parts of a document that the schema refuses, and removes them, so that the rest can be checked.

    An ``overlay`` may leave out required keys.
    """
    if fits(tree, schema()):
        return
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import FOLLOWS
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import findings as explained

    found = (finding for violation in violations(tree, schema()) for finding in explained(violation))
    refused = list(itertools.islice(found, MOST))
    for path, message, code, hint, known in refused:
        if code == FOLLOWS or (overlay and code == "required"):
            continue
        text = hint if isinstance(hint, str) else _hint_for_unknown(path, known) or hint()
        if code == "required" and len(path) == 2 and path[0] not in TOP:
            text = text or _hint_for_new(tree, str(path[0]), str(path[1]), findings.file)
        if code == "pattern":
            message = message.replace("found another text", f"found {shown_value(_value_at(tree, path))}")
        findings.problem(path, message, text or REMEDIES.get(code) or _hint_for_type(path, message), code)
    for path, _message, code, _hint, _known in refused:
        if code not in (FOLLOWS, "required"):
            _cut(tree, path)


def _value_at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _hint_for_type(path: Path, message: str) -> str:
    """Returns the hint for a value of another type; ``message`` begins with "expected ..."."""
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import closest

    meant = closest(path[0], TOP) if len(path) == 1 and path[0] not in TOP else ""
    if meant:
        return f"did you mean '{meant}'?"
    expected = message.partition("expected ")[2].rpartition(", found ")[0]
    expected = expected if "{" in expected else expected.partition(":")[0]
    return f"write {expected}" if expected and len(path) > 1 else "correct the value"


def _hint_for_new(tree: Map, category: str, name: str, file: str) -> str:
    """Returns the hint for a service of an overlay that the registry in ``file`` does not have."""
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import closest

    if tree[category].mark(name).file == file:
        return ""
    homes = {
        str(known): str(group)
        for group, services in tree.items()
        if group not in TOP and isinstance(services, Map)
        for known in services
        if services.mark(known).file == file or "image" in (services[known] or ())
    }
    if homes.get(name, category) != category:
        return f"it is in the category '{homes[name]}': write it there"
    meant = closest(name, [known for known in homes if known != name])
    if meant:
        return f"did you mean '{meant}'? A new service needs 'image'"
    return "add the key: the registry has no such service"


def _cut(tree: Map, path: Path) -> None:
    """Removes the value at ``path``. Removes a list as a whole, since the indexes of its entries would change."""
    node: Any = tree
    for depth, key in enumerate(path):
        if not isinstance(node, Map) or not isinstance(key, str) or key not in node:
            return
        below = node.get(key)
        if depth == len(path) - 1 or isinstance(below, list):
            node.drop(str(key))
            node.mark_lost(str(key))
            return
        node = below


def _hint_for_unknown(path: Path, known: Any) -> str:
    """Returns the hint for an unknown key; "" if the general hint is good enough."""
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import closest

    key = str(path[-1])
    if len(path) == 3 and path[0] not in TOP and closest(path[0], TOP):
        return f"did you mean the section '{closest(path[0], TOP)}'? '{shown_key(path[0])}' is a category of services"
    longer = [name for name in known if len(key) > 2 and name.startswith(f"{key}_")]
    meant = closest(key, known) or (longer[0] if len(longer) == 1 else "")
    if meant:
        return f"did you mean '{meant}'?"
    if known is service_keys() and SERVICE in owners().get(str(key), ()):
        return "it is a key of Compose: put it under 'compose:'"
    return ""


def check_names(tree: Map, findings: Findings) -> None:
    """Checks the names of categories, services and objects: they become names of files, services and hosts."""
    for category, services in tree.items():
        if category in TOP or category.startswith("x-"):
            continue
        _check_name((category,), category, "category", findings)
        for name in services if isinstance(services, dict) else ():
            _check_name((category, name), name, "service", findings)
    for section in ("networks", "volumes", "secrets", "configs", "phases"):
        for name in tree.get(section) or () if isinstance(tree.get(section), dict) else ():
            _check_name((section, name), name, section[:-1], findings)


def _check_name(path: Path, name: str, what: str, findings: Findings) -> None:
    plain = name.replace("_", "").replace("-", "").replace(".", "")
    if not (plain.isalnum() and name.isascii() and name[0].isalnum()):
        message = f"'{shown_key(name)}' can't be the name of a {what}"
        findings.problem(
            path, message, "begin with a letter or digit, and use letters, digits, '.', '_' and '-'", "name"
        )
    elif len(name) > 63:
        findings.problem(path, f"the name of this {what} has {len(name)} characters", "use at most 63", "name")
