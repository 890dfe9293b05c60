# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot: the bound desired state with the images that ran, without secrets.

It has configs and secrets by name, without their content. A keyed digest, ``{"$kept": DIGEST}``, replaces each value
that plans hide: a rollback finds the value if a service still has it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
    cast,
)

from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import mask
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import references
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import AS_DOCKER, NOT_RUN
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.overlay import overlaid

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        ContentEntry,
        Contents,
        NetworkEntry,
        Snapshot,
        State,
    )

KEPT = "$kept"
#: Encloses the name of a kept value in a text (values/value_references.py).
REFERENCE = "\0"
ENVIRONMENT = "TaskTemplate.ContainerSpec.Env"
KINDS: Tuple[Tuple[str, Contents], ...] = (("config", "configs"), ("secret", "secrets"))

#: A function from a value of any JSON type to a digest that does not reveal it.
Digest = Callable[[object], str]


def keyed(key: str) -> Digest:
    """Returns a function for digests with the cluster's key (base64)."""
    secret = base64.b64decode(key)

    def digest(value: object) -> str:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False)
        return hmac.new(secret, b"kept value: " + text.encode(), hashlib.sha256).hexdigest()

    return digest


def take(
    bound: State,
    operations: Sequence[Operation],
    current: Mapping[str, Service],
    contents: Mapping[Tuple[str, str], str],
    digest: Digest,
) -> Snapshot:
    """Creates the snapshot of a bound desired state.

    ``operations`` are the plan's, ``current`` the running services by name; the images come from both. ``contents``
    maps (kind, real name) to the digest of the content, if it is known.
    """
    planned = {op.name: op for op in operations if op.kind == "service" and op.action != "remove"}
    stack = bound["stack"]
    made: Any
    snapshot: Any = {"format": 1, "stack": dict(stack), "waves": bound.get("waves") or []}
    snapshot["networks"] = [_described("network", entry, digest) for entry in bound["networks"]]
    for kind, plural in KINDS:
        snapshot[plural] = []
        for entry in bound[plural]:
            made = _described(kind, entry, digest)
            if not entry["external"]:
                made["real"] = entry["binding"]["name"]
                made["content"] = contents.get((kind, made["real"]), "")
            snapshot[plural].append(made)
    snapshot["services"] = []
    for service in bound["services"]:
        name, key = service["name"], service["key"]
        operation = planned.get(name)
        as_docker = operation is not None and operation.reason.startswith(AS_DOCKER)
        spec: Any = service["as_docker"]["spec"] if as_docker else service["spec"]
        fields = ("key", "name", "image", "depends_on", "where", "leave", "step_of")
        given: Any = service
        kept = {field: given[field] for field in fields if field in service}
        if operation is not None and operation.reason == NOT_RUN:
            kept["not_run"] = True  # the service in the Swarm is another one, or does not exist
        else:
            spec = _with_image(spec, operation, current.get(name))
            left = operation.payload.get("left") if operation is not None else None
            if left:
                kept["of_others"] = [_of_others(change) for change in left]
                counts = {change.path for change in left if isinstance(change.after, int)}
                spec = overlaid(spec, current[name]["Spec"], counts, {})
        kept["spec"] = hide("service", key, spec, digest)
        kept["forced"] = forced_after(operation, current.get(name))
        snapshot["services"].append(kept)
    return cast("Snapshot", snapshot)


def _of_others(change: Change) -> Dict[str, Any]:
    """Returns a change that a deployment left to other programs. Only numbers have values: others may be secrets."""
    shown = {"path": change.path}
    if isinstance(change.before, int) and isinstance(change.after, int):
        return {**shown, "files": change.before, "live": change.after}
    return shown


def forced_after(operation: Optional[Operation], current: Optional[Service]) -> int:
    """Returns Swarm's count of forced replacements of the service's tasks, after ``operation``."""
    source = operation.payload.get("spec") if operation is not None else None
    if source is None:
        source = current["Spec"] if current is not None else {}
    return int((source.get("TaskTemplate") or {}).get("ForceUpdate") or 0)


def needs(snapshot: Snapshot) -> List[Tuple[str, str]]:
    """Returns the stack's own configs and secrets that the snapshot needs, as (kind, real name), sorted."""
    own = {(kind, e["real"]) for kind, plural in KINDS for e in snapshot[plural] if not e["external"]}
    return sorted(own)


def used(snapshot: Snapshot) -> Set[Tuple[str, str]]:
    """Returns all objects that its services refer to, by kind and name."""
    return {reference for service in snapshot["services"] for reference in references(service["spec"])}


