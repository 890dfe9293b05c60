"""A bed: nodes in network namespaces that form one Swarm, a registry, and images."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from . import cleanup, engines, images, records
from .commands import need_tools, wait_for
from .network import Network
from .node import Node
from .paths import BEDS, BedError, locked
from .records import Record
from .registry import MEMBER, NUMBER, Registry

FIRST_NODE = 11
JOIN_SECONDS = 240  # enough on a busy machine
#: A node counts as down after three missed heartbeats; with Swarm's own 5 s tests would wait.
HEARTBEAT_SECONDS = 2


class Bed:
    """A bed. Use ``with Bed.up(...) as bed`` (removed at the end), or ``Bed.up`` and ``bed.down()``."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.prefix = record.prefix
        self.engine = record.engine
        #: Whether its nodes form a Swarm, as requested from ``up``.
        self.forms_swarm = True
        self.network = Network(record.tag, record.subnet)
        folder = Path(record.folder)
        programs = engines.engine(record.engine)
        self.nodes = {
            name: Node(
                name=name,
                role=kept["role"],
                address=kept["address"],
                folder=folder / name,
                run_folder=record.run_folder,
                programs=programs,
                network=self.network,
                keeper=kept.get("keeper") or {},
                first=kept.get("first") or {},
            )
            for name, kept in record.nodes.items()
        }
        self.registries = {
            name: Registry(name, self.network, folder, process) for name, process in record.registries.items()
        }
        self.images = Images(self)

    @classmethod
    def up(
        cls,
        prefix: str,
        engine: str = engines.DEFAULT,
        managers: int = 1,
        workers: int = 0,
        registries: tuple[str, ...] = ("open",),
        swarm: bool = True,
    ) -> Bed:
        """Starts a bed, or returns the one of this prefix if it has this shape and is healthy.

        ``registries`` are any of "open" and "auth" (with a password). Raises BedError if the bed can't be started,
        and leaves nothing of it.
        """
        roles = {f"m{number}": "manager" for number in range(1, managers + 1)}
        roles |= {f"w{number}": "worker" for number in range(1, workers + 1)}
        with locked(BEDS / f".{prefix}.lock"):
            found = records.load(prefix)
            if found and _matches(found, engine, roles, registries):
                bed = cls(found)
                bed.forms_swarm = swarm
                if bed.is_healthy():
                    return bed
            cleanup.remove(prefix)
            return cls._create(prefix, engine, roles, registries, swarm)

    @classmethod
    def find(cls, prefix: str) -> Bed:
        """Returns the current bed of this prefix. Raises BedError if there is none."""
        record = records.load(prefix)
        if not record:
            raise BedError(f"no bed with the prefix {prefix} is up")
        return cls(record)

    @classmethod
    def _create(
        cls, prefix: str, engine: str, roles: Mapping[str, str], registries: tuple[str, ...], swarm: bool
    ) -> Bed:
        need_tools()
        engines.engine(engine)
        record = records.new(prefix, engine)
        record.save()
        try:
            network = Network.create(record.tag)
            record.subnet = network.subnet
            record.nodes = {
                name: {"role": role, "address": network.address(FIRST_NODE + index)}
                for index, (name, role) in enumerate(roles.items())
            }
            record.registries = {name: {} for name in registries}
            record.save()
            bed = cls(record)
            bed.forms_swarm = swarm
            bed._start()
            if swarm:
                bed._form_swarm()
            return bed
        except BaseException:
            cleanup.remove(prefix)
            raise

    def __enter__(self) -> Bed:
        return self

    def __exit__(self, *error: object) -> None:
        self.down()

    def down(self) -> None:
        """Removes the whole bed."""
        with locked(BEDS / f".{self.prefix}.lock"):
            cleanup.remove(self.prefix)

    def node(self, name: str = "m1") -> Node:
        """Returns a node by its name: m1, m2, ... are managers, w1, w2, ... workers."""
        try:
            return self.nodes[name]
        except KeyError:
            raise BedError(f"the bed {self.prefix} has no node {name}, only {', '.join(self.nodes)}") from None

    @property
    def docker_host(self) -> str:
        """DOCKER_HOST of the first manager."""
        return self.node("m1").docker_host

    @property
    def registry(self) -> Registry:
        """The registry without a password."""
        return self.registries["open"]

    def kill(self, name: str) -> None:
        """Ends all processes of a node at once."""
        self.node(name).kill()
        self._save()

    def start(self, name: str) -> None:
        """Starts a node again with its data, and waits until its Engine answers."""
        node = self.node(name)
        node.start()
        self._save()
        node.wait_until_up()
        self._save()

    def is_healthy(self) -> bool:
        """Whether every node and registry answers, and every node is ready if the bed forms a Swarm."""
        parts = [*self.nodes.values(), *self.registries.values()]
        return all(part.is_up for part in parts) and (not self.forms_swarm or self.ready_nodes() == set(self.nodes))

    def ready_nodes(self) -> set[str]:
        """Returns the host names of the ready nodes, from the first manager that answers; empty if none does."""
        for node in self.nodes.values():
            if node.role == "manager" and node.pid:
                with contextlib.suppress(OSError, BedError):
                    seen = node.api("GET", "/nodes", timeout=10)
                    return {node["Description"]["Hostname"] for node in seen if node["Status"]["State"] == "ready"}
        return set()

    def wait_ready(self, names: set[str] | None = None, seconds: float = JOIN_SECONDS) -> None:
        """Waits until exactly these nodes are ready; all nodes by default."""
        wanted = set(self.nodes) if names is None else names
        wait_for(f"nodes {', '.join(sorted(wanted))} to be ready", lambda: self.ready_nodes() == wanted, seconds)

    def _start(self) -> None:
        if self.registries:
            self.network.join(MEMBER, NUMBER)
        for index, node in enumerate(self.nodes.values()):
            self.network.join(node.name, FIRST_NODE + index)
        for part in (*self.registries.values(), *self.nodes.values()):
            part.start()
            self._save()
        for part in (*self.registries.values(), *self.nodes.values()):
            part.wait_until_up()
        self._save()

    def _form_swarm(self) -> None:
        first, *others = self.nodes.values()
        listen = {"ListenAddr": "0.0.0.0:2377"}
        spec = {"Dispatcher": {"HeartbeatPeriod": HEARTBEAT_SECONDS * 10**9}}
        first.api("POST", "/swarm/init", {**listen, "AdvertiseAddr": first.address, "Spec": spec})
        tokens = first.api("GET", "/swarm")["JoinTokens"]
        for node in others:
            join = {**listen, "AdvertiseAddr": node.address, "RemoteAddrs": [f"{first.address}:2377"]}
            node.api("POST", "/swarm/join", {**join, "JoinToken": tokens[node.role.title()]})
        self.wait_ready()
        # Swarm creates them a moment after the first node is ready; a test that compares states must not see that.
        wait_for("Swarm's own networks", lambda: _has_own_networks(first.api("GET", "/networks")), JOIN_SECONDS)

    def _save(self) -> None:
        for name, node in self.nodes.items():
            self.record.nodes[name].update(keeper=node.keeper, first=node.first)
        for name, registry in self.registries.items():
            self.record.registries[name] = registry.process
        self.record.save()


