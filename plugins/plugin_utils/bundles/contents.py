# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. The content of a bundle: the encrypted part, and the readable facts for the manifest."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    NAMESPACE,
    PRIVATE,
    labels_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.playbook import outside_networks, unowned
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.stack import Exported
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import Snapshot
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.whole import export_swarm

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config


class Kept(TypedDict):
    """One stack in a bundle: its files in base64 by path, its options of compose_stack, its volumes and networks."""

    files: dict[str, str]
    options: dict[str, Any]
    loose: str
    volumes: list[str]
    binds: list[str]
    networks: list[str]


class Content(TypedDict):
    """The encrypted part. Data are in base64; the data of a secret is None if it is unknown."""

    stacks: dict[str, Kept]
    values: dict[str, dict[str, str]]
    secrets: dict[str, dict[str, Any]]
    configs: dict[str, dict[str, Any]]
    networks: list[dict[str, Any]]
    nodes: dict[str, dict[str, Any]]


class Facts(TypedDict):
    """The readable part."""

    platform: list[str]
    stacks: dict[str, dict[str, object]]
    nodes: list[str]
    networks: list[str]
    configs: list[str]
    secrets: list[str]
    snapshots: list[dict[str, str]]
    not_in_bundle: list[str]


def contents_of(
    observed: Snapshot,
    prefix: str,
    platform: Sequence[str],
    values: Mapping[str, Mapping[str, object]],
    secrets: Mapping[str, object],
    snapshots: Sequence[Mapping[str, object]] = (),
) -> tuple[Facts, Content]:
    """Returns the facts and the content of a bundle of the observed Swarm.

    :param platform: the names of the stacks that are restored first.
    :param values: kept values that the manager can't read, by stack and name.
    :param secrets: contents of secrets by name.
    :param snapshots: results of volume_snapshot.
    :raises StackwrightError: ``not_found`` for a stack or secret that is not in the Swarm.
    """
    stacks, loose, refused = export_swarm(observed, prefix)
    every = {one.name: one for one in (*stacks, *loose)}
    _refuse_unknown("stack", values, every)
    _refuse_unknown("secret", secrets, [name_of(secret) for secret in observed["secrets"]])
    needed = _needed(observed, every)
    known = {stack: dict(its["texts"]) for stack, its in (observed.get("values") or {}).items() if its.get("texts")}
    for stack, given in values.items():
        known[stack] = {**known.get(stack, {}), **{name: str(text) for name, text in given.items()}}
    content: Content = {
        "stacks": {name: _stack(one, observed) for name, one in every.items()},
        "values": known,
        "secrets": {name: _secret(name, users, observed, secrets) for name, users in needed.items()},
        "configs": {name: _config(name, observed) for name in unowned(observed, "configs")},
        "networks": outside_networks(observed),
        "nodes": {
            str(node["Description"]["Hostname"]): {"id": node["ID"], "labels": (node["Spec"].get("Labels") or {})}
            for node in observed["nodes"]
        },
    }
    lacks = [*refused, *(observed.get("notices") or []), *(line for one in every.values() for line in one.lost)]
    lacks += [
        f"secret {name}: its content is not known{_of(secret['stacks'])}"
        for name, secret in content["secrets"].items()
        if secret["data"] is None
    ]
    shots = [
        {"node": str(result["node"]), **{word: str(shot[word]) for word in ("volume", "id", "sha256")}}
        for result in snapshots
        for shot in cast("list[dict[str, object]]", result["snapshots"])
        if shot["id"]  # none in check mode
    ]
    for name, kept in content["stacks"].items():
        missing = set(kept["volumes"]) - {shot["volume"] for shot in shots}
        lacks += [f"stack {name}: the data of the volume {volume}" for volume in sorted(missing)]
        lacks += [f"stack {name}: the files below {path} on the nodes" for path in kept["binds"]]
    facts: Facts = {
        "platform": sorted(set(platform) & set(every)),
        "stacks": {
            name: {"services": one.services, "values": len(known.get(name, {}))} for name, one in sorted(every.items())
        },
        "nodes": sorted(content["nodes"]),
        "networks": [network["name"] for network in content["networks"]],
        "configs": sorted(content["configs"]),
        "secrets": sorted(name for name, secret in content["secrets"].items() if secret["data"] is not None),
        "snapshots": shots,
        "not_in_bundle": lacks,
    }
    return facts, content


def encoded(text: object) -> str:
    """Returns a text in base64."""
    return base64.b64encode(str(text).encode()).decode()


def _refuse_unknown(kind: str, given: Mapping[str, object], known: Iterable[str]) -> None:
    missing = sorted(set(given) - set(known))
    if missing:
        raise StackwrightError(
            f"There is no {kind} {', '.join(missing)} in the Swarm.",
            "not_found",
            "Give full names, as docker shows them. Nothing was written.",
        )


def _needed(observed: Snapshot, every: Mapping[str, Exported]) -> dict[str, list[str]]:
    """Returns the secrets whose contents must come from the user, with the stacks that use them."""
    found: dict[str, list[str]] = {name: [] for name in unowned(observed, "secrets")}
    for name, one in every.items():
        for secret in one.secrets:
            found.setdefault(secret, []).append(name)
    return dict(sorted(found.items()))


def _of(stacks: Sequence[str]) -> str:
    return f" (stack {', '.join(stacks)})" if stacks else ""


def _stack(one: Exported, observed: Snapshot) -> Kept:
    services = [s for s in observed["services"] if (name_of(s) == one.loose if one.loose else stack_of(s) == one.name)]
    mounts = [m for s in services for m in s["Spec"]["TaskTemplate"].get("ContainerSpec", {}).get("Mounts") or []]
    named: dict[str, list[str]] = {
        kind: sorted({str(m["Source"]) for m in mounts if m.get("Source") and (m.get("Type") or "volume") == kind})
        for kind in ("volume", "bind")
    }
    return {
        "files": {path: base64.b64encode(content).decode() for path, content in one.files.items()},
        "options": dict(one.options),
        "loose": one.loose,
        "volumes": named["volume"],
        "binds": named["bind"],
        "networks": [name_of(n) for n in observed["networks"] if stack_of(n) == one.name and not one.loose],
    }


def _secret(name: str, stacks: list[str], observed: Snapshot, given: Mapping[str, object]) -> dict[str, Any]:
    live = next((secret for secret in observed["secrets"] if name_of(secret) == name), None)
    data = encoded(given[name]) if name in given else None
    return {"data": data, "stacks": stacks, "labels": _labels(live) if live else {}}


def _config(name: str, observed: Snapshot) -> dict[str, Any]:
    live = next(config for config in observed["configs"] if name_of(config) == name)
    driver = (live["Spec"].get("Templating") or {}).get("Name") or ""
    return {"data": live["Spec"].get("Data") or "", "labels": _labels(live), "template_driver": driver}


def _labels(live: Config) -> dict[str, str]:
    return {
        label: value for label, value in labels_of(live).items() if label == NAMESPACE or not label.startswith(PRIVATE)
    }
