# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels of services, containers and the stack's other objects."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import IMAGE, NAMESPACE
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers as values
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Scope, makes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path


def owned(stack: Stack, holder: Mapping[str, object], path: Path) -> dict[str, str]:
    """Returns the entry's ``labels`` and docker's label for a stack's objects, which always wins."""
    return {**(values.labels(holder, "labels", path) or {}), NAMESPACE: stack.full_name}


@makes("TaskTemplate.ContainerSpec.Labels")
def container_labels(scope: Scope) -> dict[str, str]:
    return owned(scope.stack, scope.service, scope.path())


@makes("Labels")
def service_labels(scope: Scope) -> dict[str, str]:
    """Returns ``deploy.labels`` and docker's own two labels; the image in one of them is as in the file."""
    deploy = values.section(scope.service, "deploy", scope.path())
    labels = owned(scope.stack, deploy, scope.path("deploy"))
    labels[IMAGE] = values.text(scope.service, "image", scope.path()) or ""
    return labels
