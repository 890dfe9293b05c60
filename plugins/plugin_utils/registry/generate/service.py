# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts one service of a registry to Compose; each value keeps its place in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Mark, Seq
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.health import healthcheck
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry, Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.routing import Route, routes_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import plain_value, text_of

#: The kind of generic resource for GPUs in Docker's documentation.
GPU = "NVIDIA-GPU"
#: Keys with the same values in Compose.
SAME = ("expose", "volumes", "tmpfs", "secrets", "configs", "devices", "pid")


@dataclass(frozen=True)
class Context:
    """Data of all services: the registry, the proxies, their domains, and the prefix of labels."""

    registry: Registry
    proxy_names: frozenset[str]
    domains: list[str]
    prefix: str


def compose_service(context: Context, service: Service, findings: Findings) -> Map:
    """Returns the service for a Compose file."""
    keys, out = service.keys, Map(service.mark)
    if keys.get("image"):
        out.put("image", service.image, keys.mark("version" if "version" in keys else "image"))
    if keys.get("container_name"):
        out.put("container_name", text_of(keys["container_name"]), keys.mark("container_name"))
    _put_profiles(keys, out)
    for key in ("entrypoint", "command"):
        if keys.get(key) is not None:
            value = keys[key]
            out.put(key, texts(value) if isinstance(value, Seq) else text_of(value), keys.mark(key))
    for key in ("user", "shm_size"):
        if key in keys:
            out.put(key, text_of(keys[key]), keys.mark(key))
    if keys.get("environment"):
        out.put("environment", _variables(keys["environment"]), keys.mark("environment"))
    if keys.get("ports"):
        ports = keys["ports"]
        out.put("ports", copied(ports, text_of), keys.mark("ports"))
    for key in SAME:
        if key in keys and keys[key] not in ([], "", None):
            value = keys[key]
            out.put(key, copied(value, text_of if key == "expose" else plain_value), keys.mark(key))
    _put_networks(context, service, out)
    _put_dependencies(service, out)
    if keys.get("privileged") is True:
        out.put("privileged", True, keys.mark("privileged"))
    if "restart" in keys:
        value = keys["restart"]
        out.put(
            "restart",
            {True: "always", False: "no"}[value] if isinstance(value, bool) else text_of(value),
            keys.mark("restart"),
        )
    routes = [
        route for route in routes_of(context.registry, service, context.proxy_names) if route.port or route.redirects
    ]
    check = healthcheck(service)
    if check is not None:
        out.put("healthcheck", check, keys.mark("health_check"))
    _put_deploy(context, service, [] if service.name in context.proxy_names else routes, out)
    for key, value in keys.items():
        if key.startswith("x-"):
            out.put(key, copied(value, plain_value), keys.mark(key))
    _put_compose_keys(service, out, findings)
    return out


def copied(node: object, scalar: Any) -> Any:
    """Copies a tree with its places. ``scalar`` converts a single scalar, or those of a list; others become plain."""
    if isinstance(node, Map):
        found = Map(node.start)
        for key, value in node.items():
            found.put(
                key, copied(value, scalar) if isinstance(value, (dict, list)) else plain_value(value), node.mark(key)
            )
        return found
    if isinstance(node, Seq):
        seq = Seq(node.start)
        for index, value in enumerate(node):
            seq.add(copied(value, plain_value) if isinstance(value, (dict, list)) else scalar(value), node.mark(index))
        return seq
    return scalar(node)


def texts(node: Seq) -> Seq:
    return copied(node, text_of)  # type: ignore[no-any-return]


def _variables(node: Any) -> Map:
    found = Map(node.start)
    for key, value in node.items():
        found.put(key, None if value is None else text_of(value), node.mark(key))
    return found


def _put_profiles(keys: Map, out: Map) -> None:
    found = Seq(keys.mark("profiles" if "profiles" in keys else "tags"))
    for key in ("profiles", "tags"):
        for index, name in enumerate(keys.get(key) or ()):
            if text_of(name) not in found:
                found.add(text_of(name), keys[key].mark(index))
    if found:
        out.put("profiles", found, found.start)


