# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts of a container: configs, secrets, volumes, binds and tmpfs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import SUFFIX
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.content import suffixed
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import base_of, labels_on
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    BASE,
    CONTENT,
    NAMESPACE,
    labels_of,
    name_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import SECRETS, reference
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.one import One
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import (
    ContentKind,
    Surroundings,
    without_private,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.unit_texts import size_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.scalars import Octal

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Config,
        ContainerSpec,
        File,
        Mount,
    )

KINDS: tuple[ContentKind, ...] = ("configs", "secrets")
#: The mode of a config or secret if the Compose file sets none.
_MODE = 0o444
#: The folder for the contents of configs, beside the Compose file.
CONFIGS = "configs"


def files(one: One) -> None:
    """Sets ``configs``, ``secrets`` and ``credential_spec``."""
    around = one.around
    for kind in KINDS:
        references = [_reference(*reference, kind, around) for reference in _references(one.container, kind)]
        one.put((kind,), [_without_empty(reference) for reference in references])
    credentials = (one.container.get("Privileges") or {}).get("CredentialSpec") or {}
    config = credentials.get("Config")
    found = {
        "config": object_key("configs", around.names.get(config, config), around) if config else "",
        "file": credentials.get("File"),
        "registry": credentials.get("Registry"),
    }
    one.put(("credential_spec",), _without_empty(found))


def _references(container: ContainerSpec, kind: ContentKind) -> list[tuple[str, File]]:
    """Returns the names of a container's configs or secrets, and their files in the container."""
    if kind == "configs":
        return [(ref["ConfigName"], ref["File"]) for ref in container.get("Configs") or [] if ref.get("File")]
    return [(ref["SecretName"], ref["File"]) for ref in container.get("Secrets") or [] if ref.get("File")]


def _reference(name: str, file: File, kind: ContentKind, around: Surroundings) -> dict[str, object]:
    source = object_key(kind, name, around)
    uid, gid = file.get("UID") or "0", file.get("GID") or "0"
    return {
        "source": source,
        "target": "" if file.get("Name") == source else file.get("Name"),
        "uid": "" if uid == "0" else uid,
        "gid": "" if gid == "0" else gid,
        "mode": None if file.get("Mode", _MODE) == _MODE else file["Mode"],
    }


def object_key(kind: ContentKind, name: str, around: Surroundings) -> str:
    """Returns the key of a config or secret in the file, and defines it there."""
    live = around.contents_of(kind).get(name)
    if live is None or not around.is_own(live):
        return around.define(kind, name, around.short(name), {"external": True})
    base = _base(live, name, kind, around)
    spec = live["Spec"]
    common = {
        "labels": without_private(around.labels(spec.get("Labels"), kind[:-1], around.short(base))),
        "template_driver": (spec.get("Templating") or {}).get("Name"),
    }
    if kind == "configs":
        path = f"{CONFIGS}/{around.short(base)}"
        around.contents[path] = base64.b64decode(spec.get("Data") or "")
        content: dict[str, Any] = {"file": f"./{path}"}
    elif around.values["secrets"].get(name, "") == around.short(base) != "":
        content = {"content": reference(f"{SECRETS}/{around.short(base)}")}
    elif spec.get("Driver"):
        content = {"driver": spec["Driver"].get("Name"), "driver_opts": dict(spec["Driver"].get("Options") or {})}
    else:
        # The content of a secret can't be read, so the file refers to the existing secret by its name.
        return around.define(kind, name, around.short(base), {"external": True})
    definition = _without_empty({**content, **common})
    return around.keys.setdefault((kind, name), around.define(kind, base, around.short(base), definition))


def _base(live: Config, name: str, kind: ContentKind, around: Surroundings) -> str:
    """Returns the name in the file, without the suffix that a deployment adds for changed content."""
    suffix = SUFFIX.search(name)
    base = name[: suffix.start()] if suffix else name
    if suffix is None or CONTENT not in labels_of(live) or suffixed(base, suffix.group()[1:]) != name:
        return name
    containers = [service["Spec"]["TaskTemplate"].get("ContainerSpec") or {} for service in around.observed["services"]]
    used = {used for container in containers for used, _file in _references(container, kind)}
    rivals = [other for other in around.contents_of(kind) if other != name and other in used and other.startswith(base)]
    return name if rivals else base


