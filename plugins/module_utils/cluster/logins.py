# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks whether a registry still accepts the credentials that are sent with services.

Swarm stores them, and uses them when a task moves to a node without the image, which may be months later, at night.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Dict, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.image_digests import UNREACHABLE, refused_logins
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.registry import RegistryAuth
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Plan

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Logins

EXPIRED = "the registry {0} no longer accepts these credentials; tasks that move to another node will not start"
SILENT = "the registry {0} does not answer, so the credentials could not be checked"


def refused_by(client: EngineClient, plan: Plan, options: Logins) -> Dict[str, str]:
    """Returns error codes of the registries that refuse the credentials which the plan sends. Raises EngineError."""
    specs = [op.payload.get("spec") for op in plan.work() if op.kind == "service" and op.action != "remove"]
    images = [str(spec["TaskTemplate"]["ContainerSpec"].get("Image") or "") for spec in specs if spec]
    return refused_logins(client, images, RegistryAuth(options["registry_auth"], options["with_registry_auth"]))


def with_notices(plan: Plan, refused: Mapping[str, str]) -> Plan:
    """Returns the plan with a notice for each of these registries."""
    notices = [(SILENT if code == UNREACHABLE else EXPIRED).format(name) for name, code in sorted(refused.items())]
    return replace(plan, notices=(*plan.notices, *notices))


def registry_header(options: Logins) -> Callable[[str], Optional[str]]:
    """Returns a function from an image to its X-Registry-Auth header, or None."""
    if not options["with_registry_auth"] and not options["registry_auth"]:
        return lambda image: None
    return RegistryAuth(options["registry_auth"], options["with_registry_auth"]).header
