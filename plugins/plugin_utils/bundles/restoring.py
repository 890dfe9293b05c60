# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. From a bundle and a snapshot of another Swarm to the options of a restore's tasks. Rejects impossible ones."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from itertools import cycle
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.bundle_options import Options
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import NAMESPACE, name_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.contents import Content, encoded
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.mapped import (
    HOSTNAME,
    KINDS,
    Kind,
    Names,
    Tree,
    definition_of,
    nodes_in,
    outside,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.stack import COMPOSE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import Snapshot

#: The options that identify a stack.
_STACK = ("name", "project", "environment", "label_prefix")


class Restoration:
    """A restore of a bundle to the Swarm ``target``.

    :param options: ``nodes``, ``domains`` and ``networks`` (old names to new), ``secrets``, ``only``, ``incomplete``.
    :param platform: the names of the stacks that are restored first.
    :param lacks: sentences about data that is not in the bundle.
    :param snapshots: of volumes, with ``volume``, ``node`` and ``id``.
    :raises StackwrightError: ``bundle_mapping``, ``bundle_incomplete``, each with all mistakes.
    """

    def __init__(
        self,
        content: Content,
        options: Options,
        target: Snapshot,
        platform: Collection[str],
        lacks: Sequence[str],
        snapshots: Sequence[Mapping[str, str]] = (),
    ) -> None:
        self.content, self.options, self.platform, self.lacks = content, options, platform, lacks
        self.snapshots = snapshots
        self.successors: dict[str, str] = {}
        self.renamed: Mapping[str, str] = options.networks
        self.nodes = {str(node["Description"]["Hostname"]): node["ID"] for node in target["nodes"]}
        self.existing: dict[Kind, set[str]] = {
            "networks": {name_of(network) for network in target["networks"]},
            "secrets": {name_of(secret) for secret in target["secrets"]},
            "configs": {name_of(config) for config in target["configs"]},
        }
        running = {name_of(service) for service in target["services"]}
        self.stacks: dict[str, Any] = {
            name: stack
            for name, stack in sorted(content["stacks"].items())
            # A service without a stack is restored as a stack, unless it already exists.
            if (options.only == "all" or name in platform) and stack["loose"] not in running
        }
        self.labels: dict[str, dict[str, str]] = {}
        self.trees: dict[str, Tree] = {}
        self.configs: dict[str, dict[str, Any]] = dict(content["configs"])
        self._map()
        self.secrets, self.left_out = self._known_secrets()
        for name in self.left_out:
            del self.stacks[name]

    def _map(self) -> None:
        """Maps nodes, domains and networks to their new names. Raises StackwrightError (``bundle_mapping``)."""
        wrong, old = [], self.content["nodes"]
        asked = dict(self.options.nodes)
        if self.options.spread_nodes:
            spare = [name for name in sorted(old) if name not in asked and name not in self.nodes]
            asked.update(zip(spare, cycle(sorted(self.nodes))))
        nodes, ids = {}, {}
        networks = [network["name"] for network in self.content["networks"]]
        for kind, mapped, known in (("nodes", asked, list(old)), ("networks", self.renamed, networks)):
            wrong += [f"{kind}: the bundle has no {one}." for one in sorted(set(mapped) - set(known))]
        texts = [base64.b64decode(stack["files"][COMPOSE]).decode() for stack in self.content["stacks"].values()]
        for domain in self.options.domains:
            if not any(domain in text for text in texts):
                wrong.append(f"domains: no stack of the bundle has {domain}.")
        for name, node in sorted(old.items()):
            new = str(asked.get(name, name) or "")
            if new in self.nodes:
                nodes[name], ids[node["id"]] = new, self.nodes[new]
                if node["labels"]:
                    self.labels[new] = {**self.labels.get(new, {}), **node["labels"]}
            elif asked.get(name):
                wrong.append(f"nodes: the Swarm has no node {new}.")
            elif node["labels"] and name not in asked:
                wrong.append(f"The node {name} has labels, and the Swarm has no such node.")
        self.successors = nodes
        names = Names(nodes, ids, self.options.domains, self.renamed)
        for name, stack in self.stacks.items():
            self.trees[name], odd = definition_of(stack["files"], names)
            for key, data in odd.items():
                self._make_external(name, key, data)
            wrong += [
                f"stack {name}: the service {service} must run on the node {node}, which the Swarm does not have."
                for service, kind, node in nodes_in(self.trees[name])
                if node not in (self.nodes if kind == HOSTNAME else self.nodes.values())
            ]
        if wrong:
            raise StackwrightError(
                "\n".join([*wrong, "Nothing was changed."]),
                "bundle_mapping",
                "Map names of the bundle to those of this Swarm, and a node without a successor to an empty text. It"
                f" has the nodes {', '.join(sorted(self.nodes))}.",
            )

    def _make_external(self, stack: str, key: str, data: str) -> None:
        """Creates a config that no definition can contain before the stack, with the stack as its owner."""
        entry = self.trees[stack]["configs"][key]
        name = entry.get("name") or f"{stack}_{key}"
        driver, labels = entry.get("template_driver") or "", {**(entry.get("labels") or {}), NAMESPACE: stack}
        self.configs[name] = {"data": data, "labels": labels, "template_driver": driver}
        self.trees[stack]["configs"][key] = {"name": name, "external": True}

    def _known_secrets(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Returns the secrets to create, and the stacks that are left out, each with the reason."""
        found, missing, left_out = {}, [], {}
        needed = {name: stack for stack, tree in self.trees.items() for name in outside(tree, "secrets")}
        for name, secret in self.content["secrets"].items():
            given = self.options.secrets
            data = encoded(given[name]) if name in given else secret["data"]
            if name in self.existing["secrets"] or not (name in needed or self.options.only == "all"):
                continue
            if data is not None:
                found[name] = {"data": data, "labels": secret["labels"]}
            elif name in needed:
                users = [stack for stack, tree in self.trees.items() if name in outside(tree, "secrets")]
                missing.append(f"secret {name} (stack {', '.join(users)}): its content is missing.")
                left_out.update(
                    {stack: f"stack {stack}: the content of the secret {name} is not known" for stack in users}
                )
        if missing and not self.options.incomplete:
            raise StackwrightError(
                "\n".join([*missing, "Nothing was changed."]),
                "bundle_incomplete",
                "Set the contents in the option secrets, create the secrets, or set incomplete: true to leave "
                "out their stacks.",
                {"missing": sorted(left_out)},
            )
        return found, left_out

    def tasks(self, check: bool) -> dict[str, Any]:
        """Returns the modules' options. With ``check``, stacks whose objects don't exist yet are ``unplanned``."""
        wanted = {name: self._wants(name) for name in self.stacks}
        used = {kind: {one for wants in wanted.values() for one in wants[kind]} for kind in KINDS}
        every, platform = self.options.only == "all", self.platform
        networks = self._networks(None if every else used["networks"])
        configs = {
            name: config
            for name, config in self.configs.items()
            if name not in self.existing["configs"] and (every or name in used["configs"])
        }
        owners = {network: name for name in self.stacks for network in self.stacks[name]["networks"]}
        new: dict[Kind, set[str]] = {
            "networks": {*owners, *(network["name"] for network in networks)} - self.existing["networks"],
            "secrets": set(self.secrets),
            "configs": set(configs),
        }
        later = [name for name, wants in wanted.items() if check and any(new[kind] & {*wants[kind]} for kind in KINDS)]
        entries = {
            name: {**self._options(name), "definition": tree} for name, tree in self.trees.items() if name in wanted
        }
        for name, entry in entries.items():
            before = {owners[one] for one in wanted[name]["networks"] if owners.get(one, name) != name}
            entry["after"] = sorted(before - {*later, *([] if name in platform else platform)})
        return {
            "node_labels": self.labels,
            "networks": networks,
            "secrets": self.secrets,
            "configs": configs,
            "kept": [
                {"stack": {word: entries[name][word] for word in _STACK if word in entries[name]}, "values": values}
                for name, values in sorted(self.content["values"].items())
                if name in entries and values
            ],
            "volumes": [
                {"volume": shot["volume"], "snapshot": shot["id"], "node": self.successors[shot["node"]]}
                for shot in self._wanted_snapshots()
                if shot["node"] in self.successors
            ],
            "folders": sorted({path for name in platform if name in entries for path in self.stacks[name]["binds"]}),
            "platform": [entry for name, entry in entries.items() if name in platform and name not in later],
            "stacks": [entry for name, entry in entries.items() if name not in (*platform, *later)],
            "unplanned": later,
            "not_restored": self._not_restored(),
        }

    def _wanted_snapshots(self) -> list[Mapping[str, str]]:
        wanted = {volume for name in self.stacks for volume in self.stacks[name]["volumes"]}
        return [shot for shot in self.snapshots if shot["volume"] in wanted]

    def _networks(self, used: set[str] | None) -> list[dict[str, Any]]:
        """Returns the networks without a stack: those in ``used``, or all. Leaves out those mapped to existing ones."""
        found = []
        for network in self.content["networks"]:
            name = self.renamed.get(network["name"], network["name"])
            replaced = name != network["name"] and name in self.existing["networks"]
            if not replaced and (used is None or name in used):
                found.append({**network, "name": name})
        return found

    def _wants(self, name: str) -> dict[Kind, list[str]]:
        """Returns the objects that must exist before a stack."""
        found = {kind: outside(self.trees[name], kind) for kind in KINDS}
        return {**found, "networks": [*found["networks"], *self._options(name).get("shared_networks", [])]}

    def _options(self, name: str) -> dict[str, Any]:
        """Returns the options of compose_stack, with the new names of networks."""
        found = dict(self.stacks[name]["options"])
        if "shared_networks" in found:
            found["shared_networks"] = [self.renamed.get(one, one) for one in found["shared_networks"]]
        platform = found.get("platform") or {}
        if platform.get("hash_aliases"):
            found["platform"] = {**platform, "hash_aliases": [self.renamed.get(o, o) for o in platform["hash_aliases"]]}
        return found

    def _not_restored(self) -> list[str]:
        known = {f"secret {name}:" for name in (*self.secrets, *self.existing["secrets"])}
        others = {f"stack {name}:" for name in set(self.content["stacks"]) - set(self.stacks)}
        lines = [one for one in self.lacks if not one.startswith((*known, *others))]
        lines += [
            f"the data of the volume {shot['volume']}: its node {shot['node']} has no successor"
            for shot in self._wanted_snapshots()
            if shot["node"] not in self.successors
        ]
        return [*lines, *self.left_out.values()]
