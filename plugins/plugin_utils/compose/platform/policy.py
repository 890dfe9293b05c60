# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy layer: settings of an installation for every stack, added to the files.

Pure, and off by default. It never overwrites settings in the file. docs/guides/platform.md describes each policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.asked import has_policies
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


#: In their order. Each changes the state in place, if the options enable it.
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
    """Returns ``desired`` with the policies in ``options`` applied; does not change the argument.

    Options: ``shared_networks`` (list of names), ``tracking_labels`` (bool or None: on with shared networks or a
    project), ``update_config`` (``safe`` or ``keep``), ``update_delay``, ``restart_policy`` (as in Compose),
    ``logging`` (``driver``, ``options``), ``environment`` (map), ``hash_aliases`` (external networks of
    the file). The caller has already resolved presets (presets.py). Raises ComposeError for invalid options.
    """
    if not has_policies(options, desired["stack"]["project"]):
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
    """Copies plain data; copy.deepcopy takes five times as long."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
