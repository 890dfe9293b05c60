# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a preflight for the cluster, from the answers of the Engine and the registries. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, NamedTuple

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.capacity import capacity_findings
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.cluster import cluster_findings
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import Seen
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import Finding
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.image_checks import image_findings, platforms
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.node_questions import facts_for_nodes
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.object_checks import (
    object_findings,
    service_findings,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.placement import (
    eligible,
    fits,
    placement_findings,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.fact_types import Facts
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Answer, Observed, State


class Judged(NamedTuple):
    """The findings, and the checks for each node (``facts_for_nodes``)."""

    findings: List[Finding]
    facts: Dict[str, Facts]


def judge(
    desired: State,
    observed: Observed,
    looked_up: List[str],
    answers: Mapping[str, Answer],
    registry_of: Callable[[str], str],
) -> Judged:
    """Returns the result. ``observed`` has the Engine's nodes, services, tasks, networks, configs and secrets.

    ``answers`` are those of the registries for the images ``looked_up``. Raises nothing.
    """
    nodes = sorted(observed["nodes"], key=hostname)
    everything = Seen(desired, nodes, observed["services"], observed["tasks"], platforms(desired, answers))
    # A step of pre_start runs where its service may run. Only its image needs a separate check.
    desired = {**desired, "services": [s for s in desired["services"] if not s.get("step_of")]}
    seen = everything._replace(desired=desired)
    findings: List[Finding] = [*cluster_findings(seen.nodes)]
    findings += object_findings(desired, observed)
    findings += service_findings(seen)
    findings += image_findings(everything, looked_up, answers, registry_of)
    may: Dict[str, List[Node]] = {}
    for service in desired["services"]:
        found = fits(seen, service)
        may[service["name"]] = eligible(found)
        findings += placement_findings(seen, service, found)
    findings += capacity_findings(seen, may)
    return Judged(findings, facts_for_nodes(seen, may))
