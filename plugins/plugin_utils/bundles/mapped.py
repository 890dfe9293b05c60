# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. Converts an exported stack to a definition for another Swarm, with other nodes, domains and networks."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.constraints import EXPRESSION
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.stack import COMPOSE

HOSTNAME = "node.hostname"
_NODE = (HOSTNAME, "node.id")
#: The start of an expression that the compiler would replace by a generated value.
_EXPRESSION = re.compile(r"\{\{\s*generate_")


Kind = Literal["networks", "secrets", "configs"]
KINDS: tuple[Kind, ...] = ("networks", "secrets", "configs")


class Tree(TypedDict, total=False):
    """An exported Compose file: its sections, by the keys in them."""

    services: dict[str, Any]
    networks: dict[str, Any]
    secrets: dict[str, Any]
    configs: dict[str, Any]


@dataclass(frozen=True)
class Names:
    """The new names of nodes (by name and id), domains and networks, by their names in the bundle."""

    nodes: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    domains: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)


def definition_of(files: Mapping[str, str], names: Names) -> tuple[Tree, dict[str, str]]:
    """Returns the Compose file as a tree without other files, and the data of configs that it can't contain, by key.

    :param files: the stack's files in base64, by path.
    """
    tree: Tree = yaml.safe_load(base64.b64decode(files[COMPOSE]))
    for service in (tree.get("services") or {}).values():
        deploy = service.get("deploy") or {}
        placement = deploy.get("placement") or {}
        if "constraints" in placement:
            placement["constraints"] = [_constraint(text, names) for text in placement["constraints"]]
        for holder, key in ((service, "environment"), (service, "labels"), (deploy, "labels")):
            if holder.get(key):
                holder[key] = _with_domains(holder[key], names.domains)
    for key, network in (tree.get("networks") or {}).items():
        if network and network.get("external") and network.get("name", key) in names.networks:
            network["name"] = names.networks[network.get("name", key)]
    odd = {}
    for key, config in (tree.get("configs") or {}).items():
        if "file" not in config:
            continue
        data = files[config.pop("file")[len("./") :]]
        text = _plain(data)
        if text is None:
            odd[key] = data
        else:
            config["content"] = text
    return tree, odd


def nodes_in(tree: Tree) -> Iterator[tuple[str, str, str]]:
    """Yields the nodes that services must run on: the service, ``node.hostname`` or ``node.id``, and its value."""
    for key, service in (tree.get("services") or {}).items():
        for text in ((service.get("deploy") or {}).get("placement") or {}).get("constraints") or []:
            match = EXPRESSION.match(text)
            if match and match.group(1).lower() in _NODE and match.group(2) == "==":
                yield key, match.group(1).lower(), match.group(3)


def outside(tree: Tree, kind: Kind) -> list[str]:
    """Returns the names of the external objects of a kind (``networks``, ``configs``, ``secrets``)."""
    return [
        entry.get("name") or key for key, entry in (tree.get(kind) or {}).items() if entry and entry.get("external")
    ]


def _constraint(text: str, names: Names) -> str:
    match = EXPRESSION.match(text)
    if not match or match.group(1).lower() not in _NODE:
        return text
    known = names.nodes if match.group(1).lower() == HOSTNAME else names.ids
    new = known.get(match.group(3), match.group(3))
    return f"{match.group(1)} {match.group(2)} {new}" if new != match.group(3) else text


def _with_domains(node: object, domains: Mapping[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {key: _with_domains(value, domains) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_domains(value, domains) for value in node]
    if not isinstance(node, str) or not domains:
        return node
    # A domain and its subdomains, but not other domains with the same start or end.
    longest = sorted(domains, key=len, reverse=True)
    names = "|".join(re.escape(name) for name in longest)
    return re.sub(
        rf"(?<![A-Za-z0-9-])({names})(?![A-Za-z0-9-]|\.[A-Za-z0-9])", lambda match: domains[match.group(1)], node
    )


def _plain(data: str) -> str | None:
    """Returns base64 data as the text of ``content``; None if a Compose file can't contain it."""
    try:
        text = base64.b64decode(data).decode()
    except UnicodeDecodeError:
        return None
    return None if not text or "\0" in text or _EXPRESSION.search(text) else text.replace("$", "$$")
