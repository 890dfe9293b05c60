# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binds a DesiredState to the objects in the Swarm: chooses the object and the name of each config and secret.

Configs and secrets can't be changed, so new content needs a new object. An object of the stack with the same content
keeps its name, also one that the docker CLI created. New content gets the name in the file if that is free, else the
name with a suffix. The content of secrets can't be read: it is compared by a keyed digest in a label, so neither name
nor label helps to guess it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recreated_volumes import (
    bound_volumes,
    with_volumes,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.binding.replaced_networks import bound_networks
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.content import digest, suffixed
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.objects import absent_externals, owner
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    CONTENT,
    id_of,
    labels_of,
    name_of,
    stack_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config, ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        ContentEntry,
        Contents,
        Observed,
        ServiceEntry,
        State,
    )

KINDS: Tuple[Tuple[str, Contents], ...] = (("config", "configs"), ("secret", "secrets"))
SUFFIX = re.compile(r"_[0-9a-f]{8}\Z")

Entry = Dict[str, Any]


def bind_all(
    client: EngineClient,
    desired: State,
    observed: Observed,
    options: Options,
    write: bool = False,
) -> State:
    """As ``bind``, and also binds volumes and kept values. Generates and stores missing values if ``write``.

    With kept values, the result's ``binder`` has the references, which a revision records in place of the values.
    """
    if options.get("recreate"):
        desired = {**desired, "replace_networks": True}
    binder = options.get("binder")
    stack = desired["stack"]["name"]

    def history() -> Sequence[Any]:
        from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History

        return History(client, None, stack).read()

    if binder is None:
        return bound_volumes(client, bind(desired, observed, options["adopt_secrets"]), observed, history)
    bound = binder.bind(desired, observed, options["adopt_secrets"], write)
    bound = bound_volumes(client, bound, observed, history)
    binder.unbound = {
        **binder.unbound,
        "services": with_volumes(binder.unbound["services"], stack, bound["renamed_volumes"]),
    }
    return {**bound, "binder": binder}


def bind(desired: State, observed: Observed, adopt_secrets: bool = False) -> State:
    """Returns a copy of ``desired`` with a ``binding`` for each config and secret, and real names in the services.

    A replaced network has a generated name. A network that differs gets one if ``desired`` has ``replace_networks``.

    Raises EngineError (``not_found`` for missing external objects, ``conflict`` for a name of another owner).
    """
    bound: State = {**desired}
    renamed: Dict[Tuple[str, str], str] = {}
    for kind, plural in KINDS:
        entries = desired[plural]
        bases = {entry["name"] for entry in entries}
        bound[plural] = [
            entry if entry["external"] else _bound(kind, entry, bases, desired, observed, adopt_secrets)
            for entry in entries
        ]
        for entry in bound[plural]:
            if not entry["external"] and entry["binding"]["name"] != entry["name"]:
                renamed[kind, entry["name"]] = entry["binding"]["name"]
    bound["networks"] = bound_networks(desired, observed["networks"])
    for network in bound["networks"]:
        if network.get("base"):
            renamed["network", network["base"]] = network["name"]
    missing = list(missing_externals(desired, observed))
    if missing:
        raise EngineError("External objects are missing: " + "; ".join(missing) + ".", "not_found", CREATE_THEM)
    if renamed:
        bound["services"] = [_renamed(service, renamed) for service in desired["services"]]
    return bound


CREATE_THEM = "Create them first or correct the names. Nothing was changed."


