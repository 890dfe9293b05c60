# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds volumes of a node with other options than in the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator, List, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import (
    base_of,
    differing_volumes,
    own_volumes,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import Seen
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import WARNING, Finding, finding

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.fact_types import Facts
    from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.fact_types import Volume as VolumeName
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Driver, Volume
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ServiceEntry


def volumes_for_node(seen: Seen, service: ServiceEntry) -> List[VolumeName]:
    """Returns the own volumes of a service: ``base``, the name in the file, and ``name``, the current name."""
    stack = seen.desired["stack"]["name"]
    live = [mount for other in seen.own.values() for mount in own_volumes(other["Spec"], stack)]
    names = {base_of(mount): str(mount["Source"]) for mount in live}
    wanted = {base_of(mount): str(mount["Source"]) for mount in own_volumes(service["spec"], stack)}
    return [{"base": base, "name": names.get(base, wanted[base])} for base in sorted(wanted)]


def volume_findings(node: str, facts: Facts, wanted: Mapping[str, Driver], volumes: List[Volume]) -> Iterator[Finding]:
    """Finds volumes with other options. ``wanted`` as ``wanted_volumes``; ``volumes`` are those of the node."""
    for item in facts.get("volumes") or []:
        if item["base"] not in wanted:
            continue
        for _source, name, words in differing_volumes({item["name"]: wanted[item["base"]]}, volumes):
            message = f"the volume {name} was created with other options than in the file ({words}), and keeps them."
            hint = (
                f"Deploy with recreate_volumes: [{item['base']}] to replace it with an empty one, or move the data "
                "and remove the volume."
            )
            yield finding(
                WARNING,
                "volume_differs",
                message,
                hint,
                service=item["service"],
                node=node,
                where=item["where"],
            )
