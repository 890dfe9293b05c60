# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stacks of an environment: as they are listed, or as a clone that shares nothing with another environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_labels import starts
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import as_texts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.sources import sources_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.domains import domain_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.listed import each_stack, merged

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.shapes import Copy, Exports, Options

#: Options that the playbook sets for all stacks, so the dictionary of a stack can't.
OF_ENVIRONMENT = ("project", "environment", "label_prefix")


class CloneError(StackwrightError):
    """The stacks can't be those of a clone: ``invalid_stack_list``, ``shared_data``, ``no_volume``."""

    default_code = "invalid_stack_list"


def stacks_of(
    listed: Sequence[object] | Exports,
    project: str,
    environment: str,
    every: Mapping[str, object],
    pattern: str = "",
    share: Sequence[str] = (),
    keep_ports: bool = False,
    pins: Mapping[str, str] | None = None,
    copies: Sequence[Copy] = (),
) -> dict[str, Any]:
    """Returns the stacks of an environment.

    ``stacks``: options for compose_stack; ``urls``: the addresses of their routes; ``notes``: parts that are not in a
    clone; ``copies``: the given ones, with the volumes' labels.

    :param listed: the stacks, or the result of stack_export.
    :param every: options for all stacks.
    :param pattern: of the domains of a clone (domains.py); empty for an environment that is not a clone.
    :param share: volumes and folders of nodes that a clone may share with others.
    :param pins: volumes with copied data, each with the id of its node, on which the services with the volume run.
    :param copies: the volumes to copy. A service must mount each.
    :raises StackwrightError: ``shared_data``, ``no_volume``, ``not_exportable``, and those of the list and of the
        Compose files.
    """
    stacks, urls = [], []
    notes: list[str] = []
    if isinstance(listed, Mapping):
        listed = _exported(listed, share, notes)
    on = {**(pins or {}), **{one["target"]: one["node_id"] for one in copies}}
    volumes: dict[str, dict[str, str]] = {}
    for one in each_stack(listed, _folder, OF_ENVIRONMENT):
        for option in ("src", "env_files"):
            if one.get(option):
                paths = [one[option]] if isinstance(one[option], str) else one[option]
                one[option] = [_folder(path) for path in paths]
        if one.get("state", "present") == "present":
            options = cast("Options", {**merged(every, one), "project": project, "environment": environment})
            desired = _compiled(options)
            volumes.update(_volumes(desired))
            if pattern:
                _refuse_shared(desired, share)
            overlay = _overlay(desired, options, pattern, keep_ports, on, notes)
            if overlay:
                given = one.get("definition")
                before = [] if given is None else given if isinstance(given, list) else [given]
                one["definition"] = [*before, overlay]
                if not one.get("src") and not one.get("project_directory"):
                    one["project_directory"] = os.getcwd()
                desired = _compiled(cast("Options", {**options, **one}))
            urls += [_url(route) for route in desired["routes"] if route.get("domain")]
        stacks.append(one)
    for copy in copies:
        if copy["target"] not in volumes:
            raise CloneError(
                f"environment_data: no service mounts the volume {copy['target']}. Nothing was changed.",
                error_code="no_volume",
                hint="Name volumes that the stacks of the clone have too.",
            )
    labeled = [{**copy, "labels": volumes[copy["target"]]} for copy in copies]
    return {"stacks": stacks, "urls": sorted(set(urls), key=urls.index), "notes": notes, "copies": labeled}


def _exported(exports: Exports, share: Sequence[str], notes: list[str]) -> list[object]:
    """Returns exported stacks as options for compose_stack. A secret without a stack is shared, as with files."""
    stacks = exports["stacks"]
    own = [secret for one in stacks for secret in one["secrets"] if secret.startswith(f"{one['name']}_")]
    unreadable = sorted(set(own) - set(share))
    if unreadable:
        raise CloneError(
            f"The contents of secrets can't be read from the Swarm: {', '.join(unreadable)}. Nothing was changed.",
            error_code="not_exportable",
            hint="Set environment_stacks to the files, or list the secrets in environment_share to use the same ones.",
        )
    notes += [f"Not in the clone: {lost}" for one in stacks for lost in one["not_exported"]]
    return [
        {
            **{option: value for option, value in one["options"].items() if option not in OF_ENVIRONMENT},
            "src": [os.path.join(exports["dest"], one["folder"], "compose.yml")],
        }
        for one in stacks
    ]


