"""Ways to spoil a file: its bytes, its lines, its tree."""

from __future__ import annotations

import copy
import datetime
import json
import random
from typing import Any

import yaml

HOSTILE = (
    "\x00", "\x1b[2J\x1b]0;x\x07", "\u202e\u2066", "\ufeff", "\ud800", "\U0010ffff", "é" * 50, "\r\n\r\n", "\u2028",
    "\x85", "${", "${A", "${A:-${A:-${A}}}", "$$$$", "${A?}", "$A" * 100, "{{ generate_user", "{{ generate_hex(9) }}",
    "{{", "}}", "{{generate_" + "a" * 3000, "%TAG ! x\n", "&a [*a]", "*a", "<<", "? ", "- ", "|", ">", "!!binary x",
    "!reset", "!override", "!!int a", "!<tag:yaml.org,2002:float> 1", "---\n", "...\n", "/proc/self/environ",
    "/dev/zero", "../" * 40 + "etc/passwd", "9" * 400, "9" * 30, "-1", "1e308", ".nan", ".inf", "0o777",
    "0x" + "f" * 30, "1-65535:1-65535", "65536", "0", "a:b:c:d:e", "A=" * 50, "=", "a" * 300, "a/" * 200, ":" * 200,
    "[" * 150, "{a: " * 120, "\\" * 99, '"' * 9, "'" * 9, " " * 500, "~", "null", "12h90m5s", "1.5gb", "1_000", "on",
    "2020-01-01", "node.labels.a==b", "sha256:" + "0" * 64, "git@x:y.git", "https://x/y.yml",
)  # fmt: skip
KEYS = (
    "services", "networks", "volumes", "configs", "secrets", "include", "name", "version", "x-a", "x-env",
    "x-zane-env", "extends", "image", "command", "entrypoint", "environment", "env_file", "label_file", "labels",
    "ports", "expose", "depends_on", "healthcheck", "deploy", "resources", "limits", "placement", "constraints",
    "logging", "options", "driver", "driver_opts", "extra_hosts", "ulimits", "file", "profiles", "external", "target",
    "source", "published", "mode", "path", "project_directory", "content", "required", "format", "type", "aliases",
    "ipam", "config", "devices", "<<", "", "a.b", "tmpfs", "security_opt", "pre_start", "credential_spec", "sysctls",
    "stop_grace_period", "update_config", "restart_policy", "replicas", "build", "develop", "provider", "gpus",
    "volumes_from", "links", "network_mode", "pid", "init", "user", "cap_add", "group_add", "platform", "pull_policy",
)  # fmt: skip


def scalar(chance: random.Random) -> Any:
    """A scalar of any kind, now and then a huge one."""
    return chance.choice(
        (
            lambda: None,
            lambda: chance.random() < 0.5,
            lambda: chance.randint(-3, 70000),
            lambda: 10 ** chance.randint(1, 30) * chance.choice((1, -1)),
            lambda: chance.choice((1.5, -0.0, 1e300, float("nan"), float("inf"))),
            lambda: chance.choice(HOSTILE),
            lambda: chance.choice(HOSTILE) + chance.choice(HOSTILE),
            lambda: chance.choice(HOSTILE) * chance.choice((1, 1, 1, 1000)),
            lambda: chance.choice(KEYS),
        )
    )()


def tree(chance: random.Random, depth: int = 3) -> Any:
    """A small tree of anything, now and then a deep one."""
    kind = chance.random()
    if kind < 0.03:
        deep: Any = scalar(chance)
        for _ in range(chance.choice((20, 90, 101, 400))):
            deep = [deep] if chance.random() < 0.5 else {chance.choice(KEYS): deep}
        return deep
    if depth == 0 or kind < 0.5:
        return scalar(chance)
    if kind < 0.75:
        return [tree(chance, depth - 1) for _ in range(chance.randint(0, 4))] * chance.choice((1, 1, 1, 1, 300))
    return {key_of(chance): tree(chance, depth - 1) for _ in range(chance.randint(0, 4))}


def key_of(chance: random.Random) -> str:
    return chance.choice(KEYS) if chance.random() < 0.9 else chance.choice(HOSTILE)


def containers(node: Any) -> list[Any]:
    """All mappings and lists of a tree that have entries."""
    found: list[Any] = []
    waiting = [node]
    while waiting and len(found) < 3000:
        node = waiting.pop()
        if isinstance(node, (dict, list)) and node:
            found.append(node)
            waiting += list(node.values()) if isinstance(node, dict) else node
    return found


