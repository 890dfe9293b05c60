"""A model of Engines and their Swarms: raft, roles, joins and losses with realistic delays, in simulated time.

The product's own parts run against it, each host with its own client. It also records what no real Engine reports:
whether a Swarm ever lost its quorum, and how many Swarms there were.
"""

import copy
import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = [str(Path(__file__).parents[1] / "deploy"), str(Path(__file__).parents[3] / "integration")]

from fake_clock import Clock
from fake_swarm import FakeSwarm
from members import Members

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.failures import refusal
from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling import look
from ansible_collections.stackwright.swarm.plugins.module_utils.parts import swarm_cluster

CALL, ROLE, ANSWER, HEARD, LOST, BACK, ELECTION, DRAIN = 0.02, 1.0, 0.7, 0.5, 2.0, 4.0, 3.0, 1.5  # seconds
LEADERLESS = "rpc error: code = Unknown desc = The swarm does not have a leader."
REFUSES = "rpc error: code = FailedPrecondition desc = "
DEMOTE_LAST = REFUSES + "attempting to demote the last manager of the swarm"
DEMOTE_LOSES = REFUSES + "can't remove member from the raft: this would result in a loss of quorum"


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status, self.text = status, text


class Node:
    def __init__(self, identity, engine, role, number, joins_by=""):
        self.id, self.engine, self.role, self.number, self.joins_by = identity, engine, role, number, joins_by
        self.name, self.address = engine.name, engine.address
        self.availability, self.labels, self.state, self.busy = "active", {}, "unknown", 1
        self.voter = self.answers = False  # in the raft; its own engine answers as a manager
        self.goes = False  # it is to leave the raft, once another manager leads
        self.updated = 0.0

    @property
    def alive(self):
        return self.engine.up and self.engine.node is self


class Swarm:
    def __init__(self, identity):
        self.id, self.nodes, self.leader, self.spec = identity, {}, None, {"Labels": {}}
        self.store = FakeSwarm()  # for configs
        self.lost = []  # the moments at which it had no quorum
        self.lasts = True

    def voters(self):
        return [node for node in self.nodes.values() if node.voter]

    def has_quorum(self):
        voters = self.voters()
        return sum(node.alive for node in voters) > len(voters) // 2

    def token(self, role):
        return f"SWMTKN-1-{self.id}-{role}"


class Engine:
    def __init__(self, name, number):
        self.name, self.address, self.up, self.node, self.swarm, self.error = (
            name,
            f"10.0.0.{number}",
            True,
            None,
            None,
            "",
        )