def _folder(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _compiled(options: Options) -> Desired:
    if options.get("remote_src"):
        raise CloneError(f"stack {options['name']}: the files of an environment must be on the controller.")
    src, definition = options.get("src"), options.get("definition")
    sources, directory = sources_of(src, definition, options.get("project_directory"), _folder)
    request = CompileRequest(
        sources=sources,
        name=str(options["name"]),
        project=str(options["project"]),
        environment=str(options["environment"]),
        label_prefix=str(options.get("label_prefix") or DEFAULT_PREFIX),
        variables=as_texts(options.get("variables") or {}),
        env_files=options.get("env_files") or [],
        profiles=options.get("profiles") or [],
        project_directory=directory or os.getcwd(),
        shared_networks=options.get("shared_networks"),
        platform=options.get("platform") or {},
        env_overrides=options.get("env_overrides") or {},
        confine=str(options.get("confine") or "none"),
    )
    return compile_stack(request, LocalFiles())


def _mounts(desired: Desired) -> dict[str, list[dict[str, Any]]]:
    """Returns the mounts of each service by its key."""
    return {
        service["key"]: service["spec"]["TaskTemplate"]["ContainerSpec"].get("Mounts") or []
        for service in desired["services"]
    }


def _volumes(desired: Desired) -> dict[str, dict[str, str]]:
    """Returns the labels of a stack's volumes, by name."""
    mounts = [mount for found in _mounts(desired).values() for mount in found]
    return {
        str(mount["Source"]): dict((mount.get("VolumeOptions") or {}).get("Labels") or {})
        for mount in mounts
        if mount.get("Type") == "volume" and mount.get("Source")
    }


def _refuse_shared(desired: Desired, share: Sequence[str]) -> None:
    """Raises CloneError (``shared_data``) for a volume or folder that the clone would share with other environments."""
    own = f"{desired['stack']['name']}_"
    wrong = []
    for service in desired["services"]:
        for mount in _mounts(desired)[service["key"]]:
            source, kind = str(mount.get("Source") or ""), mount.get("Type")
            foreign = kind in ("volume", "cluster") and source and not source.startswith(own)
            written = kind == "bind" and not mount.get("ReadOnly")
            if (foreign or written) and source not in share:
                what = "the folder" if kind == "bind" else "the volume"
                wrong.append(f"service {service['name']}: {what} {source} would be shared with other environments")
    if wrong:
        raise CloneError(
            "\n".join([*sorted(set(wrong)), "Nothing was changed."]),
            error_code="shared_data",
            hint="Remove the name of the volume, mount the folder read-only, or list it in environment_share.",
        )


def _overlay(
    desired: Desired, options: Options, pattern: str, keep_ports: bool, pins: Mapping[str, str], notes: list[str]
) -> str:
    """Returns a Compose file to merge over those of the stack: a clone's domains, no published ports, the nodes of its
    data."""
    start = starts(str(options.get("label_prefix") or DEFAULT_PREFIX))
    lines: list[str] = []
    mounts = _mounts(desired)
    for service in desired["services"]:
        spec = service["spec"]
        key = service["key"]
        labels = {**(spec["TaskTemplate"]["ContainerSpec"].get("Labels") or {}), **(spec.get("Labels") or {})}
        fields = {"project": options["project"], "environment": options["environment"], "stack": options["name"]}
        new = {}
        for label, text in labels.items() if pattern else ():
            if label.startswith(start) and label.endswith((".domain", ".domains")):
                domains = [
                    domain_of(pattern, {**fields, "service": key, "domain": part.strip()}) for part in text.split(",")
                ]
                new[label] = ",".join(domains)
        ports = (spec.get("EndpointSpec") or {}).get("Ports") if pattern and not keep_ports else None
        # A local volume is on one node. On any other node, the service would get an empty one.
        nodes = sorted({pins[mount["Source"]] for mount in mounts[key] if mount.get("Source") in pins})
        placement = {"placement": {"constraints": [f"node.id == {node}" for node in nodes]}} if nodes else {}
        deploy = {**({"labels": new} if new else {}), **placement}
        if len(nodes) > 1:
            raise CloneError(
                f"environment_data: the volumes of the service {service['name']} are on different nodes.",
                error_code="volume_elsewhere",
                hint="Move one of them with the playbook volume_move first. Nothing was changed.",
            )
        if deploy or ports:
            lines.append(f"  {yaml.safe_dump(key).splitlines()[0]}:")
            # Ports belong to a node: two environments can't publish the same.
            lines += ["    ports: !reset []"] if ports else []
            dumped = yaml.safe_dump(deploy, default_flow_style=True, width=10**6).strip()
            lines += [f"    deploy: {dumped}"] if deploy else []
        if ports:
            shown = ", ".join(str(port.get("PublishedPort") or port["TargetPort"]) for port in ports)
            notes.append(f"{service['name']}: published ports are left out ({shown})")
    return "\n".join(["services:", *lines, ""]) if lines else ""


def _url(route: Mapping[str, object]) -> str:
    scheme = "http" if route.get("tls") in ("off", False) else "https"
    path = str(route.get("base_path") or "/")
    return f"{scheme}://{route['domain']}{path}"
