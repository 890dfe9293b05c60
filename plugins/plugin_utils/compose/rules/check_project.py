# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second check, of the whole project: would the Engine accept it, and which settings have no effect?"""

from __future__ import annotations

from typing import Callable, Iterable, List, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.container import (
    check_health,
    check_security,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.dependencies import check_conditions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.deploy import (
    check_deploy,
    check_placement,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.image import check_images
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Review
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.keys import check_keys
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.mounts import check_mounts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.names import check_empty_keys, check_names
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.networks import check_networks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.objects import (
    check_external,
    check_objects,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.ports import check_ports
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.references import (
    check_dependencies,
    check_references,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.steps import check_steps
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.templates import check_templates
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.units import check_units

#: The most problems, and the most notices, that are shown.
MOST_SHOWN = 200


def _check_services(review: Review) -> None:
    if not review.services:
        hint = "define one under 'services:', or activate a profile"
        review.problem(("services",), "there is no service to deploy", hint, "no_services")


RULES: Tuple[Callable[[Review], None], ...] = (
    _check_services,
    check_names,
    check_empty_keys,
    check_images,
    check_references,
    check_dependencies,
    check_conditions,
    check_mounts,
    check_ports,
    check_deploy,
    check_placement,
    check_units,
    check_health,
    check_objects,
    check_external,
    check_networks,
    check_security,
    check_steps,
    check_templates,
    check_keys,
)


def check_project(project: Project, stack_name: str) -> Tuple[List[Problem], List[Problem]]:
    """Returns problems and notices of a loaded project (docs/architecture.md, "Project"), both in the file's order.

    :param stack_name: the stack's name in the Swarm, the prefix of its objects' names.
    """
    review = Review(project, stack_name)
    for rule in RULES:
        rule(review)
    return _shown(review.problems.values(), "problems"), _shown(review.notices.values(), "notices")


def _shown(found: Iterable[Problem], what: str) -> List[Problem]:
    """Returns the first MOST_SHOWN in the file's order, and one line with the count of the others."""
    result = sorted(found, key=lambda p: (p.file, p.line, p.column, p.key, p.message))
    hidden = len(result) - MOST_SHOWN
    if hidden > 0:
        last = result[MOST_SHOWN - 1]
        more = f"and {hidden} more {what} are not shown"
        result[MOST_SHOWN:] = [Problem(more, file=last.file, line=last.line, column=last.column, code="more")]
    return result