def unused(around: Surroundings) -> None:
    """Defines the stack's own configs and secrets that no service uses. Otherwise a deployment would remove them.

    Those with our content label are former versions, which the history keeps.
    """
    for kind in KINDS:
        for live in around.observed[kind]:
            if around.is_own(live) and CONTENT not in labels_of(live):
                object_key(kind, name_of(live), around)


def _without_empty(definition: Mapping[str, object]) -> dict[str, Any]:
    """Returns a definition without empty values. A ``mode`` of 0 is not empty."""
    return {
        key: value
        for key, value in definition.items()
        if value not in (None, "", False, [], {}) or value == 0 and key == "mode" and value is not False
    }


# -- mounts


def mounts(one: One) -> None:
    """Sets ``volumes``, and ``tmpfs`` for mounts with options that only that key has."""
    every = one.container.get("Mounts") or []
    found = [_mount(mount, one.around) for mount in every if not _has_options(mount)]
    short = [_short_tmpfs(mount) for mount in every if _has_options(mount)]
    one.made.update(_without_empty({"volumes": found, "tmpfs": short}))


def _mount(mount: Mount, around: Surroundings) -> dict[str, Any]:
    kind = str(mount.get("Type") or "volume")
    found: dict[str, Any] = {"type": kind, "source": mount.get("Source"), "target": mount.get("Target")}
    found.update(read_only=mount.get("ReadOnly"), consistency=mount.get("Consistency"))
    if kind in _PARTS:
        found.update(_PARTS[kind](mount, around))
    return _without_empty(found)


def _volume(mount: Mount, around: Surroundings) -> dict[str, Any]:
    options = mount.get("VolumeOptions") or {}
    block = _without_empty({"nocopy": options.get("NoCopy"), "subpath": options.get("Subpath")})
    found: dict[str, Any] = {"volume": block}
    if mount.get("Source"):
        found["source"] = _volume_key(mount, around)
    return found


def _volume_key(mount: Mount, around: Surroundings) -> str:
    name, labels = str(mount["Source"]), labels_on(mount)
    if labels.get(NAMESPACE) != around.stack.full_name:
        return around.define("volumes", name, around.short(name), {"external": True})
    base, driver = base_of(mount), (mount.get("VolumeOptions") or {}).get("DriverConfig") or {}
    if base != name:
        around.renamed[base] = name
    own = {label: value for label, value in labels.items() if label != BASE}
    definition = {
        "driver": driver.get("Name"),
        "driver_opts": dict(driver.get("Options") or {}),
        "labels": around.labels(own, "volume", around.short(base)),
    }
    return around.define("volumes", base, around.short(base), _without_empty(definition))


def _bind(mount: Mount, around: Surroundings) -> dict[str, Any]:
    options = mount.get("BindOptions") or {}
    propagation = options.get("Propagation")
    block = {
        "propagation": None if propagation == "rprivate" else propagation,
        "recursive": "disabled" if options.get("NonRecursive") else None,
    }
    return {"bind": _without_empty(block)}


def _tmpfs(mount: Mount, around: Surroundings) -> dict[str, Any]:
    options = mount.get("TmpfsOptions") or {}
    size = options.get("SizeBytes")
    block = {"size": size_text(size) if size else None, "mode": Octal(options.get("Mode") or 0)}
    return {"tmpfs": _without_empty(block)}


def _has_options(mount: Mount) -> bool:
    options: Any = mount.get("TmpfsOptions") or {}
    return bool(options.get("Options"))


def _short_tmpfs(mount: Mount) -> str:
    options: Any = mount["TmpfsOptions"]
    found = ["=".join(option) for option in options["Options"]]
    found += [f"size={size_text(options['SizeBytes'])}"] if options.get("SizeBytes") else []
    found += [f"mode={options['Mode']:o}"] if options.get("Mode") else []
    found += ["ro"] if mount.get("ReadOnly") else []
    return f"{mount['Target']}:{','.join(found)}"


def _cluster(mount: Mount, around: Surroundings) -> dict[str, Any]:
    source = str(mount.get("Source") or "")
    if source.startswith("group:"):
        return {}
    return {"source": around.define("volumes", source, around.short(source), {"external": True})}


_PARTS: dict[str, Callable[[Mount, Surroundings], dict[str, Any]]] = {
    "bind": _bind,
    "cluster": _cluster,
    "tmpfs": _tmpfs,
    "volume": _volume,
}