def hide(kind: str, key: str, spec: Mapping[str, object], digest: Digest) -> Dict[str, Any]:
    """Returns a copy of a specification with references in place of the values that a plan hides."""

    def replace(path: str, name: str, value: object) -> Dict[str, Any]:
        del path
        return {KEPT: digest(value), "name": name}

    made: Dict[str, Any] = _walk(kind, key, "", spec, replace)
    return made


def hidden_values(kind: str, spec: Mapping[str, object]) -> Iterator[Any]:
    """Yields the values that ``hide`` would replace in a specification."""
    found: List[Any] = []

    def note(path: str, name: str, value: object) -> Any:
        del path, name
        found.append(value)

    _walk(kind, "", "", spec, note)
    yield from found


def hidden_texts(spec: Mapping[str, object]) -> List[str]:
    """Returns the texts that ``hide`` would replace in a ServiceSpec."""
    return [value for value in hidden_values("service", spec) if isinstance(value, str)]


def reveal(spec: object, find: Callable[[str, str], object]) -> Any:
    """Undoes ``hide``: ``find(digest, name)`` returns the values."""
    if isinstance(spec, dict):
        if KEPT in spec:
            return find(str(spec[KEPT]), str(spec.get("name") or ""))
        return {key: reveal(value, find) for key, value in spec.items()}
    if isinstance(spec, list):
        return [_entry(item, find) for item in spec]
    return spec


def _entry(item: Any, find: Callable[[str, str], object]) -> Any:
    variable = item.get("variable") if isinstance(item, dict) else None
    return f"{variable}={reveal(item['value'], find)}" if variable else reveal(item, find)


def _shows_secret(kind: str, key: str, path: str, value: object) -> bool:
    """Whether a value must be hidden. In a text with references to kept values, only these are secret, unless the rest
    looks like a secret."""
    if isinstance(value, str) and REFERENCE in value:
        rest = "".join(value.split(REFERENCE)[::2])
        return bool(mask(kind, key, "", rest) != rest)
    return bool(mask(kind, key, path, value) != value)


def _walk(kind: str, key: str, path: str, value: object, replace: Callable[[str, str, object], object]) -> Any:
    if isinstance(value, dict):
        return {name: _walk(kind, key, f"{path}.{name}" if path else name, v, replace) for name, v in value.items()}
    if not isinstance(value, list):
        return replace(path, path.rpartition(".")[2], value) if _shows_secret(kind, key, path, value) else value
    if path == ENVIRONMENT:
        return [_variable(kind, key, entry, replace) for entry in value]
    if any(isinstance(item, (dict, list)) for item in value):
        return [_walk(kind, key, path, item, replace) for item in value]
    shown = mask(kind, key, path, value)
    name = path.rpartition(".")[2]
    return [
        replace(path, name, item) if item != seen and _list_item_hides(kind, key, path, item) else item
        for item, seen in zip(value, shown)
    ]


def _list_item_hides(kind: str, key: str, path: str, item: object) -> bool:
    return not (isinstance(item, str) and REFERENCE in item) or _shows_secret(kind, key, path, item)


def _variable(kind: str, key: str, entry: object, replace: Callable[[str, str, object], object]) -> Any:
    name, equals, value = str(entry).partition("=")
    path = f"{ENVIRONMENT}.{name}"
    if not equals or not _shows_secret(kind, key, path, value):
        return entry
    return {"variable": name, "value": replace(path, name, value)}


def _described(kind: str, entry: Union[NetworkEntry, ContentEntry], digest: Digest) -> Dict[str, Any]:
    made: Dict[str, object] = {"key": entry["key"], "name": entry["name"], "external": entry["external"]}
    spec: Optional[Mapping[str, Any]] = entry.get("spec")
    # A snapshot must never have content.
    plain = {field: value for field, value in spec.items() if field != "Data"} if spec is not None else None
    made["spec"] = None if plain is None else hide(kind, entry["key"], plain, digest)
    return made


def _with_image(spec: ServiceSpec, operation: Optional[Operation], current: Optional[Service]) -> Mapping[str, Any]:
    """Returns ``spec`` with the image and the platforms that run after the operation."""
    source = operation.payload.get("spec") if operation is not None else None
    if source is None:
        source = current["Spec"] if current is not None else spec
    template, real = spec["TaskTemplate"], source["TaskTemplate"]
    image = (real.get("ContainerSpec") or {}).get("Image") or template["ContainerSpec"].get("Image")
    placement = template.get("Placement") or {}
    platforms = (real.get("Placement") or {}).get("Platforms")
    if platforms and not placement.get("Platforms"):
        placement = {**placement, "Platforms": platforms}
    container = {**template["ContainerSpec"], "Image": image}
    return {**spec, "TaskTemplate": {**template, "ContainerSpec": container, "Placement": placement}}
