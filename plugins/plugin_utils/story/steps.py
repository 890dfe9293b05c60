# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a deployment with side effects: one method per step, without decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Dict, List, Optional, Protocol

Result = Dict[str, Any]


class Steps(Protocol):
    """The steps return the results of modules. None of them raises for a failure that a module reports."""

    def preflight(self) -> Result:
        """Runs stack_preflight on the manager and on the other hosts of the play."""

    def deploy(self, prune: bool) -> Result:
        """Deploys the stack, with its gate; or stops or removes it."""

    def plan_prune(self) -> Result:
        """Plans the removal of objects that are no longer in the files."""

    def prune(self, plan_id: str) -> Result:
        """Removes these objects."""

    def values(self, routes: Sequence[Mapping[str, object]], check: bool) -> Result:
        """Runs caddy_route_values on the manager; its result contains secrets."""

    def proxy(self, host: str, arguments: Mapping[str, object], check: bool) -> Result:
        """Runs caddy_route for the proxy of ``host``; the result has ``unreachable`` if the host is."""

    def has_socket(self, host: str, path: str) -> Optional[bool]:
        """Whether ``host`` has the proxy's socket; None if this is unknown."""

    def book(self, **options: object) -> Result:
        """Runs stack_routes on the manager; with ``secrets``, its result contains secrets."""

    def strangers(self, hosts: Sequence[str]) -> List[str]:
        """Returns those of ``hosts`` that are known to be in another Swarm."""

    def names(self, hosts: Sequence[str]) -> List[str]:
        """Returns the addresses of inventory hosts."""
