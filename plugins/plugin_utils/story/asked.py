# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``routes`` of compose_stack, completed and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError

AFTER_GATE, BEFORE = "after_gate", "before"
FAIL, WARN, IGNORE = "fail", "warn", "ignore"
GONE = "gone"
ADMIN = "unix:///var/lib/stackwright/caddy/admin.sock"
#: The group of the hosts with a proxy.
GROUP = "swarm_proxies"
#: Seconds that one check of all proxies may wait for hanging ones, and the least for each proxy.
LOOK, LEAST = 10, 2


@dataclass(frozen=True)
class RoutesAsked:
    """The option ``routes``. ``proxies``: the hosts with a proxy, in order; ``admin``: the addresses of admin APIs."""

    proxies: Tuple[str, ...] = ()
    admin: Any = ()
    server: str = ""
    switch: str = AFTER_GATE
    on_lost: str = FAIL
    on_unlisted: str = WARN
    take_over: str = ""
    manager: str = ""
    maintenance: str = ""
    #: Whether the user set ``proxies``. If not, they are all hosts that may have a proxy.
    chosen: bool = True

    def admin_of(self, host: str) -> List[str]:
        """Returns the addresses of the admin API on ``host``."""
        found = self.admin.get(host) or [ADMIN] if isinstance(self.admin, Mapping) else self.admin
        return [str(one) for one in ([found] if isinstance(found, str) else found)] or [ADMIN]

    def socket(self) -> str:
        """Returns the path of the admin API's socket if it is the same on all proxies, else ""."""
        first = {self.admin_of(host)[0] for host in self.proxies}
        return first.pop()[len("unix://") :] if len(first) == 1 and min(first).startswith("unix://") else ""


def look_timeout(proxies: int) -> int:
    """Returns the seconds for one of several proxies, so that all hanging ones together cost LOOK seconds."""
    return max(LOOK // proxies, LEAST)


def asked_of(options: Optional[Mapping[str, object]], groups: Mapping[str, Sequence[str]], play: Sequence[str]) -> Any:
    """Returns the RoutesAsked of the option, or None without it. ``play`` has the hosts of the play.

    :raises StackwrightError: ``invalid_options``.
    """
    if options is None:
        return None
    given: Dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    admin = given.get("admin") or [ADMIN]
    if not isinstance(admin, (str, Mapping, list)):
        raise StackwrightError(
            "routes.admin must be an address, a list of addresses, or a dictionary with those of each host.",
            "invalid_options",
        )
    proxies = given.get("proxies", groups.get(GROUP, play))
    known = {*groups.get("all", proxies), "localhost"}
    for host in proxies:
        if str(host) not in known:
            raise StackwrightError(f"routes.proxies: the inventory has no host {host}.", "invalid_options")
    return RoutesAsked(
        proxies=tuple(dict.fromkeys(str(host) for host in proxies)),
        admin=admin,
        server=given.get("server", ""),
        switch=given.get("switch", AFTER_GATE),
        on_lost=given.get("on_lost_proxy", FAIL),
        on_unlisted=given.get("on_unlisted_proxy", WARN),
        take_over=given.get("take_over", ""),
        manager=given.get("manager", ""),
        maintenance=given.get("maintenance", ""),
        chosen="proxies" in given,
    )
