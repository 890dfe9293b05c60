# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds ports, domains and aliases that two services claim."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.ports import ports as ports_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry, Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.routing import is_domain, proxies, routes_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.texts import settled
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of


def check_claims(registry: Registry, findings: Findings) -> None:
    _check_ports(registry, findings)
    _check_domains(registry, findings)
    _check_aliases(registry, findings)


def published_ports(service: Service, findings: Findings | None = None) -> list[tuple[int, Map]]:
    """Returns the ports of a service in long form with the index of each entry; skips those with unset variables."""
    entries = service.keys.get("ports")
    found: list[tuple[int, Map]] = []
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        one = Seq()
        if isinstance(entry, Map):
            plain = entry.like()
            for key, value in entry.items():
                plain[key] = settled(value) if not isinstance(value, (dict, list)) else value
            if None in plain.values():
                continue
            one.add(plain)
        else:
            text = settled(entry)
            if text is None:
                continue
            one.add(text)
        report = Report()
        ports: Any = ports_of(one, Place(report))
        problem = next(iter(report.problems), None)
        if problem is not None:
            if findings is not None:
                findings.problem(service.path("ports", index), problem.message, problem.hint, "port")
            continue
        found += [(index, port) for port in ports if isinstance(port, Map)]
    return found


def _check_ports(registry: Registry, findings: Findings) -> None:
    taken: dict[tuple[str, str], Service] = {}
    for service in registry.services.values():
        for index, port in published_ports(service, findings):
            published = text_of(port.get("published"))
            if not published or published == "0" or "-" in published:
                continue
            protocol = text_of(port.get("protocol")) or "tcp"
            first = taken.setdefault((published, protocol), service)
            if first is not service:
                message = f"the published port {published}/{protocol} already belongs to '{first.name}'"
                hint = f"publish another port (line {first.mark.line} has '{first.name}')"
                findings.problem(service.path("ports", index), message, hint, "port_taken")


def _check_domains(registry: Registry, findings: Findings) -> None:
    proxy_names = proxies(registry)
    taken: dict[tuple[str, str], Service] = {}
    for service in registry.services.values():
        for route in routes_of(registry, service, proxy_names):
            plain = settled(route.domain.replace("${DOMAIN}", "domain.example"))
            if plain is not None and not is_domain(plain):
                hint = "use letters, digits and '-' between dots"
                findings.problem(route.path, f"'{route.domain}' is not a domain", hint, "domain")
                continue
            first = taken.setdefault((route.domain, route.base_path), service)
            if first is not service:
                message = f"'{route.shown}' already belongs to '{first.name}' (line {first.mark.line})"
                findings.problem(route.path, message, "choose another subdomain or path", "subdomain_taken")
            if not route.port and not route.redirects and service.name not in proxy_names:
                message = f"no route for '{route.shown}': the port of the service is not known"
                hint = "add 'port:', the port on which the container listens"
                findings.warning(route.path, message, hint, "route_port")


def _check_aliases(registry: Registry, findings: Findings) -> None:
    """Warns about names that two services have on one network: requests could reach either of them."""
    names: dict[tuple[str, str], Service] = {}
    networks = {
        s.name: [text_of(n) for n in s.keys.get("networks") or ("default",)] for s in registry.services.values()
    }
    for service in registry.services.values():
        for network in networks[service.name]:
            names[network, service.name] = service
    for service in registry.services.values():
        for index, alias in enumerate(service.keys.get("network_aliases") or ()):
            for network in networks[service.name]:
                first = names.setdefault((network, text_of(alias)), service)
                if first is not service:
                    message = f"'{text_of(alias)}' is also a name of '{first.name}' on the network '{network}'"
                    hint = "choose another alias: requests could reach either of the two"
                    findings.warning(service.path("network_aliases", index), message, hint, "alias_taken")
