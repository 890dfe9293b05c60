# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files beside the stacks of a whole Swarm: inventory, deploy playbook, variables, and README.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import NAMESPACE, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.normalise import network as normal
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.attached import subnets
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.stack import Exported
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import ContentKind, Snapshot
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.yaml_text import yaml_text

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Network

STACKS, LOOSE = "stacks", "loose"
_PLAYBOOK = """---
- name: Deploy the Swarm
  hosts: swarm_managers
  gather_facts: false
  tasks:
    - name: Create the networks that several stacks share
      stackwright.swarm.swarm_network:
        name: "{{ item.name }}"
        driver: "{{ item.driver | default(omit) }}"
        driver_options: "{{ item.driver_options | default(omit) }}"
        attachable: "{{ item.attachable | default(omit) }}"
        internal: "{{ item.internal | default(omit) }}"
        ipv6: "{{ item.ipv6 | default(omit) }}"
        ipam: "{{ item.ipam | default(omit) }}"
        labels: "{{ item.labels | default(omit) }}"
      loop: "{{ swarm_networks }}"
      loop_control:
        label: "{{ item.name }}"

    - name: Deploy the stacks
      stackwright.swarm.compose_stack:
        stacks: ["{{ playbook_dir }}/stacks"]
"""


def playbook_files(
    stacks: Sequence[Exported], loose: Sequence[Exported], refused: Iterable[str], observed: Snapshot
) -> dict[str, bytes]:
    """Returns the files by path. Raises ValueError for a text that YAML can't contain."""
    networks = outside_networks(observed)
    made = {
        "inventory.yml": yaml_text(_inventory(observed)),
        "deploy.yml": _PLAYBOOK,
        "group_vars/swarm_managers.yml": yaml_text({"swarm_networks": networks}),
        "README.md": _page(stacks, loose, list(refused), networks, observed),
    }
    return {path: text.encode() for path, text in made.items()}


def _inventory(observed: Snapshot) -> dict[str, Any]:
    groups: dict[str, dict[str, Any]] = {"swarm_managers": {}, "swarm_workers": {}}
    for node in sorted(observed["nodes"], key=lambda node: str((node.get("Description") or {}).get("Hostname"))):
        manager = (node.get("Spec") or {}).get("Role") == "manager"
        address = str((node.get("Status") or {}).get("Addr") or "")
        if address in ("", "0.0.0.0", "127.0.0.1"):
            address = str((node.get("ManagerStatus") or {}).get("Addr") or "").rpartition(":")[0]
        host = {"ansible_host": address} if address else None
        groups["swarm_managers" if manager else "swarm_workers"][str(node["Description"]["Hostname"])] = host
    return {"all": {"children": {name: {"hosts": hosts or None} for name, hosts in groups.items()}}}


def outside_networks(observed: Snapshot) -> list[dict[str, Any]]:
    """Returns the networks of the Swarm that belong to no stack, as the options of swarm_network."""
    own = [network for network in observed["networks"] if network.get("Scope") == "swarm" and not stack_of(network)]
    return [_network(network, observed) for network in sorted(own, key=name_of) if not network.get("Ingress")]


def _network(network: Network, observed: Snapshot) -> dict[str, Any]:
    plain = normal(network)
    found = {
        "name": name_of(network),
        "driver": "" if plain["Driver"] == "overlay" else plain["Driver"],
        "driver_options": plain["Options"],
        "attachable": plain["Attachable"],
        "internal": plain["Internal"],
        "ipv6": plain["EnableIPv6"],
        "ipam": subnets(plain["IPAM"]["Config"], observed),
        "labels": plain["Labels"],
    }
    return {word: value for word, value in found.items() if value}


def unowned(observed: Snapshot, kind: ContentKind) -> list[str]:
    """Returns the names of the configs or secrets that belong to no stack."""
    return sorted(name_of(obj) for obj in observed[kind] if NAMESPACE not in ((obj["Spec"].get("Labels")) or {}))


def _page(
    stacks: Sequence[Exported],
    loose: Sequence[Exported],
    refused: list[str],
    networks: Sequence[Mapping[str, object]],
    observed: Snapshot,
) -> str:
    secrets = sorted({name for one in (*stacks, *loose) for name in one.secrets} | set(unowned(observed, "secrets")))
    configs = unowned(observed, "configs")
    lost = [*refused, *(one for made in (*stacks, *loose) for one in made.lost)]
    lines = [
        "# This Swarm as files",
        "",
        "Exported by `stackwright.swarm.stack_export`. Install the collection, check the addresses in `inventory.yml`,",
        "and compare:",
        "",
        "```",
        "ansible-galaxy collection install stackwright.swarm",
        "ansible-playbook -i inventory.yml deploy.yml --check --diff",
        "```",
        "",
        "The Compose files contain environments as they run, and so passwords. Keep them private, or encrypt them with",
        "Ansible Vault.",
        "",
        "## Stacks",
        "",
        *[f"* `{STACKS}/{one.name}`: {', '.join(one.services) or 'no services'}" for one in stacks],
    ]
    if loose:
        lines += [
            "",
            "## Services without a stack",
            "",
            "A deployment creates a new service beside such a service. To move it, run `docker service rm`,",
            f"move its folder to `{STACKS}`, and run the playbook.",
            "",
            *[f"* `{one.loose}`: `{LOOSE}/{one.name}`" for one in loose],
        ]
    if secrets or configs or networks:
        lines += ["", "## What has to be there", ""]
        lines += [
            "The stacks need these objects. In another Swarm, create them first. No export contains the content of"
        ]
        lines += ["secrets.", ""]
        lines += [f"* network `{network['name']}` (the playbook creates it)" for network in networks]
        lines += [f"* config `{name}`" for name in configs]
        lines += [f"* secret `{name}`" for name in secrets]
    if lost:
        lines += ["", "## Not in these files", "", *[f"* {one}" for one in lost]]
    return "\n".join(lines) + "\n"
