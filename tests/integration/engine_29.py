"""An Engine 29 as far as its API differs: a unix socket in front of an older Engine, which does the work.

Changed are what moby's API changelog (1.52 to 1.54) and the types of its module ``api`` say of the endpoints that the
collection uses; what is only new there and can be asked for, an older Engine can't do.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from proxy import Proxy
from wire import Head, answer_body, ends_with_the_connection, read_head, request_body

Version = tuple[int, int]
ENGINE, OLDEST, NEWEST = "29.0.0", (1, 44), (1, 54)
PATH = re.compile(r"/v(\d+)\.(\d+)(/.*)")
#: Of a container's NetworkSettings, up to 1.51.
ADDRESSES = [
    "Bridge",
    "HairpinMode",
    "LinkLocalIPv6Address",
    "LinkLocalIPv6PrefixLen",
    "SecondaryIPAddresses",
    "SecondaryIPv6Addresses",
    "EndpointID",
    "Gateway",
    "GlobalIPv6Address",
    "GlobalIPv6PrefixLen",
    "IPAddress",
    "IPPrefixLen",
    "IPv6Gateway",
    "MacAddress",
]


class Engine29(Proxy):
    """``versions``: those of the calls that came, None where a call had none; ``refused``: how many were refused."""

    def __init__(self, upstream: Path | str, path: Path | str, speaks: Version) -> None:
        self.speaks = speaks  # the newest version that the Engine behind it knows
        self.versions: set[Version | None] = set()
        self.refused = 0
        super().__init__(upstream, path)

    def _one(self, client, stream, engine) -> bool:
        head = read_head(stream)
        if head is None:
            return False
        body = request_body(stream, head)
        self._count(head)
        method, target = head.first[:2]
        given = PATH.fullmatch(target)
        asked = (int(given[1]), int(given[2])) if given else None
        self.versions.add(asked)
        version, rest = asked or NEWEST, given[3] if given else target
        fault = ""
        if version < OLDEST:
            fault = (
                f"client version {said(version)} is too old. Minimum supported API version is {said(OLDEST)}, "
                "please upgrade your client to a newer version"
            )
        elif version > NEWEST:
            fault = f"client version {said(version)} is too new. Maximum supported API version is {said(NEWEST)}"
        if fault:
            self.refused += 1
            client.sendall(answer("400 Bad Request", {"message": fault}))
            return True
        first = f"{method} /v{said(min(version, self.speaks))}{rest} HTTP/1.1\r\n".encode()
        sent = Head([method, rest, "HTTP/1.1"], head.headers, first + head.raw.partition(b"\n")[2])
        came = engine._ask(sent, body)
        pieces = answer_body(engine.stream, came, method)
        place = rest.split("?")[0]
        if method == "GET" and came.status == 200 and "json" in came.headers.get("content-type", ""):
            client.sendall(answer("200 OK", as_29(place, json.loads(whole(came, pieces)), version)))
            return True
        client.sendall(re.sub(rb"(?mi)^(Api-Version:).*?\r?$", rf"\1 {said(NEWEST)}\r".encode(), came.raw))
        for piece in pieces:
            client.sendall(piece)
        return not ends_with_the_connection(came, method)


def said(version: Version) -> str:
    return "{}.{}".format(*version)


def whole(head: Head, pieces: Any) -> bytes:
    """The body without the frames of its chunks."""
    parts = list(pieces)
    if head.is_chunked:
        parts = [part.split(b"\r\n", 1)[1][:-2] for part in parts[:-1]]
    return b"".join(parts)


def answer(status: str, told: Any) -> bytes:
    body = json.dumps(told).encode() + b"\n"
    lines = [
        f"HTTP/1.1 {status}",
        f"Api-Version: {said(NEWEST)}",
        "Content-Type: application/json",
        f"Server: Docker/{ENGINE} (linux)",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def as_29(path: str, told: Any, version: Version) -> Any:
    """What a GET of ``path`` with ``version`` is answered, made of the answer of an older Engine."""
    parts = path.strip("/").split("/")
    new = version >= (1, 52)
    if parts == ["version"]:
        told.update(Version=ENGINE, ApiVersion=said(NEWEST), MinAPIVersion=said(OLDEST))
        for part in told.get("Components") or []:
            if part["Name"] == "Engine":
                part["Version"] = ENGINE
                part["Details"].update(ApiVersion=said(NEWEST), MinAPIVersion=said(OLDEST))
    elif parts == ["info"]:
        told["ServerVersion"] = ENGINE
        if new:
            told.pop("KernelMemoryTCP", None)
    elif parts[0] == "nodes":
        for node in told if isinstance(told, list) else [told]:
            node["Description"]["Engine"]["EngineVersion"] = ENGINE
    elif parts[0] == "networks":
        for network in told if isinstance(told, list) else [told]:
            as_network(network, new and len(parts) == 2, len(parts) == 1)
    elif parts == ["containers", "json"]:
        for container in told:
            for port in container.get("Ports") or []:
                port.setdefault("IP", "")
            if new:
                container["Health"] = {"Status": "none", "FailingStreak": 0}
    elif parts[0] == "containers" and parts[-1] == "json" and new:
        for name in ADDRESSES:
            told["NetworkSettings"].pop(name, None)
        told["HostConfig"].pop("KernelMemoryTCP", None)
        leave_out(told["Config"], "OnBuild")
    elif parts[0] == "images" and parts[-1] == "json" and len(parts) > 2 and new:
        leave_out(told, "Parent", "Comment", "DockerVersion", "Author")
        names = "Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "User", "Volumes", "WorkingDir"
        leave_out(told["Config"], *names)
    return told


def as_network(network: dict[str, Any], with_status: bool, is_listed: bool) -> None:
    if is_listed:  # of one network only
        network.pop("Containers", None)
    configs = (network.get("IPAM") or {}).get("Config") or []
    for config in configs:  # what is not set is an empty text, no longer nothing
        for name in ("Subnet", "IPRange", "Gateway"):
            config.setdefault(name, "")
    if with_status:
        counts = {"IPsInUse": 3, "DynamicIPsAvailable": 253}
        network["Status"] = {"IPAM": {"Subnets": {c["Subnet"]: counts for c in configs}}}


def leave_out(told: dict[str, Any], *names: str) -> None:
    for name in names:
        if not told.get(name):
            told.pop(name, None)
