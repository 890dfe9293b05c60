# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a project as a readable Compose file: keys in a fixed order, short forms, a blank line between services.

The only writer of Compose files: for the registry, its import, and exports.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.short_forms import shortened
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.yaml_text import Comment, Path, Style, yaml_text

TOP = ("name", "include", "services", "networks", "volumes", "configs", "secrets")
SERVICE = (
    "extends", "image", "build", "platform", "pull_policy", "container_name", "hostname", "domainname", "profiles",
    "entrypoint", "command", "user", "group_add", "working_dir", "env_file", "environment", "configs", "secrets",
    "ports", "expose", "networks", "volumes", "tmpfs", "depends_on", "pre_start", "healthcheck", "restart",
    "stop_signal", "stop_grace_period", "init", "tty", "stdin_open", "read_only", "privileged", "cap_add", "cap_drop",
    "security_opt", "devices", "shm_size", "oom_score_adj", "sysctls", "ulimits", "dns", "dns_search", "dns_opt",
    "extra_hosts", "logging", "labels", "deploy",
)  # fmt: skip
_ENTRY = ("name", "external", "driver", "driver_opts", "file", "content", "environment", "attachable", "ipam", "labels")
_DEPLOY = (
    "mode", "replicas", "endpoint_mode", "placement", "resources", "restart_policy", "update_config", "rollback_config",
    "labels",
)  # fmt: skip
#: Keys whose lists are written on one line.
_FLOW = ("command", "entrypoint", "test")


def compose_text(
    tree: Mapping[str, object],
    *,
    interpolated: bool,
    header: Collection[str] = (),
    comments: Mapping[Path, Comment] | None = None,
) -> str:
    """Returns the text of a project's Compose file.

    :param tree: a document as it was read, or in canonical form. Its lists and mappings are not changed.
    :param interpolated: the variables are already replaced, so each ``$`` is written as ``$$``.
    :param header: comment lines at the top, without ``#``.
    :param comments: the comments of entries, by path.
    :raises ValueError: for a text that YAML can't contain, such as a reference to a kept value.
    """
    document = ordered(tree, TOP)
    for section in ("services", "networks", "volumes", "configs", "secrets"):
        entries = document.get(section)
        if isinstance(entries, Mapping):
            written = _service if section == "services" else _entry
            document[section] = {key: written(entry) for key, entry in entries.items()}
    text = yaml_text(escaped(document) if interpolated else document, Style(comments or {}, _spaced, _flow))
    return "".join(f"# {line}".rstrip() + "\n" for line in header) + ("\n" if header else "") + text


def _spaced(path: Path) -> bool:
    return len(path) == 1 or (len(path) == 2 and path[0] == "services")


def _flow(path: Path) -> bool:
    return path[-1] in _FLOW


def _service(service: object) -> Any:
    if not isinstance(service, Mapping):
        return service
    written = shortened(ordered(service, SERVICE))
    if isinstance(written.get("deploy"), Mapping):
        written["deploy"] = ordered(written["deploy"], _DEPLOY)
    return written


def _entry(entry: object) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    return ordered(entry, _ENTRY) or None


def ordered(node: Mapping[str, object], order: Collection[str]) -> dict[str, Any]:
    """Returns the entries of ``node``: those of ``order`` first, then the others in their own order."""
    return {**{key: node[key] for key in order if key in node}, **{k: v for k, v in node.items() if k not in order}}


def escaped(node: object) -> Any:
    """Returns ``node`` with each ``$`` of a value doubled, so that Compose finds no variables in it."""
    if isinstance(node, str):
        return node.replace("$", "$$")
    if isinstance(node, Mapping):
        return {key: escaped(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [escaped(value) for value in node]
    return node
