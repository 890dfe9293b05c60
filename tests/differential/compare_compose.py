"""Compares what our load makes of Compose files with what `docker compose config` makes of them.

Both results are brought to one normal form first: one unit for durations, sizes and cpus, and without the defaults
that Compose writes out. As a program: compare_compose.py FILE... [-e NAME=VALUE]... prints the differences.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / ".cache" / "tools" / "docker-compose"
HOME = "/home/somebody"
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import to_plain

UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
DURATIONS = ("interval", "timeout", "start_period", "start_interval", "delay", "monitor", "window", "stop_grace_period")
# Keys without a place in Swarm, which load leaves as they are written.
LEFT_OUT = ("blkio_config", "build", "develop", "extends", "gpus", "models", "post_start", "pre_stop", "profiles")
SIZES = ("memory", "mem_limit", "mem_reservation", "memswap_limit", "shm_size", "size")


@dataclass
class Answer:
    """One side's result: a normal form, or the reason why there is none."""

    tree: dict | None
    refused: str = ""
    codes: frozenset = field(default_factory=frozenset)


def ask_compose(files, variables, profiles=("*",), name="project"):
    arguments = [arg for file in files for arg in ("-f", str(file))]
    arguments += [arg for profile in profiles for arg in ("--profile", profile)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": HOME, **variables}
    arguments += ["-p", name, "--env-file", "/dev/null", "config", "--no-consistency", "--format", "json"]
    done = subprocess.run(
        [str(BINARY), *arguments],
        cwd=Path(files[0]).parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        return Answer(None, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "failed")
    return Answer(normal_form(unescape(json.loads(done.stdout)), name))


def ask_ours(files, variables, profiles=("*",), name="project", check=None):
    try:
        project = load(
            [Source(str(file)) for file in files],
            reader=LocalFiles(),
            variables={"HOME": HOME, **variables},
            profiles=profiles,
            name=name,
            check=check,
        )
    except ComposeError as error:
        first = error.problems[0]
        return Answer(None, str(first), frozenset(problem.code for problem in error.problems))
    return Answer(normal_form(to_plain(project.tree), name))


def wanted(got, ask):
    """What Compose makes of each text of ``got``, which has what is made of it here; None where it is refused.

    ``ask`` takes texts, puts them into one file and gives a value for each, or None where Compose refuses the file.
    Texts that are refused here are asked for one by one, since each spoils the file that it is in.
    """

    def halved(texts):
        values = ask(texts) if texts else []
        if values is not None:
            return values
        half = len(texts) // 2
        return halved(texts[:half]) + halved(texts[half:]) if half else [None]

    good = [text for text, value in got.items() if value is not None]
    found = dict(zip(good, halved(good)))
    return {text: found[text] if text in found else halved([text])[0] for text in got}


def unescape(node):
    """Compose writes each dollar sign twice."""
    if isinstance(node, dict):
        return {key.replace("$$", "$"): unescape(value) for key, value in node.items()}
    if isinstance(node, list):
        return [unescape(value) for value in node]
    return node.replace("$$", "$") if isinstance(node, str) else node


def normal_form(tree, name):
    services = {key: normal_service(value) for key, value in (tree.get("services") or {}).items()}
    result = {"services": services}
    for section in ("networks", "volumes", "configs", "secrets"):
        entries = tree.get(section) or {}
        result[section] = {key: normal_resource(key, value or {}, name) for key, value in entries.items()}
    return result


def normal_resource(key, value, name):
    value = prune(value)
    if "name" in value and value["name"] in (f"{name}_{key}", key if value.get("external") else None):
        value.pop("name")
    if value.get("external") is False:
        value.pop("external")
    ipam = value.get("ipam")
    if isinstance(ipam, dict):
        # Compose reads them and prints them nowhere.
        ipam.pop("options", None)
    if isinstance(ipam, dict) and isinstance(ipam.get("config"), list):
        ipam["config"] = [entry for entry in ipam["config"] if entry]
    return prune(value)


def normal_service(service):
    service = {key: value for key, value in service.items() if key not in LEFT_OUT}
    for key, normal in SERVICE.items():
        if key in service and service[key] is not None:
            service[key] = normal(service[key])
    service = prune(units(service))
    if service.get("read_only") is False:
        service.pop("read_only")
    for key in ("networks",):
        if service.get(key) in ({"default": {}}, {"default": None}):
            service.pop(key)
    return service


def normal_ports(ports):
    expanded = []
    for port in ports:
        entry = {"mode": "ingress", "protocol": "tcp", **{k: v for k, v in port.items() if v is not None}}
        first, _, last = str(entry.pop("published", "")).partition("-")
        for number in range(int(first), int(last or first) + 1) if first else [None]:
            expanded.append(json.dumps({**entry, "published": str(number or "")}, sort_keys=True))
    return sorted(expanded)


def normal_volumes(volumes):
    result = []
    for volume in volumes:
        entry = prune({key: value for key, value in volume.items() if key != "consistency"})
        for block in ("bind", "volume", "tmpfs"):
            inner = dict(entry.get(block) or {})
            if inner.get("create_host_path") in (True, "true"):
                inner.pop("create_host_path")
            # Swarm has no place for it, and load says so.
            inner.pop("selinux", None)
            entry[block] = inner
        source = entry.get("source")
        if isinstance(source, str) and entry.get("type") == "bind":
            entry["source"] = os.path.normpath(source)
        target = entry.get("target")
        if isinstance(target, str):
            entry["target"] = os.path.normpath(target) if target else target
        if entry.get("read_only") is False:
            entry.pop("read_only")
        result.append(prune(entry))
    return result


def normal_references(prefix):
    def normal(references):
        result = []
        for reference in references:
            entry = dict(reference)
            if entry.get("target") in (prefix + str(entry.get("source")), entry.get("source")):
                entry.pop("target")
            if isinstance(entry.get("mode"), str):
                entry["mode"] = int(entry["mode"], 8)
            result.append(prune(entry))
        return result

    return normal


def normal_depends(depends):
    result = {}
    for key, value in depends.items():
        given = {name: item for name, item in value.items() if item is not None and (item or name == "required")}
        result[key] = {"condition": "service_started", "required": True, **given}
    return result


def normal_devices(devices):
    texts = []
    for device in devices:
        if isinstance(device, dict):
            device = ":".join(device[key] for key in ("source", "target", "permissions") if device.get(key))
        source, *rest = device.split(":")
        texts.append(":".join([source, *(rest[:1] or [source]), *(rest[1:2] or ["rwm"])]))
    return texts


def normal_networks(networks):
    if isinstance(networks, list):
        networks = dict.fromkeys(networks)
    return {key: prune(value or {}) for key, value in networks.items()} or None


def normal_environment(environment):
    return {key: str(value) for key, value in environment.items() if value is not None}


def normal_health(health):
    dropped = ("test",) if health.get("disable") else ("disable",)
    return {key: value for key, value in health.items() if key not in dropped}


SERVICE = {
    "ports": normal_ports,
    "volumes": normal_volumes,
    "configs": normal_references("/"),
    "secrets": normal_references("/run/secrets/"),
    "depends_on": normal_depends,
    "devices": normal_devices,
    "networks": normal_networks,
    "environment": normal_environment,
    "healthcheck": normal_health,
    "tmpfs": lambda value: [value] if isinstance(value, str) else value,
    "expose": lambda value: sorted(map(str, value)),
    "extra_hosts": sorted,
    "mem_swappiness": int,
}


def prune(node):
    """Without empty mappings, empty lists and nulls."""
    if isinstance(node, dict):
        pruned = {key: prune(value) for key, value in node.items() if not key.startswith("x-")}
        return {key: value for key, value in pruned.items() if value is not None and value != {} and value != []}
    if isinstance(node, list):
        return [prune(value) for value in node]
    return node


def units(node, key=""):
    if isinstance(node, dict):
        inside_texts = key in ("environment", "labels", "options", "driver_opts", "sysctls", "annotations")
        return node if inside_texts else {name: units(value, name) for name, value in node.items()}
    if isinstance(node, list):
        return [units(value) for value in node]
    if key in DURATIONS and isinstance(node, str):
        return seconds(node) or None
    if key in SIZES and isinstance(node, (str, int)):
        return size(str(node)) or None
    if key in ("cpus", "max_failure_ratio", "cpu_percent") and isinstance(node, (str, int, float)):
        return number(str(node)) or None
    return node


def seconds(text):
    parts = re.findall(r"([0-9.]+)(ms|us|µs|ns|h|m|s)", text)
    joined = "".join(a + b for a, b in parts)
    return round(sum(float(a) * UNITS[b] for a, b in parts), 9) if parts and joined == text.lstrip("-+") else text


def size(text):
    match = re.fullmatch(r"([0-9.]+) ?([kmgtp]?)(i?b)?", text.strip().lower())
    return int(float(match[1]) * 1024 ** " kmgtp".index(match[2] or " ")) if match else text


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


def differences(compose, ours, path=""):
    """Lines `path: compose's value | our value`. Unused resources, which Compose leaves out, don't count."""
    if isinstance(compose, dict) and isinstance(ours, dict):
        lines = []
        for key in sorted({*compose, *ours}, key=str):
            where = f"{path}.{key}" if path else str(key)
            if key not in compose:
                if path not in ("networks", "volumes", "configs", "secrets"):
                    lines.append(f"{where}: absent | {ours[key]!r}")
            elif key not in ours:
                if where != "networks.default":
                    lines.append(f"{where}: {compose[key]!r} | absent")
            else:
                lines += differences(compose[key], ours[key], where)
        return lines
    return [] if compose == ours else [f"{path}: {compose!r} | {ours!r}"]


def main(arguments):
    files, variables = [], {}
    while arguments:
        argument = arguments.pop(0)
        if argument == "-e":
            key, _, value = arguments.pop(0).partition("=")
            variables[key] = value
        else:
            files.append(argument)
    compose, ours = ask_compose(files, variables), ask_ours(files, variables)
    if compose.tree is None or ours.tree is None:
        print(f"compose: {compose.refused or 'accepts'}\nours:    {ours.refused or 'accepts'}")
        return int((compose.tree is None) != (ours.tree is None))
    lines = differences(compose.tree, ours.tree)
    print("\n".join(lines) or "equal")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