def spoil_tree(good: Any, chance: random.Random) -> Any:
    """A copy of ``good`` in which entries were replaced, dropped, added, wrapped, moved or multiplied."""
    spoilt = copy.deepcopy(good)
    for _ in range(chance.randint(1, 6)):
        places = containers(spoilt)
        if not places:
            return tree(chance)
        node = chance.choice(places)
        key = chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
        how = chance.randrange(8)
        if how == 0:
            del node[key]
        elif how == 1:
            node[key] = [node[key]]
        elif how == 2:
            node[key] = {key_of(chance): node[key]}
        elif how == 3:
            node[key] = copy.deepcopy(chance.choice(places))
        elif how == 4 and isinstance(node, dict):
            node[key_of(chance)] = tree(chance)
        elif how == 5 and isinstance(node, list):
            node += copy.deepcopy(node[:5]) * chance.choice((1, 2, 500))
        elif how == 6:
            node[key] = scalar(chance)
        else:
            node[key] = tree(chance)
    return spoilt


def python_only(node: Any, chance: random.Random) -> Any:
    """What only a definition in a playbook can hold: other types, keys that are no text, one object in many places."""
    for place in chance.choices(containers(node) or [{}], k=3):
        odd = chance.choice(
            (
                10**5000,
                b"\xff",
                datetime.date(2020, 1, 1),
                (1, 2),
                {1: 2},
                {None: 1},
                {True: 1},
                {1.5: [1]},
                2**64,
                "x" * 99999,
            )
        )
        if isinstance(place, dict):
            place[chance.choice(KEYS)] = [odd] * chance.choice((1, 1000))
        else:
            place.append(odd)
    return node


def as_text(node: Any, chance: random.Random) -> str:
    """A tree as YAML or JSON; now and then with anchors. One that would be longer than some megabytes becomes short."""
    if weight(node) > 2_000_000:
        return "services: {web: {image: [&a [x], *a]}}"
    try:
        if chance.random() < 0.5:
            return json.dumps(node, indent=chance.choice((None, 1)), ensure_ascii=chance.random() < 0.5)
        return yaml.dump(node, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
    except (TypeError, ValueError, RecursionError, yaml.YAMLError, UnicodeError):
        return repr(node)


def weight(node: Any, most: int = 3_000_000) -> int:
    """About how long a tree is when it is written out, aliases too; not counted beyond ``most``."""
    total, waiting = 0, [node]
    while waiting and total < most:
        node = waiting.pop()
        if isinstance(node, dict):
            waiting += node.keys()
            waiting += node.values()
        elif isinstance(node, (list, tuple)):
            waiting += node
        total += len(node) if isinstance(node, (str, bytes)) else 2
    return total


def spoil_lines(text: str, other: str, chance: random.Random) -> str:
    """Lines dropped, doubled, swapped, indented, taken from another file, anchored or tagged."""
    lines = text.split("\n")
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(lines)) if lines else 0
        line = lines[at] if lines else ""
        how = chance.randrange(10)
        if how == 0:
            del lines[at : at + chance.randint(1, 5)]
        elif how == 1:
            lines[at:at] = [line] * chance.choice((1, 1, 3, 2000))
        elif how == 2:
            to = chance.randrange(len(lines)) if lines else 0
            lines[at : at + 1], lines[to : to + 1] = lines[to : to + 1], [line]
        elif how == 3:
            lines[at : at + 1] = [" " * chance.randint(1, 4) + line]
        elif how == 4:
            lines[at : at + 1] = [line[chance.randint(0, 3) :]]
        elif how == 5:
            lines[at:at] = chance.sample(other.split("\n"), k=min(3, other.count("\n") + 1))
        elif how == 6 and ":" in line:
            head, _colon, tail = line.partition(":")
            mark = chance.choice(("&a", "*a", "!reset", "!override", "!!str", "!!int", "!x", "!!binary", "!!set"))
            lines[at] = f"{head}: {mark} {tail if mark != '*a' else ''}"
        elif how == 7:
            lines[at:at] = [" " * (len(line) - len(line.lstrip())) + "<<: *a"]
        elif how == 8:
            head = line.partition(":")[0]
            lines[at : at + 1] = [f"{head}: {chance.choice(HOSTILE)}"]
        else:
            lines[at:at] = [chance.choice(HOSTILE)]
    return "\n".join(lines)


def spoil_bytes(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed, dropped, doubled, put in."""
    spoilt = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        at = chance.randrange(len(spoilt) + 1)
        end = at + chance.choice((1, 1, 2, 8, 100))
        how = chance.randrange(5)
        if how == 0:
            spoilt[at:at] = bytes([chance.randrange(256)])
        elif how == 1:
            del spoilt[at:end]
        elif how == 2:
            spoilt[at:at] = spoilt[at:end] * chance.choice((1, 2, 200))
        elif how == 3:
            spoilt[at:at] = chance.choice(HOSTILE).encode("utf-8", "surrogatepass")
        elif at < len(spoilt):
            spoilt[at] ^= 1 << chance.randrange(8)
    return bytes(spoilt)