class Engines:
    """Engines by name. It calls ``write`` before and after each call that changes something; ``write`` may raise."""

    def __init__(self, *names):
        self.clock, self.numbers, self.later = Clock(), itertools.count(1), []
        self.nodes = {name: Engine(name, number) for number, name in enumerate(names, 1)}
        self.swarms, self.write, self.writes = [], (lambda when: None), 0

    # -- time

    def after(self, seconds, what):
        self.later.append((self.clock.time + seconds, next(self.numbers), what))

    def tick(self, seconds=0.0):
        self.clock.time += seconds
        while self.later and min(self.later)[0] <= self.clock.time:
            first = min(self.later)
            self.later.remove(first)
            first[2]()
            self.check()

    def check(self):
        for swarm in self.swarms:
            if swarm.lasts and swarm.voters() and not swarm.has_quorum():
                swarm.lost.append(self.clock.time)

    # -- what happens to nodes

    def member(self, swarm, engine, role, joins_by=""):
        node = Node(f"id{next(self.numbers)}", engine, role, next(self.numbers), joins_by)
        swarm.nodes[node.id] = node
        engine.node, engine.swarm, engine.error = node, swarm, ""
        self.after(HEARD, lambda: self.heard(node))
        return node

    def heard(self, node):
        if node.alive and node.engine.swarm.leader is not None:
            node.state = "ready"

    def silent(self, node):
        if not node.alive or node.state == "unknown":
            node.state, node.updated = "down", self.clock.time

    def votes(self, node):
        swarm = node.engine.swarm
        if not node.alive or node.role != "manager":
            return
        there = [f"{other.address}:2377" for other in swarm.voters() if other.alive]
        if node.joins_by and node.joins_by not in there:  # the trap: it loses its membership
            node.engine.error, node.state = "cannot join the raft", "down"
            return
        node.voter = True
        self.after(ANSWER, lambda: setattr(node, "answers", node.voter))

    def unvotes(self, node):
        swarm = next(swarm for swarm in self.swarms if node.id in swarm.nodes)
        if node.role == "manager":
            return
        node.voter = node.answers = False
        if swarm.leader is node:
            self.elect(swarm, node)

    def elect(self, swarm, demoted=None):
        swarm.leader = None

        def elected():
            able = [node for node in swarm.voters() if node.alive and node is not demoted]
            if not swarm.has_quorum() or not able:
                return
            swarm.leader = able[0]
            for node in swarm.nodes.values():
                node.state = "unknown" if node.state == "ready" else node.state
                if node is demoted:  # it stops its manager first; the new leader gives it up for a moment
                    self.after(LOST, lambda node=node: self.silent(node))
                    self.after(BACK, lambda node=node: self.heard(node))
                else:
                    self.after(HEARD, lambda node=node: self.heard(node))

        self.after(ELECTION, elected)

    def stop(self, name):
        """Switches the machine off."""
        engine = self.nodes[name]
        engine.up = False
        self._gone(engine.swarm, engine.node)

    def _gone(self, swarm, node):
        node.answers = False
        if swarm.leader is node or not swarm.has_quorum():
            self.elect(swarm)
        self.after(LOST, lambda: self.silent(node))
        self.check()

    # -- the Engine API

    def client(self, name):
        return Client(self, self.nodes[name])

    def request(self, engine, method, path, query, body):
        if not engine.up:
            raise EngineError(f"No Engine answers at {engine.name}.", "daemon_unreachable")
        self.tick(CALL)
        if method != "GET":
            self.writes += 1
            self.write(f"before {method} {path}")
        try:
            return json.loads(json.dumps(self._answer(engine, method, path, query or {}, body)))
        finally:
            self.check()
            if method != "GET":
                self.write(f"after {method} {path}")

    def _answer(self, engine, method, path, query, body):
        if path == "/info":
            return self._info(engine)
        if path == "/swarm/init":
            return self._init(engine, body)
        if path == "/swarm/join":
            return self._join(engine, body)
        if path == "/swarm/leave":
            return self._leave(engine, query)
        node, swarm = engine.node, engine.swarm
        if node is None or not node.answers:
            raise Refused(503, "This node is not a swarm manager.")
        if swarm.leader is None:
            raise Refused(500, LEADERLESS)
        if path.startswith("/configs"):
            call = {"GET": swarm.store.get, "DELETE": swarm.store.delete}.get(method)
            return call(path, query) if call else swarm.store.post(path, query, body)
        if path == "/swarm":
            tokens = {"Worker": swarm.token("worker"), "Manager": swarm.token("manager")}
            return {"ID": swarm.id, "Version": {"Index": 1}, "Spec": swarm.spec, "JoinTokens": tokens}
        if path == "/swarm/update":
            swarm.spec = copy.deepcopy(body)
            return {}
        if path == "/tasks":
            busy = swarm.nodes[query["filters"]["node"][0]].busy
            return [{"Status": {"State": "running"}}] * busy
        if path == "/nodes":
            return [self._node(swarm, each) for each in swarm.nodes.values()]
        found = swarm.nodes.get(path.split("/")[2])
        if found is None:
            raise Refused(404, "node not found")
        if method == "GET":
            return self._node(swarm, found)
        return self._remove(swarm, found) if method == "DELETE" else self._update(swarm, found, query, body)

    def _info(self, engine):
        node, swarm = engine.node, engine.swarm
        told = {"LocalNodeState": "inactive", "NodeID": "", "ControlAvailable": False, "Error": ""}
        if node is not None:
            told.update(LocalNodeState="error" if engine.error else "active", NodeID=node.id, NodeAddr=engine.address)
            told.update(Error=engine.error, ControlAvailable=node.answers)
            there = [f"{other.address}:2377" for other in swarm.voters()]
            told["RemoteManagers"] = [{"Addr": address} for address in there]
            if node.answers and swarm.leader is None:
                told["Error"] = LEADERLESS
            elif node.answers:
                told["Cluster"] = {"ID": swarm.id, "Spec": swarm.spec}
        return {"Name": engine.name, "DockerRootDir": engine.name, "ServerVersion": "20.10", "Swarm": told}

    def _node(self, swarm, node):
        found = {
            "ID": node.id,
            "Version": {"Index": node.number},
            "UpdatedAt": "2026-01-01T00:00:00Z",
            "Spec": {"Role": node.role, "Availability": node.availability, "Labels": dict(node.labels)},
            "Status": {"State": node.state, "Addr": node.address},
            "Description": {"Hostname": node.name},
        }
        if node.voter:
            reach = "reachable" if node.alive and (node.answers or swarm.leader is node) else "unreachable"
            found["ManagerStatus"] = {
                "Reachability": reach,
                "Leader": swarm.leader is node,
                "Addr": f"{node.address}:2377",
            }
        return found

    def _init(self, engine, body):
        if engine.node is not None:
            raise Refused(503, "This node is already part of a swarm.")
        swarm = Swarm(f"swarm{len(self.swarms) + 1}")
        swarm.spec = {"Labels": {}, **copy.deepcopy(body["Spec"])}
        self.swarms.append(swarm)
        node = self.member(swarm, engine, "manager")
        node.voter = node.answers = True
        swarm.leader, node.state = node, "ready"
        return node.id

    def _join(self, engine, body):
        if engine.node is not None:
            raise Refused(503, "This node is already part of a swarm.")
        for address in body["RemoteAddrs"]:
            other = next((e for e in self.nodes.values() if f"{e.address}:2377" == address), None)
            if other is None or not other.up or other.node is None or not other.node.voter:
                continue
            swarm = other.swarm
            role = next((role for role in ("worker", "manager") if swarm.token(role) == body["JoinToken"]), None)
            if role is None:
                raise Refused(400, "rpc error: code = InvalidArgument desc = A valid join token is necessary")
            if swarm.leader is None:
                raise Refused(500, LEADERLESS)
            node = self.member(swarm, engine, role, address)
            if role == "manager":
                self.votes(node)
            return {}
        raise Refused(500, "rpc error: code = Unavailable desc = connection error: connection refused")

    def _leave(self, engine, query):
        node, swarm = engine.node, engine.swarm
        if node is None:
            raise Refused(503, "This node is not part of a swarm")
        if node.answers and not query.get("force"):
            raise Refused(503, "You are attempting to leave the swarm on a node that is participating as a manager.")
        engine.node = engine.swarm = None
        engine.error = ""
        swarm.lasts = swarm.lasts and any(other.alive for other in swarm.voters())
        self._gone(swarm, node)
        return {}

    def _update(self, swarm, node, query, body):
        if query["version"] != node.number:
            raise Refused(500, "rpc error: code = Unknown desc = update out of sequence")
        if body["Role"] != node.role and body["Role"] == "worker":
            rest = [other for other in swarm.voters() if other is not node and other.role == "manager"]
            if not rest:
                raise Refused(400, DEMOTE_LAST)
            if sum(other.alive for other in rest) <= len(rest) // 2:
                raise Refused(400, DEMOTE_LOSES)
        changed = body["Role"] != node.role
        node.role, node.availability, node.labels = body["Role"], body["Availability"], dict(body["Labels"])
        node.number, node.updated = next(self.numbers), self.clock.time
        if changed:
            self.after(ROLE, lambda: (self.votes if node.role == "manager" else self.unvotes)(node))
        if node.availability == "drain":
            self.after(DRAIN, lambda: setattr(node, "busy", 0))
        return {}

    def _remove(self, swarm, node):
        if node.role == "manager" or node.voter:
            raise Refused(400, f"node {node.id} is a cluster manager and is a member of the raft cluster")
        if node.state != "down":
            raise Refused(400, f"node {node.id} is not down and can't be removed")
        del swarm.nodes[node.id]
        return {}


