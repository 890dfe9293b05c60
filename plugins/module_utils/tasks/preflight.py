# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster-wide part of a preflight: one snapshot, and the registries. Nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recreated_volumes import (
    recorded,
    with_volumes,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.image_digests import (
    UNREACHABLE,
    ask_registry,
    refused_logins,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import configs_named, networks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.registry import RegistryAuth, registry_named
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import base_of, own_volumes
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.capacity import is_short
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.cluster import summary
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    WARNING,
    Finding,
    finding,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.image_checks import asked
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.verdict import judge
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History, refuse_history
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import HUB, registry_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import labels_in, refuse_others

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import PreflightOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed, State

Result = Dict[str, Any]
#: A preflight without files only checks the cluster.
NOTHING: State = {
    "stack": {"name": ""},
    "waves": [],
    "networks": [],
    "configs": [],
    "secrets": [],
    "services": [],
}


def check_cluster(
    client: EngineClient,
    desired: State,
    options: PreflightOptions,
    identity: Optional[Mapping[str, str]] = None,
) -> Result:
    """Returns ``findings``, the ``cluster`` in numbers, and ``facts`` for each node by its id.

    ``desired`` is a DesiredState after ``preflight.trim``. Makes at most seven calls, and one for each image that a
    registry is asked for. ``identity`` is the stack, even without files. Raises EngineError.
    """
    observed: Observed = {"nodes": client.list("/nodes")}
    observed["services"] = client.list("/services") if desired["services"] or identity else []
    # The tasks of other stacks only matter if resources or ports may be short.
    running = {"filters": {"desired-state": ["running"]}}
    observed["tasks"] = client.list("/tasks", running) if is_short(desired) else []
    observed["networks"] = networks_of(client) if desired["networks"] else []
    names = [entry["name"] for entry in desired["configs"]]
    observed["configs"] = configs_named(client, names) if names else []
    observed["secrets"] = client.list("/secrets") if desired["secrets"] else []
    own = {name_of(s): s for s in observed["services"] if stack_of(s) == desired["stack"]["name"]}
    looked_up = asked(desired, own, options["resolve_image"])
    refused: List[Finding] = []
    try:
        credentials = RegistryAuth(options["registry_auth"], options["with_registry_auth"])
        answers = ask_registry(client, looked_up, credentials.header)
        refused = _refused_logins(client, desired, options, credentials, answers)
    except EngineError as error:
        if error.error_code != "registry_auth":
            raise
        # This host's credentials can't be read.
        answers, looked_up = {}, []
        refused = [finding(ERROR, error.error_code, error.message, error.hint)]
    if desired["services"] and not own:
        desired = _with_last_volumes(client, desired)
    judged = judge(desired, observed, looked_up, answers, registry_of)
    return {
        "findings": [*_other_owner(client, identity, observed), *judged.findings, *refused],
        "cluster": summary(observed["nodes"]),
        "facts": judged.facts,
    }


def _with_last_volumes(client: EngineClient, desired: State) -> State:
    """Returns the state of a stack without services, with the volumes of its last revision."""
    stack = desired["stack"]["name"]
    bases = {base_of(mount) for service in desired["services"] for mount in own_volumes(service["spec"], stack)}
    if not bases:
        return desired
    revisions = History(client, None, stack).read()
    renamed = {made.base: made.name for base in sorted(bases) for made in recorded(revisions, stack, base)}
    return {**desired, "services": with_volumes(desired["services"], stack, renamed)}


def _refused_logins(
    client: EngineClient,
    desired: State,
    options: PreflightOptions,
    credentials: RegistryAuth,
    answers: Mapping[str, Mapping[str, object]],
) -> List[Finding]:
    """Returns findings about rejected credentials, even if no image is missing: a deployment would store them."""
    known = {registry_of(image) for image, answer in answers.items() if answer.get("refused") == UNREACHABLE}
    images = [str(s["spec"]["TaskTemplate"]["ContainerSpec"].get("Image") or "") for s in desired["services"]]
    named = [registry_named(entry["registry"]) for entry in options["registry_auth"] or []]
    given = ["x" if name == HUB else f"{name}/x" for name in named if name]
    found = []
    for registry, code in refused_logins(client, [*images, *given], credentials).items():
        if code != UNREACHABLE:
            message = f"the registry {registry} rejects these credentials."
            hint = "Correct them: a deployment would replace the Swarm's working credentials with them."
            found.append(finding(ERROR, "registry_auth", message, hint))
        elif registry not in known:
            message = f"the registry {registry} does not answer, so these credentials could not be checked."
            found.append(finding(WARNING, UNREACHABLE, message, "Check the manager's connection to the registry."))
    return found


def _other_owner(client: EngineClient, identity: Optional[Mapping[str, str]], observed: Observed) -> List[Finding]:
    """Returns a finding if the stack's name belongs to another stack, by its objects or its history."""
    if not identity:
        return []
    name = identity["name"]
    try:
        refuse_others(identity, name, labels_in(observed, name))
        refuse_history(identity, name, History(client, None, name).read())
    except EngineError as error:
        if error.error_code != "conflict":
            raise
        return [finding(ERROR, error.error_code, error.message, error.hint)]
    return []
