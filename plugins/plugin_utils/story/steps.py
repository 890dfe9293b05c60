# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a deployment with side effects, one method per step (decides nothing)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Dict, List, Optional, Protocol

Result = Dict[str, Any]


class Steps(Protocol):
    """Results are those of the modules; none raises for a failure that a module reports."""

    def preflight(self) -> Result:
        """The result of stack_preflight, on the manager and on the other hosts of the play."""

    def deploy(self, prune: bool) -> Result:
        """The deployment with its gate; or the stop or removal of the stack."""

    def plan_prune(self) -> Result:
        """The plan of the removal of what is no longer in the files."""

    def prune(self, plan_id: str) -> Result:
        """This removal."""

    def values(self, routes: Sequence[Mapping[str, object]], check: bool) -> Result:
        """What caddy_route_values reads on the manager; its result has secrets."""

    def proxy(self, host: str, arguments: Mapping[str, object], check: bool) -> Result:
        """caddy_route for the proxy of ``host``; ``unreachable`` if its host is."""

    def has_socket(self, host: str, path: str) -> Optional[bool]:
        """Whether ``host`` has the proxy's socket; None if that can't be found out."""

    def book(self, **options: object) -> Result:
        """stack_routes on the manager; with ``secrets``, its result has some."""

    def strangers(self, hosts: Sequence[str]) -> List[str]:
        """Those of ``hosts`` that are known to be in another Swarm."""

    def names(self, hosts: Sequence[str]) -> List[str]:
        """The addresses of inventory hosts."""