def _put_networks(context: Context, service: Service, out: Map) -> None:
    keys = service.keys
    joined = keys.get("networks")
    aliases = [text_of(alias) for alias in keys.get("network_aliases") or ()]
    if service.name in context.proxy_names:
        aliases += [domain for domain in context.domains if not domain.startswith("*") and domain not in aliases]
    if not joined and not aliases:
        return
    found = Map(keys.mark("networks"))
    names = joined or ["default"]
    for index, name in enumerate(names):
        mark = joined.mark(name if isinstance(joined, Map) else index) if joined else found.start
        given = joined[name] if joined and isinstance(joined, Map) else None
        if not aliases:
            found.put(text_of(name), None if given is None else copied(given, plain_value), mark)
            continue
        entry = copied(given, plain_value) if isinstance(given, Map) else Map(mark)
        own = [text_of(alias) for alias in entry.get("aliases") or ()]
        entry.put("aliases", seq(own + [alias for alias in aliases if alias not in own], mark), mark)
        found.put(text_of(name), entry, mark)
    out.put("networks", found, found.start)


def seq(values: list[str], mark: Mark) -> Seq:
    found = Seq(mark)
    for value in values:
        found.add(value, mark)
    return found


def _put_dependencies(service: Service, out: Map) -> None:
    needed = service.keys.get("depends_on")
    if not needed:
        return
    if (
        isinstance(needed, Map)
        and all(set(entry) <= {"condition"} for entry in needed.values())
        and set(service.depends_on.values()) == {"service_started"}
    ):
        needed = seq(list(needed), service.keys.mark("depends_on"))
    if isinstance(needed, Map):
        found = Map(needed.start)
        for name, entry in needed.items():
            whole = copied(entry, plain_value)
            whole.setdefault("condition", "service_started")
            found.put(name, whole, needed.mark(name))
        needed = found
    out.put("depends_on", texts(needed) if isinstance(needed, Seq) else needed, service.keys.mark("depends_on"))


def _put_deploy(context: Context, service: Service, routes: list[Route], out: Map) -> None:
    keys = service.keys
    deploy = copied(keys["deploy"], plain_value) if isinstance(keys.get("deploy"), Map) else Map(service.mark)
    start = keys.mark("deploy")
    _put_resources(service, deploy)
    if out.get("restart") == "no" and "restart_policy" not in deploy:
        # By default, Swarm restarts a task that has ended.
        _below(deploy, "restart_policy", keys.mark("restart")).put("condition", "none", keys.mark("restart"))
    if routes:
        listed = deploy.get("labels")
        if isinstance(listed, Seq):
            as_map = Map(deploy.mark("labels"))
            for index, entry in enumerate(listed):
                name, _sign, value = str(entry).partition("=")
                as_map.put(name, value, listed.mark(index))
            deploy.put("labels", as_map)
        labels = _below(deploy, "labels", routes[0].path and context.registry.mark(routes[0].path))
        for name, value, mark in _route_labels(context, service, routes):
            if name not in labels:
                labels.put(name, value, mark)
    if deploy:
        out.put("deploy", deploy, start)


def _below(node: Map, key: str, mark: Any) -> Map:
    if not isinstance(node.get(key), Map):
        node.put(key, Map(mark), mark)
    return node[key]  # type: ignore[no-any-return]


