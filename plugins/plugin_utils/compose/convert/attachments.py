# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that a service joins, and its names on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers as read
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Scope, makes

#: Networks that every Engine has. They support no aliases.
PREDEFINED = ("host", "bridge", "none", "default")
_ATTACHABLE_MODES = ("host", "bridge")


def network_mode(scope: Scope) -> str | None:
    """Returns ``host`` or ``bridge`` if ``network_mode`` has this value and there are no ``networks``."""
    mode = read.text(scope.service, "network_mode", scope.path())
    if mode not in _ATTACHABLE_MODES or scope.service.get("networks"):
        return None
    return mode if "network_mode" in scope.context.options.apply_ignored else None


@makes("TaskTemplate.Networks")
def attachments(scope: Scope) -> list[dict[str, Any]]:
    """Returns the network attachments, sorted by the network's name."""
    mode = network_mode(scope)
    if mode:
        _is_aliased(scope, "")
        scope.context.use_predefined(mode)
        return [{"Target": mode}]
    _notice_mode(scope)
    wanted: Mapping[str, Any] = read.mapping(scope.service, "networks", scope.path()) or {"default": None}
    if read.texts(scope.service, "links", scope.path()):
        scope.applies("links")
    extra = _extra_aliases(scope)
    found = []
    for key in wanted:
        at = scope.path("networks", key)
        settings = read.mapping(wanted, key, scope.path("networks")) or {}
        name = scope.context.use_network(key, at)
        aliases = list(read.texts(settings, "aliases", at) or [])
        if name not in PREDEFINED and not name.startswith("container:"):
            if not scope.context.is_external("networks", key):
                aliases += [alias for alias in extra if alias not in aliases]
            aliases.append(scope.key)
        found.append(
            {"Target": name, **read.filled(Aliases=aliases, DriverOpts=read.labels(settings, "driver_opts", at))}
        )
    return sorted(found, key=lambda attachment: attachment["Target"])


def _notice_mode(scope: Scope) -> None:
    mode = read.text(scope.service, "network_mode", scope.path())
    if not mode or scope.service.get("networks"):
        return
    if mode in _ATTACHABLE_MODES:
        scope.applies("network_mode")
    else:
        scope.notice(
            f"Swarm does not support network_mode {mode!r}: the service joins the stack's network 'default'",
            "network_mode",
            hint="Remove it, and use service names to reach other services.",
            code="no_effect",
        )


def _extra_aliases(scope: Scope) -> list[str]:
    """Returns the names that other services of the file use for this one: from links and ``container_name``.

    They are only aliases on networks of the stack: on other networks they could collide with other stacks' names.
    """
    aliases = list(scope.context.link_aliases.get(scope.key, ()))
    name = read.text(scope.service, "container_name", scope.path()) or ""
    return [*aliases, name] if _is_aliased(scope, name) else aliases


def _is_aliased(scope: Scope, name: str) -> bool:
    """Returns whether ``container_name`` becomes the alias ``name``; a notice reports the result."""
    written = read.text(scope.service, "container_name", scope.path())
    if not written or written == scope.key:
        return False
    hint = "Use the service's own name, or 'aliases' under 'networks'."
    is_named = name and scope.context.is_named_as_host(name, scope.key)
    if not is_named or "container_name" not in scope.context.options.apply_ignored:
        scope.notice("has no effect: Swarm names containers itself", "container_name", hint=hint, code="no_effect")
        return False
    scope.notice(
        f"Swarm names containers itself; {name!r} is now an alias, since another service uses it as a host name",
        "container_name",
        hint=hint,
    )
    return True
