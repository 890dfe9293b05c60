# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: Swarm attaches services only to networks of swarm scope. Addresses must be valid."""

from __future__ import annotations

import ipaddress
from typing import Any, Mapping

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Review,
    is_text,
    items_of,
    mapping,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.names import full_name
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

LOCAL_DRIVERS = ("bridge", "host", "none", "null", "macvlan", "ipvlan", "transparent", "nat")
#: The Engine refuses it: "Service cannot be explicitly attached to the ingress network".
INGRESS = "ingress"
IMPOSSIBLE_MODES = ("service:", "container:")


def check_networks(review: Review) -> None:
    for key, network in review.section("networks").items():
        entry = mapping(network)
        driver = entry.get("driver")
        if entry.get("external") is not True and driver in LOCAL_DRIVERS:
            message = f"Swarm can't attach services to a network with driver {driver}: it exists on one node only"
            review.problem(("networks", key, "driver"), message, "use driver: overlay, or remove it", "network_driver")
        if entry.get("external") is True and full_name(review, "networks", key, network) == INGRESS:
            message = "services can't join the ingress network"
            review.problem(("networks", key), message, "publish ports, or use a network of the stack", "network_driver")
        for index, pool in items_of(mapping(entry.get("ipam")), "config"):
            for option in ("subnet", "ip_range", "gateway"):
                _check_address(review, ("networks", key, "ipam", "config", index, option), option, pool)
    for name, service in review.services.items():
        _check_mode(review, name, service)


def _check_address(review: Review, path: Path, option: str, pool: Mapping[str, object]) -> None:
    text: Any = pool.get(option)
    if not is_text(text):
        return
    try:
        if option == "gateway":
            ipaddress.ip_address(text)
        else:
            ipaddress.ip_network(text, strict=False)
            if "/" not in text:
                raise ValueError
    except ValueError:
        what, example = ("address", "10.0.9.1") if option == "gateway" else ("network", "10.0.9.0/24")
        review.problem(path, f"the {option} is not a valid {what}", f"use the form {example}", "address")


def _check_mode(review: Review, name: str, service: Mapping[str, object]) -> None:
    mode: Any = service.get("network_mode")
    if not is_text(mode):
        return
    path = ("services", name, "network_mode")
    if mode == "none" or mode.startswith(IMPOSSIBLE_MODES):
        kind = "none" if mode == "none" else mode.partition(":")[0] + ":…"
        hint = "use networks:" if mode != "none" else "use a network with internal: true"
        review.problem(path, f"Swarm does not support network_mode {kind}", hint, "network_mode")
    if mapping(service.get("networks")):
        review.problem(
            path, "a service can't have both network_mode and networks", "remove one of them", "network_mode"
        )
