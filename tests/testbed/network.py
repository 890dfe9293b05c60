"""One bridge for a bed, and for each node a network namespace with a veth pair to the bridge."""

from __future__ import annotations

import json
import re
from pathlib import Path

from .commands import run
from .paths import RUN, BedError, locked

#: For tests between isolated networks (RFC 2544): no real network uses these addresses.
SUBNETS = "198.18.{}.{}"
INSECURE = "198.18.0.0/16"


class Network:
    """The network of one bed. ``tag`` is short and unique on the machine; all names contain it."""

    def __init__(self, tag: str, subnet: int) -> None:
        self.tag = tag
        self.subnet = subnet
        self.bridge = f"swb-{tag}"

    @classmethod
    def create(cls, tag: str) -> Network:
        """Creates the bridge with the first free subnet of this machine."""
        with locked(RUN / "network.lock"):
            taken = _taken_subnets()
            free = [number for number in range(1, 255) if number not in taken]
            if not free:
                raise BedError("no free subnet for another bed: remove some beds first")
            network = cls(tag, free[0])
            run(["ip", "link", "add", network.bridge, "type", "bridge"])
            run(["ip", "address", "add", f"{network.address(1)}/24", "dev", network.bridge])
        run(["ip", "link", "set", network.bridge, "up"])
        # With br_netfilter, bridged frames pass iptables; an engine on the host sets FORWARD to DROP.
        run(["iptables", "-w", "-I", "FORWARD", *_forward_rule(network.bridge)])
        return network

    def address(self, number: int) -> str:
        """Returns the address of a member: 1 is the host's end of the bridge, 2 the registry, 11 and up the nodes."""
        return SUBNETS.format(self.subnet, number)

    def namespace(self, member: str) -> str:
        return f"{self.bridge}-{member}"

    def namespace_path(self, member: str) -> Path:
        return Path("/run/netns") / self.namespace(member)

    def veth(self, member: str) -> str:
        return f"swv-{self.tag}-{member}"[:15]

    def join(self, member: str, number: int) -> None:
        """Creates the member's namespace, with the given address and a default route to the host."""
        namespace, veth = self.namespace(member), self.veth(member)
        run(["ip", "netns", "add", namespace])
        run(["ip", "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", namespace])
        run(["ip", "link", "set", veth, "master", self.bridge, "up"])
        commands = [
            "link set lo up",
            f"address add {self.address(number)}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {self.address(1)}",
        ]
        for command in commands:
            run(["ip", "-n", namespace, *command.split()])

    def set_link(self, member: str, state: str) -> None:
        """Cuts a member's link ("down") or restores it ("up")."""
        run(["ip", "link", "set", self.veth(member), state])

    def remove(self) -> None:
        """Removes namespaces, links, the bridge and its iptables rule, if they exist."""
        for namespace in namespaces(self.bridge + "-"):
            run(["ip", "netns", "delete", namespace], check=False)
        for link in links(f"swv-{self.tag}-"):
            run(["ip", "link", "delete", link], check=False)
        run(["ip", "link", "delete", self.bridge], check=False)
        while run(["iptables", "-w", "-D", "FORWARD", *_forward_rule(self.bridge)], check=False).returncode == 0:
            pass


def namespaces(prefix: str = "swb-") -> list[str]:
    return sorted(path.name for path in Path("/run/netns").glob(prefix + "*"))


def links(prefix: str) -> list[str]:
    return sorted(link["ifname"] for link in _ip_json("link") if link["ifname"].startswith(prefix))


def _forward_rule(bridge: str) -> list[str]:
    return ["-i", bridge, "-o", bridge, "-j", "ACCEPT"]


def _taken_subnets() -> set[int]:
    found = set()
    for link in _ip_json("address"):
        for address in link.get("addr_info", []):
            match = re.fullmatch(r"198\.18\.(\d+)\.\d+", address.get("local", ""))
            if match:
                found.add(int(match[1]))
    return found


def _ip_json(what: str) -> list[dict]:
    return [entry for entry in json.loads(run(["ip", "-json", what, "show"]).stdout or "[]") if entry]
