# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles a Compose file to the objects of a Swarm, without a task."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import as_texts, plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.rendering import rendering
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

#: The file name in problems of a definition in a playbook.
INLINE = "definition.yml"


def rendered(
    definition: object,
    name: object = None,
    project: object = None,
    environment: object = None,
    variables: Mapping[str, object] | None = None,
    profiles: Iterable[object] = (),
    project_directory: object = None,
    shared_networks: Iterable[object] | None = None,
    platform: Mapping[str, object] | None = None,
    label_prefix: str = DEFAULT_PREFIX,
    confine: str = "none",
) -> str:
    """Returns the desired state as YAML, for the filter ``compose_render``. Raises AnsibleFilterError."""
    if not isinstance(definition, (str, Mapping)):
        raise AnsibleFilterError("compose_render needs a Compose file as text or as a mapping.")
    if confine not in ("project", "none"):
        raise AnsibleFilterError("compose_render: confine must be project or none.")
    try:
        request = CompileRequest(
            sources=[Source(INLINE, plain(definition))],
            name=plain(name),
            project=plain(project),
            environment=plain(environment),
            label_prefix=plain(label_prefix),
            variables=as_texts(plain(variables or {})),
            profiles=plain(list(profiles)),
            project_directory=plain(project_directory) or os.getcwd(),
            shared_networks=None if shared_networks is None else plain(list(shared_networks)),
            platform=plain(platform or {}),
            confine=plain(confine),
        )
        desired = compile_stack(request, LocalFiles())
    except StackwrightError as error:
        raise AnsibleFilterError(str(error)) from error
    except RecursionError:
        raise AnsibleFilterError("compose_render: the definition is nested too deep, or contains itself.") from None
    text: str = yaml.safe_dump(rendering(desired), sort_keys=False, width=120, allow_unicode=True)
    return text