class Client(EngineClient):
    """The client of one Engine of the model; its errors come from statuses and texts, as those of a real Engine."""

    def __init__(self, engines, engine):
        super().__init__(Connection(docker_host=f"unix:///{engine.name}.sock", timeout=60))
        self.engines, self.engine = engines, engine

    def request(self, method, path, query=None, body=None, headers=None, stream=False, timeout=None):
        self.calls += 1
        try:
            return self.engines.request(self.engine, method, path, query, body)
        except Refused as error:
            text = json.dumps({"message": error.text}).encode()
            raise refusal(error.status, text, f"{method} {path}", self.where, self.engine.name) from None


class Model(Members):
    """swarm_cluster on Engines of the model: the product's own run and parts, in the model's time."""

    def __init__(self, monkeypatch, *names):
        self.engines = Engines(*names)
        super().__init__(SimpleNamespace(node=self.engines.nodes.get, nodes=list(names)))
        self.now, self.sleep = self.engines.clock.now, self.engines.clock.sleep
        monkeypatch.setattr(swarm_cluster, "SystemClock", lambda: self.engines.clock)
        monkeypatch.setattr(look, "_on_disk", self.on_disk)
        monkeypatch.setattr(look, "_named_in", self.named_in)
        monkeypatch.setattr(look, "_answers", lambda address: address in self.answering())

    def client_of(self, host):
        return self.engines.client(host)

    def on_disk(self, folder):
        node = self.engines.nodes[Path(folder).parent.name].node
        return {"listen_addr": "0.0.0.0:2377", "data_path_addr": "", "join_addr": node.joins_by}

    def named_in(self, path):
        return self.engines.nodes[Path(path).parts[0]].swarm.id

    def answering(self):
        return [f"{e.address}:2377" for e in self.engines.nodes.values() if e.up and e.node and e.node.voter]

    def live(self):
        """Returns the roles in the only Swarm, by host; checks that no node is a phantom, down, or unsettled."""
        swarms = {engine.swarm for engine in self.engines.nodes.values() if engine.swarm}
        assert len(swarms) == 1, [swarm.id for swarm in swarms]
        nodes = list(swarms.pop().nodes.values())
        assert len({node.name for node in nodes}) == len(nodes), "a phantom"
        assert all(node.engine.node is node for node in nodes if node.engine.up), "a node of no engine"
        assert all(node.state == "ready" and node.voter == (node.role == "manager") for node in nodes if node.alive)
        return {node.name: node.role for node in nodes}