def _bound(
    kind: str, entry: ContentEntry, bases: Set[str], desired: State, observed: Observed, adopt_secrets: bool
) -> ContentEntry:
    stack, base = desired["stack"]["name"], entry["name"]
    objects = observed["configs"] if kind == "config" else observed["secrets"]
    named = {name_of(obj): obj for obj in objects}
    own = [obj for obj in objects if stack_of(obj) == stack and _belongs(obj, base, bases)]
    own.sort(key=lambda obj: (name_of(obj) != base, name_of(obj)))
    key = observed.get("key")
    same = next((obj for obj in own if _same(kind, entry, obj, key)), None)
    adopt = False
    if same is None and kind == "secret" and adopt_secrets:
        same = next((obj for obj in own if CONTENT not in labels_of(obj)), None)
        adopt = same is not None
    if same is not None:
        reason = "trusted as is (adopt_secrets)" if adopt else "labels differ"
        return {**entry, "binding": {"name": name_of(same), "object": same, "reason": reason, "adopt": adopt}}
    holder = named.get(base)
    if holder is not None and stack_of(holder) != stack:
        raise EngineError(
            f"{kind} {entry['key']}: the name {base} belongs to {owner(holder)}.",
            "conflict",
            f"Give the {kind} another `name`, or declare it `external: true`.",
        )
    if holder is None:
        name, reason = base, "new" if not own else "content changed"
    else:
        # Without a key (we have no secret yet), the id of the object with the name makes the suffix unique.
        mark = digest(kind, entry, key) or digest("config", {"spec": {}, "data": id_of(holder)}, None)
        name = suffixed(base, mark)
        reason = "content changed"
        if kind == "secret" and CONTENT not in labels_of(holder):
            reason = (
                "was not created by this collection, and its content can't be read back for comparison "
                "(adopt_secrets trusts it)"
            )
    latest = max(own, key=lambda obj: str(obj.get("CreatedAt") or "")) if own and kind == "config" else None
    old = latest["Spec"].get("Data") if latest is not None else None
    return {**entry, "binding": {"name": name, "object": None, "reason": reason, "adopt": False, "was": old}}


def _belongs(obj: Mapping[str, object], base: str, bases: Set[str]) -> bool:
    name = name_of(obj)
    if name == base:
        return True
    suffix = SUFFIX.search(name)
    if suffix is None or name in bases or CONTENT not in labels_of(obj):
        return False
    return suffixed(base, suffix.group()[1:]) == name


def _same(kind: str, entry: ContentEntry, obj: Config, key: Optional[str]) -> bool:
    spec, have = entry["spec"] or {}, obj["Spec"]
    if (spec.get("Templating") or None) != (have.get("Templating") or None):
        return False
    if (spec.get("Driver") or None) != (have.get("Driver") or None):
        return False
    if kind == "config":
        return (entry["data"] or "") == (have.get("Data") or "")
    if spec.get("Driver"):
        return True  # the driver has the value
    return key is not None and labels_of(obj).get(CONTENT) == digest(kind, entry, key)


def with_names(spec: ServiceSpec, renamed: Mapping[Tuple[str, str], str]) -> Any:
    """Returns a copy of a ServiceSpec that refers to networks, configs and secrets by their real names."""
    template: Any = spec["TaskTemplate"]
    container = dict(template["ContainerSpec"])
    for kind, list_key, name_key in (("config", "Configs", "ConfigName"), ("secret", "Secrets", "SecretName")):
        if container.get(list_key):
            container[list_key] = [
                {**ref, name_key: renamed.get((kind, ref[name_key]), ref[name_key])} for ref in container[list_key]
            ]
    networks = template.get("Networks")
    if networks:
        networks = [{**n, "Target": renamed.get(("network", n.get("Target", "")), n.get("Target"))} for n in networks]
        template = {**template, "Networks": networks}
    privileges = container.get("Privileges") or {}
    credentials = privileges.get("CredentialSpec") or {}
    if ("config", credentials.get("Config")) in renamed:
        credentials = {**credentials, "Config": renamed["config", credentials["Config"]]}
        container["Privileges"] = {**privileges, "CredentialSpec": credentials}
    return {**spec, "TaskTemplate": {**template, "ContainerSpec": container}}


def _renamed(service: ServiceEntry, renamed: Mapping[Tuple[str, str], str]) -> ServiceEntry:
    result: ServiceEntry = {**service, "spec": with_names(service["spec"], renamed)}
    if "as_docker" in service:
        result["as_docker"] = {**service["as_docker"], "spec": with_names(service["as_docker"]["spec"], renamed)}
    return result


def missing_externals(desired: State, observed: Observed) -> Iterator[str]:
    """Yields a sentence for each missing external object that a service refers to."""
    for absent in absent_externals(desired, observed):
        places = sorted(f"service {s['key']}" + (f" ({s['where']})" if s.get("where") else "") for s in absent.users)
        remedy = f" ({absent.remedy})" if absent.remedy else ""
        yield f"{absent.kind} {absent.name} for {', '.join(places)} {absent.problem}{remedy}"
