# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the hosts of a play that are in another Swarm than the working manager: the stack doesn't use their proxies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.preflight import LOOK
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.other_hosts import at_once
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.on_hosts import Hosts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.preflight_by_one import ask_of

#: Seconds for all hosts, which are asked in parallel.
SECONDS = 30.0


def is_elsewhere(looked: Mapping[str, object], cluster: str, nodes: Collection[str]) -> bool:
    """Whether a host is known to be in another Swarm than ``cluster``, which has the ``nodes`` (ids).

    False for a host without a Swarm, or without an answer: it may have the proxy in front of this Swarm.
    """
    if looked.get("cluster_id"):
        return bool(looked["cluster_id"] != cluster)
    return bool(nodes and looked.get("node_id") and looked["node_id"] not in nodes)


class Clusters:
    """The clusters of hosts. ``known`` returns those already published; ``connection``: of the manager's Engine."""

    def __init__(
        self,
        hosts: Hosts,
        cluster: str,
        connection: Mapping[str, object],
        known: Callable[[], Mapping[str, str]],
    ) -> None:
        self._hosts, self._cluster, self._connection, self._known = hosts, cluster, connection, known

    def strangers(self, hosts: Sequence[str]) -> List[str]:
        """Returns those of ``hosts`` that are known to be in another Swarm."""
        looked: Dict[str, Mapping[str, Any]] = {
            host: {"cluster_id": cluster} for host, cluster in self._known().items() if cluster
        }
        asked = [host for host in hosts if host != self._hosts.own and host not in looked]
        looked.update({str(one["host"]): one for one in self._asked(asked)})
        workers = any(one.get("node_id") and not one.get("cluster_id") for one in looked.values())
        nodes = self._nodes() if workers else []
        return [host for host in hosts if is_elsewhere(looked.get(host, {}), self._cluster, nodes)]

    def _asked(self, hosts: Sequence[str]) -> List[Dict[str, Any]]:
        def look(host: str) -> Dict[str, Any]:
            found = ask_of(self._hosts, self._connection, host, {"part": LOOK, "vips": False})
            return {"host": host, **{name: found.get(name) for name in ("cluster_id", "node_id")}}

        return at_once({host: partial(look, host) for host in hosts}, SECONDS) if hosts else []

    def _nodes(self) -> List[str]:
        found = self._hosts.run("stackwright.swarm.swarm_info", {**self._connection, "nodes": True})
        return [str(node["id"]) for node in found.get("nodes") or ()]
