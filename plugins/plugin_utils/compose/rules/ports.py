# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports: numbers, modes, and no published port twice (swarmkit's validateEndpointSpec and checkPortConflicts)."""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Review,
    deep,
    has_lost,
    items_of,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import shown_value
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

PROTOCOLS = ("tcp", "udp", "sctp")
MODES = ("ingress", "host")
#: Values of host_ip that mean every address. Swarm always publishes on every address.
EVERYWHERE = ("", "0.0.0.0", "::", "[::]", "*")


def check_ports(review: Review) -> None:
    taken: Dict[Tuple[int, str], Dict[str, str]] = {}
    for name, service in review.services.items():
        own: Dict[Tuple[int, str], int] = {}
        for index, port in items_of(service, "ports"):
            path = ("services", name, "ports", index)
            _check_port(review, path, port)
            published = _number(port.get("published"))
            if not published or has_lost(port, "mode", "protocol"):
                continue
            key = (published, _protocol(port))
            if key in own:
                message = f"port {published}/{key[1]} is published twice (ports[{own[key]}] as well)"
                review.problem(path, message, "keep one of them", "duplicate_port")
                continue
            own[key] = index
            _check_conflict(review, path, name, key, port, taken)
        _check_host_mode(review, name, service)


def _check_conflict(
    review: Review,
    path: Path,
    name: str,
    key: Tuple[int, str],
    port: Mapping[str, object],
    taken: Dict[Tuple[int, str], Dict[str, str]],
) -> None:
    """Reports a published port of another service. Only two host ports may be the same, on different nodes."""
    mode = str(port.get("mode") or "ingress")
    others = taken.setdefault(key, {})
    other = next((others[m] for m in ("ingress", "host") if m in others and "ingress" in (m, mode)), None)
    if other is not None:
        message = f"port {key[0]}/{key[1]} is also published by service '{other}'"
        review.problem(path, message, "publish it on another port", "duplicate_port")
    others.setdefault(mode, name)


def _check_port(review: Review, path: Path, port: Mapping[str, object]) -> None:
    target, published, mode = _number(port.get("target")), port.get("published"), port.get("mode")
    if target is None or not 1 <= target <= 65535:
        review.problem((*path, "target"), "the container's port must be from 1 to 65535", "set it with target:", "port")
    number = _number(published)
    if published not in (None, "") and (number is None or not 0 <= number <= 65535):
        hint = "set one port from 1 to 65535, or none to let Swarm choose"
        review.problem((*path, "published"), "the published port must be from 0 to 65535", hint, "port")
    if mode not in (None, *MODES):
        review.problem((*path, "mode"), f"unknown mode {shown_value(mode)}", f"use {' or '.join(MODES)}", "enum")
    if _protocol(port) not in PROTOCOLS:
        message = f"unknown protocol {shown_value(port.get('protocol'))}"
        review.problem((*path, "protocol"), message, f"use {', '.join(PROTOCOLS)}", "enum")
    if port.get("host_ip") not in (None, *EVERYWHERE):
        message = "host_ip has no effect in Swarm: the port is open on every address of the nodes"
        hint = "block it with a firewall, or don't publish it and use a network"
        review.notice((*path, "host_ip"), message, hint)


def _check_host_mode(review: Review, name: str, service: Mapping[str, object]) -> None:
    replicas = deep(service, "deploy", "replicas")
    if (
        not isinstance(replicas, int)
        or replicas < 2
        or deep(service, "deploy", "placement", "max_replicas_per_node") == 1
    ):
        return
    for index, port in items_of(service, "ports"):
        if port.get("mode") == "host" and _number(port.get("published")):
            message = f"a host port can be used once per node, so {replicas} replicas need as many nodes"
            hint = "use mode: global, or set deploy.placement.max_replicas_per_node to 1"
            review.notice(("services", name, "ports", index), message, hint, "host_port")


def _protocol(port: Mapping[str, object]) -> str:
    return str(port.get("protocol") or "tcp").lower()


def _number(value: object) -> Optional[int]:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
