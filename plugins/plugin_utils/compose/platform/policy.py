# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy layer: settings of an installation for every stack, added to the files.

Pure, and off unless asked for. What the user set in the file is never overwritten. docs/guides/platform.md says how
each policy decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.asked import asks_for_anything
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.defaults import (
    default_environment,
    default_logging,
    default_restart_policy,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.safe_updates import safe_update_config
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.shared_networks import (
    hash_aliases,
    shared_networks,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.tracking import tracking_labels
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Invalid, dotted

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired


#: In this order; each changes the state that it is given, if the options ask for it.
POLICIES: tuple[Callable[[Desired, Project, Mapping[str, object]], None], ...] = (
    default_environment,
    default_restart_policy,
    default_logging,
    safe_update_config,
    shared_networks,
    hash_aliases,
    tracking_labels,
)


def platform(desired: Desired, project: Project, options: Mapping[str, object]) -> Desired:
    """Return ``desired`` with the policies that ``options`` ask for; the argument stays as it is.

    Options: ``shared_networks`` (list of names), ``tracking_labels`` (bool or None: on where shared networks or a
    project are given), ``update_config`` (``safe`` or ``keep``), ``update_delay``, ``restart_policy`` (as in Compose),
    ``logging`` (``driver``, ``options``), ``environment`` (map), ``hash_aliases`` (external networks of
    the file). A preset is resolved before (presets.py). Raises ComposeError for an option that can't be used.
    """
    if not asks_for_anything(options, desired["stack"]["project"]):
        return {**desired}
    result: Desired = _copy(desired)
    problems = []
    for policy in POLICIES:
        try:
            policy(result, project, options)
        except Invalid as error:
            problems.append(Problem(error.message, dotted(error.path), hint=error.hint, code=error.code))
    if problems:
        raise ComposeError(problems)
    return result


def _copy(value: object) -> Any:
    """A copy of plain data; copy.deepcopy takes five times as long."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