def _put_resources(service: Service, deploy: Map) -> None:
    limits = service.keys.get("resources")
    if isinstance(limits, Map) and limits:
        mark = service.keys.mark("resources")
        parts: tuple[tuple[str, Any], ...] = (("limits", limits), ("reservations", limits.get("reservations")))
        for target, given in parts:
            for key in ("memory", "cpus", "pids") if isinstance(given, Map) else ():
                if key in given:
                    to = _below(_below(deploy, "resources", mark), target, mark)
                    value = plain_value(given[key]) if key == "pids" else text_of(given[key])
                    to.put(key, value, given.mark(key))
    resources = deploy.get("resources")
    reserved = resources.get("reservations") if isinstance(resources, Map) else None
    gpus = _gpus(service, reserved)
    if gpus:
        count, kind, mark = gpus
        reserved = _below(_below(deploy, "resources", mark), "reservations", mark)
        if "generic_resources" not in reserved:
            spec = Map(mark)
            spec.put("kind", kind, mark)
            spec.put("value", count, mark)
            entry = Map(mark)
            entry.put("discrete_resource_spec", spec, mark)
            entries = Seq(mark)
            entries.add(entry, mark)
            reserved.put("generic_resources", entries, mark)


def _gpus(service: Service, reserved: Any) -> tuple[int, str, Mark] | None:
    """Returns how many GPUs a service reserves, their kind and place. Swarm has no devices, only generic resources."""
    found: tuple[int, str, Mark] | None = None
    devices = reserved.get("devices") if isinstance(reserved, Map) else None
    if isinstance(devices, Seq) and all(isinstance(d, Map) and "gpu" in (d.get("capabilities") or ()) for d in devices):
        counts = [device.get("count") for device in devices]
        number = sum(count if isinstance(count, int) and count > 0 else 1 for count in counts)
        found = (number, GPU, reserved.mark("devices"))
        reserved.drop("devices")
    given = service.keys.get("gpu")
    mark = service.keys.mark("gpu")
    if isinstance(given, Map):
        return int(given.get("count") or 1), text_of(given.get("kind")) or GPU, mark
    if given is None or given is False or given == 0:
        return found
    return (int(given), GPU, mark) if not isinstance(given, bool) else found or (1, GPU, mark)


def _route_labels(context: Context, service: Service, routes: list[Route]) -> list[tuple[str, str, Mark]]:
    check = _proxy_check(service)
    ports = {route.port for route in routes if route.port}
    prefix = f"{context.prefix}.http"
    found: list[tuple[str, str, Mark]] = []
    if len(ports) == 1:
        found.append((f"{prefix}.port", next(iter(ports)), context.registry.mark(routes[0].path)))
    for number, route in enumerate(routes):
        fields = [("domain", route.domain)]
        if route.base_path != "/":
            fields.append(("base_path", route.base_path))
        if len(ports) > 1 and route.port:
            fields.append(("port", route.port))
        if route.port and not any(name.startswith("health.") for name, _value in route.fields):
            fields += check
        mark = context.registry.mark(route.path)
        found += [(f"{prefix}.routes.{number}.{name}", value, mark) for name, value in [*fields, *route.fields]]
    return found


def _proxy_check(service: Service) -> list[tuple[str, str]]:
    """Returns the fields of a route for a health check by the proxy; empty if a tool in the image does it."""
    check = service.keys.get("health_check")
    if not isinstance(check, Map) or check.get("type") != "http" or "with" in check:
        return []
    fields = [("health.uri", text_of(check.get("path")) or "/")]
    return [*fields, *([("health.interval", text_of(check["interval"]))] if "interval" in check else [])]


def _put_compose_keys(service: Service, out: Map, findings: Findings) -> None:
    """Adds the keys under ``compose:`` unchanged. A key that is set elsewhere as well is a problem."""
    further: Any = service.keys.get("compose")
    for key, value in further.items() if isinstance(further, Map) else ():
        if key in out and not (
            key in ("deploy", "healthcheck") and isinstance(value, Map) and not set(value) & set(out[key])
        ):
            message = f"'{key}' is set under 'compose:' and by other keys of the service"
            findings.problem(service.path("compose", key), message, "keep one of them", "compose_key")
            continue
        if key in out:
            for name, item in value.items():
                out[key].put(name, copied(item, plain_value), value.mark(name))
        else:
            out.put(key, copied(value, plain_value), further.mark(key))
