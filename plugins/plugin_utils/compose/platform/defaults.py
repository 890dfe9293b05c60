# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults for settings that a service does not have: environment, restart policy, logging."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.readers import labels, mapping, text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scheduling import from_policy
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.asked import is_job, written
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.templates import CODE, fault_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Invalid

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired


_AT = ("platform",)
#: In an option of a log driver: {{stack}} and {{service}}. Docker's own templates have a dot or an argument.
_WORD = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")


def default_environment(desired: Desired, project: Project, options: Mapping[str, object]) -> None:
    """Adds variables to all services, except those that a service's own environment has, even if empty.

    Raises Invalid if Swarm can't expand a template in a value.
    """
    variables = labels(options, "environment", _AT) or {}
    for name, value in variables.items():
        fault = fault_of(value)
        if fault:
            raise Invalid(fault[0], (*_AT, "environment", name), hint=fault[1], code=CODE)
    for service in desired["services"] if variables else ():
        container = service["spec"]["TaskTemplate"]["ContainerSpec"]
        own = container.get("Env") or []
        names = {entry.partition("=")[0] for entry in own}
        names.update(written(project, service["key"], "environment") or ())
        container["Env"] = sorted([*own, *(f"{name}={variables[name]}" for name in variables if name not in names)])


def default_restart_policy(desired: Desired, project: Project, options: Mapping[str, object]) -> None:
    """Sets the restart policy of services that have none. Jobs stay unchanged: a restart would repeat their work."""
    policy = mapping(options, "restart_policy", _AT)
    if not policy:
        return
    spec = from_policy(policy, (*_AT, "restart_policy"))
    for service in desired["services"]:
        key = service["key"]
        is_set = written(project, key, "restart") is not None or written(project, key, "deploy", "restart_policy")
        if not is_job(service["spec"]) and not is_set and "RestartPolicy" not in service["spec"]["TaskTemplate"]:
            service["spec"]["TaskTemplate"]["RestartPolicy"] = dict(spec)


def default_logging(desired: Desired, project: Project, options: Mapping[str, object]) -> None:
    """Sets the log driver of services without ``logging``; an empty ``logging`` in the file also stays.

    In its options ``{{stack}}`` is the stack's name in the Swarm, and ``{{service}}`` the service's key.
    """
    logging = mapping(options, "logging", _AT)
    if not logging:
        return
    path = (*_AT, "logging")
    settings = labels(logging, "options", path) or {}
    name = text(logging, "driver", path)
    if not name:
        raise Invalid("is required if options are set", (*path, "driver"), code="required")
    for option, value in settings.items():
        unknown = sorted(set(_WORD.findall(value)) - {"stack", "service"})
        if unknown:
            hint = "known are {{stack}} and {{service}}; fields of Docker's own templates begin with a dot"
            raise Invalid(
                f"has {{{{{unknown[0]}}}}}, which is unknown", (*path, "options", option), hint=hint, code=CODE
            )
    for service in desired["services"]:
        words = {"stack": desired["stack"]["name"], "service": service["key"]}
        own = {option: _filled(value, words) for option, value in settings.items()}
        service["spec"]["TaskTemplate"].setdefault("LogDriver", {"Name": name, "Options": own})


def _filled(value: str, words: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: words[found[1]], value)
