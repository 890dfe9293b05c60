"""An Engine that answers as a real one did (``answers/engine.json``, recorded on 20.10), but spoilt as a seed says."""

from __future__ import annotations

import copy
import json
import random
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Answer, Torn

FOLDER = Path(__file__).parent / "answers"
RECORDED: dict[str, Any] = json.loads((FOLDER / "engine.json").read_text())
DESIRED: dict[str, Any] = json.loads((FOLDER / "desired.json").read_text())
LOG = (FOLDER / "log.bin").read_bytes()
KINDS = ("services", "networks", "configs", "secrets")

DEEP = "[" * 3000 + "]" * 3000
#: What takes the place of a part of an answer.
ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**63,
    10**39,
    1.5,
    -1e300,
    "",
    "x",
    "0",
    "\x00\x1b[31m\u202e",
    "x" * 5000,
    "é" * 40,
    "\ud800",
    "9" * 400,
    "NaN",
    "2026-99-99T99:99:99Z",
    "0001-01-01T00:00:00Z",
    "sha256:" + "a" * 64,
    [],
    {},
    [[]],
    [{}],
    [None],
    {"": None},
    {"a": {"a": {"a": []}}},
    json.loads("[" * 40 + "]" * 40),
]
#: What takes the place of a whole answer.
BODIES = [
    b"",
    b"null",
    b"true",
    b"0",
    b'""',
    b"[]",
    b"{}",
    b"[null]",
    b"[[]]",
    b"[{}]",
    b"{",
    b"<html>busy</html>",
    b"\xff\xfe\x00",
    b"NaN",
    b"[NaN]",
    b"[-Infinity]",
    b"1e999",
    b"[" + b"9" * 5000 + b"]",
    DEEP.encode(),
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
    b'[{"Spec":' * 200 + b"1" + b"}]" * 200,
    b"[" + b"{}," * 200_000 + b"{}]",
    b"[" + b"0," * 3_000_000 + b"0]",
    b'"' + b"x" * 2_000_000 + b'"',
    b'["\\ud800"]',
]


def spoil(value: Any, chance: random.Random, times: int = 1) -> Any:
    """A copy in which some parts are others, of another type, gone, twice, or from elsewhere in it."""
    if not isinstance(value, (dict, list)):
        return chance.choice(ODD)
    value = copy.deepcopy(value)
    for _time in range(times):
        places = list(_places(value))
        if not places:
            return chance.choice(ODD)
        holder, key = chance.choice(places)
        how = chance.random()
        if how < 0.6:
            holder[key] = copy.deepcopy(chance.choice(ODD))
        elif how < 0.75:
            del holder[key]
        elif how < 0.9:
            other, its = chance.choice(places)
            try:
                holder[key] = copy.deepcopy(other[its])
            except (KeyError, IndexError):
                holder[key] = None
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[f"{key}x"] = holder.pop(key)
    return value


