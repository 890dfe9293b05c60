# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of an export: compiles its Compose file, plans it against the running stack, and lists the differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind, with_names
from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recreated_volumes import with_volumes
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import PRUNE, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import reconcile
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import CONTENT, labels_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import Surroundings

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        ContentEntry,
        ServiceEntry,
        State,
    )
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired

_FILE = "compose.yml"


def desired_of(text: str, around: Surroundings) -> Desired:
    """Returns the DesiredState of an exported file, with the stack's policies. Raises ComposeError."""
    stack = around.stack
    request = CompileRequest(
        [Source(_FILE)],
        name=stack.name,
        project=stack.project,
        environment=stack.environment,
        label_prefix=stack.prefix,
        shared_networks=around.shared,
        platform=around.platform,
    )
    return compile_stack(request, MemoryFiles({_FILE: text, **around.contents}))


def what_differs(text: str, around: Surroundings) -> list[str]:
    """Returns the changes that a deployment of the exported file would make, one sentence for each operation."""
    observed = around.observed
    try:
        desired: Any = desired_of(text, around)
        bound = bind(_with_secrets(desired, around), observed)
        services = with_volumes(bound["services"], around.stack.full_name, around.renamed)
        plan = reconcile({**bound, "services": services}, observed, {"prune": True, "resolve_image": "never"})
    except ComposeError as error:
        return [f"{problem.key}: {problem.message}" for problem in error.problems]
    except StackwrightError as error:
        return [error.message]
    return [_sentence(operation) for operation in plan.work() if not _is_former(operation, around)]


def _with_secrets(desired: State, around: Surroundings) -> State:
    """Replaces secrets that are kept values by the running ones: the manager has compared their contents."""
    reals = {key: real for real, key in around.values["secrets"].items()}
    secrets: list[ContentEntry] = []
    renamed = {}
    for entry in desired["secrets"]:
        real = "" if entry["external"] else reals.get(entry["key"], "")
        if real:
            renamed["secret", entry["name"]] = real
            entry = {"key": entry["key"], "name": real, "external": True, "spec": None, "data": None}
        secrets.append(entry)
    services: list[ServiceEntry] = [
        {**service, "spec": with_names(service["spec"], renamed)} for service in desired["services"]
    ]
    return {**desired, "secrets": secrets, "services": services}


def _is_former(operation: Operation, around: Surroundings) -> bool:
    """Whether an operation removes a former version of a config or secret, which the history keeps."""
    if operation.phase != PRUNE or operation.kind not in ("config", "secret"):
        return False
    live = around.contents_of("configs" if operation.kind == "config" else "secrets").get(operation.name)
    return live is not None and CONTENT in labels_of(live)


def _sentence(operation: Operation) -> str:
    why = ", ".join(change.path for change in operation.changes) or operation.reason
    return f"{operation.kind} {operation.name}: a deployment would {operation.action} it ({why})"
