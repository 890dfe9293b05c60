# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS policies of routes. The ids of all our routes determine them, so every run gets the same for all stacks.

``internal`` and ``on_demand`` are one policy each, with a list of domains. ``off`` is the server's list of domains for
which the proxy gets no certificates.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.layout import address_of, strings
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route_owner import POLICY, id_of, owner_of

Json = Dict[str, Any]

POLICIES: Dict[str, Json] = {
    "internal": {"issuers": [{"module": "internal"}]},
    "on_demand": {"on_demand": True},
}


def requested_tls(routes: Iterable[object]) -> Dict[str, str]:
    """Returns the TLS of our routes (flattened) by domain, without ``auto``.

    :raises RouteError: ``tls_conflict``: two routes of one domain have different TLS.
    """
    found: Dict[str, Any] = {}
    for route in routes:
        owner = owner_of(route)
        if owner is None:
            continue
        domain = address_of(route)[0]
        before = found.setdefault(domain, owner)
        if before.tls != owner.tls:
            raise RouteError(
                f"{domain} can't have tls {before.tls or 'auto'} for {before.shown} and tls {owner.tls or 'auto'} for "
                f"{owner.shown}: a certificate is for the whole domain.",
                "tls_conflict",
                "Give all routes of a domain the same tls.",
            )
    return {domain: owner.tls for domain, owner in sorted(found.items()) if owner.tls}


def check_permission(apps: Mapping[str, Any], routes: Iterable[object]) -> None:
    """Refuses certificates on demand without an endpoint for permissions: clients could make the proxy request any
    number of certificates.

    :raises RouteError: ``no_permission``.
    """
    wanted = sorted(domain for domain, kind in requested_tls(routes).items() if kind == "on_demand")
    automation = (apps.get("tls") or {}).get("automation") or {}
    asked = automation.get("on_demand") if isinstance(automation, dict) else None
    if wanted and not (isinstance(asked, dict) and (asked.get("ask") or asked.get("permission"))):
        raise RouteError(
            f"tls on_demand for {', '.join(wanted)}: the proxy has no endpoint to ask for permission to get a "
            "certificate.",
            "no_permission",
            "Set apps.tls.automation.on_demand in the proxy's configuration (ask, or permission from 2.8 on), for "
            "example with swarm_platform_config; or use tls auto.",
        )


def with_policies(tls: Optional[Mapping[str, Any]], wanted: Mapping[str, str]) -> Optional[Json]:
    """Returns the proxy's TLS app with the policies for ``wanted``; None if it has no TLS app and needs none.

    :raises RouteError: ``tls_conflict``: a policy of another tool is for one of these domains.
    """
    policies = list(((tls or {}).get("automation") or {}).get("policies") or ())
    foreign = [policy for policy in policies if not id_of(policy).startswith(POLICY)]
    ours: List[Json] = []
    for kind, content in POLICIES.items():
        subjects = sorted(domain for domain, tls_kind in wanted.items() if tls_kind == kind)
        taken = {name for policy in foreign for name in strings(policy.get("subjects"))}.intersection(subjects)
        if taken:
            raise RouteError(
                f"tls {kind} for {', '.join(sorted(taken))}: the proxy has another TLS policy for this domain.",
                "tls_conflict",
                "Remove the domain from that policy, or use tls auto.",
            )
        if subjects:
            ours.append({"@id": POLICY + kind, "subjects": subjects, **content})
    if [*ours, *foreign] == policies:
        return dict(tls) if tls is not None else None
    result = dict(tls or {})
    automation = dict(result.get("automation") or {})
    automation["policies"] = [*ours, *foreign]
    if not automation["policies"]:
        del automation["policies"]
    result["automation"] = automation
    return result


def with_skipped(server: Mapping[str, Any], before: Mapping[str, str], after: Mapping[str, str]) -> Json:
    """Returns the server; its list of domains without certificates has those of ``after`` that are ``off``.

    :param before: the TLS of the existing routes. Domains that others added to the list stay in it.
    """
    automatic = dict(server.get("automatic_https") or {})
    skip = strings(automatic.get("skip"))
    gone = _off(before) - _off(after)
    now = [name for name in skip if name not in gone]
    now += sorted(_off(after) - set(now))
    if now == skip:
        return dict(server)
    result = dict(server)
    if now:
        automatic["skip"] = now
    else:
        del automatic["skip"]
    result["automatic_https"] = automatic
    if not automatic:
        del result["automatic_https"]
    return result


def _off(wanted: Mapping[str, str]) -> Set[str]:
    return {domain for domain, kind in wanted.items() if kind == "off"}