class Images(Mapping[str, str]):
    """The images of the bed: ``bed.images["busybox"]`` returns the full name, and builds the image if necessary."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed

    def __getitem__(self, name: str) -> str:
        return self.publish(images.build(name), f"{name}:1")

    def __iter__(self) -> Iterator[str]:
        return iter(images.RECIPES)

    def __len__(self) -> int:
        return len(images.RECIPES)

    def from_folder(
        self, folder: Path, image: str, config: Mapping[str, object], base: str = "", into: str = ""
    ) -> str:
        """Make NAME:TAG of a folder (put at the path ``into``, over the image of a recipe) and give its full name."""
        return self.publish(images.build_folder(folder, image, config, base, into), image)

    def publish(self, built: str, image: str, registry: str = "open") -> str:
        """Puts a built image into a registry of the bed as ``image``. Returns its full name.

        ``built`` is the result of ``images.build`` or ``images.build_folder``.
        """
        target = self.bed.registries[registry]
        target.store.copy(built, images.BUILT, image)
        return f"{target.address}/{image}"


def _has_own_networks(networks: list[dict]) -> bool:
    allocated = {network["Name"] for network in networks if (network.get("IPAM") or {}).get("Config")}
    return {"ingress", "docker_gwbridge"} <= allocated


def _matches(record: Record, engine: str, roles: Mapping[str, str], registries: tuple[str, ...]) -> bool:
    seen = {name: kept["role"] for name, kept in record.nodes.items()}
    return record.engine == engine and seen == dict(roles) and set(record.registries) == set(registries)