def _places(value: Any) -> Any:
    """Each container with each of its keys; those near the top are as likely as all below them."""
    level, found = [value], []
    while level:
        here = [(c, key) for c in level for key in (list(c) if isinstance(c, dict) else range(len(c)))]
        found.append(here)
        level = [c[key] for c, key in here if isinstance(c[key], (dict, list))]
    for here in found:
        yield from here * max(1, 40 // max(len(here), 1))


class Engine:
    """A transport. ``spoilt`` are the kinds of answers (``services``, ``info``) that are, each as ``seed`` says.

    It has the rules of a Swarm for names and versions, and does not care for more.
    """

    def __init__(self, seed: int = 0, spoilt: tuple[str, ...] = (), how: str = "part", late: int = 0) -> None:
        self.seed, self.spoilt, self.how, self.late = seed, spoilt, how, late
        self.answers = copy.deepcopy(RECORDED)
        self.count = 0

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str], bounds: Any) -> Answer:
        self.count += 1
        if self.count > 3000:
            raise AssertionError("3000 calls, and no end")
        parts = urlsplit(path)
        path = re.sub(r"\A/v1\.\d+", "", parts.path)
        query = {key: found[0] for key, found in parse_qs(parts.query).items()}
        status, found = self._answer(method, path, query, json.loads(body) if body else None)
        kind = path.strip("/").split("/")[0]
        raw = found if isinstance(found, bytes) else json.dumps(found).encode() if found is not None else b""
        if self.count > self.late and kind in self.spoilt and path != "/_ping":
            raw = self._spoilt(raw, found, f"{self.seed}:{method == 'GET'}:{kind}")
        return Answer(status, raw, "1.41")

    def _spoilt(self, raw: bytes, found: Any, name: str) -> bytes:
        chance = random.Random(name)
        if self.how == "torn":
            raise Torn("it broke off")
        if self.how == "body":
            return chance.choice(BODIES)
        if self.how == "bytes" or isinstance(found, bytes):
            made = bytearray(raw)
            for _time in range(chance.randint(1, 4)):
                at = chance.randrange(len(made) + 1)
                made[at : at + chance.choice((0, 1, 1, 40))] = chance.choice(
                    (b"", b"[", b"{", b'"', b"\xff", b"0", b"null")
                )
            return bytes(made)
        return json.dumps(spoil(found, chance, chance.choice((1, 1, 1, 2, 5)))).encode()

    def _answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        kind = parts[0]
        if kind not in KINDS or (method == "GET" and parts[-1] == "logs"):
            return self._other(method, path, parts)
        objects = self.answers["/" + kind]
        if method == "POST" and parts[-1] == "create":
            if any(_name(obj) == body["Name"] for obj in objects):
                return 409, {"message": "name conflicts with an existing object"}
            made = {"ID": f"{kind}{self.count}", "Version": {"Index": self.count}, "Spec": body}
            objects.append({**body, "Id": made["ID"], "Scope": "swarm"} if kind == "networks" else made)
            return 201, {"ID": made["ID"], "Id": made["ID"]}
        if len(parts) == 1:
            return 200, [obj for obj in objects if _fits(obj, json.loads(query.get("filters") or "{}"))]
        known = [obj for obj in objects if parts[1] in (obj.get("ID"), obj.get("Id"), _name(obj))]
        if not known:
            return 404, {"message": f"{kind} {parts[1]} not found"}
        if method == "GET":
            return 200, known[0]
        if method == "DELETE":
            objects.remove(known[0])
            return 204, None
        if query.get("version") != str(known[0]["Version"]["Index"]):
            return 500, {"message": "rpc error: code = Unknown desc = update out of sequence"}
        known[0].update(PreviousSpec=known[0]["Spec"], Spec={**known[0]["Spec"], **body})
        known[0]["Version"] = {"Index": known[0]["Version"]["Index"] + 100000}
        return 200, {"Warnings": None}

    def _other(self, method: str, path: str, parts: list[str]) -> tuple[int, Any]:
        if path == "/_ping":
            return 200, b"OK"
        if parts[-1] == "logs":
            return 200, LOG
        if path in self.answers:
            return 200, self.answers[path]
        if parts[0] == "containers" and method == "GET":
            return 200, self.answers["/containers/ID/json"]
        if parts[0] == "distribution":
            return 200, {
                "Descriptor": {"digest": "sha256:" + "b" * 64},
                "Platforms": [{"architecture": "amd64", "os": "linux"}],
            }
        if parts[0] in ("tasks", "nodes") and len(parts) == 2:
            return 200, next((obj for obj in self.answers["/" + parts[0]] if obj["ID"] == parts[1]), {})
        return (204, None) if method == "DELETE" else (200, None)

    def close(self) -> None:
        pass


def _name(obj: dict[str, Any]) -> str:
    return str(obj["Spec"]["Name"] if "Spec" in obj else obj["Name"])


def _fits(obj: dict[str, Any], filters: dict[str, list[str]]) -> bool:
    labels = (obj.get("Spec", obj)).get("Labels") or {}
    for wanted in filters.get("label", []):
        key, equals, value = wanted.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    return not filters.get("name") or any(_name(obj).startswith(prefix) for prefix in filters["name"])


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return 1_800_000_000.0 + self.time

    def sleep(self, seconds: float) -> None:
        self.time += max(seconds, 0.001)
