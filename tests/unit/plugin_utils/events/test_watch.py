"""The watcher with a fake Engine: streams that break, managers that fail, floods, and no event twice."""

import queue
import threading

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events import watch
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.options import options_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.watch import Watcher

PATIENCE = 30  # seconds for what comes at once on any machine


class Swarm:
    """The state that all managers share. ``down``: the addresses of those that don't answer."""

    def __init__(self):
        self.objects = {kind: {} for kind in ("services", "nodes", "networks", "secrets", "configs", "tasks")}
        self.down, self.lock, self.streams, self.reads = set(), threading.RLock(), [], []
        self.looked = threading.Event()  # tasks are what a comparison reads last

    def config(self, name, told=True):
        with self.lock:
            made = {"ID": f"id of {name}", "Version": {"Index": 1}, "Spec": {"Name": name, "Labels": {}}}
            self.objects["configs"][made["ID"]] = made
            if told:
                self.say("config", "create", name)

    def remove(self, name, told=True):
        with self.lock:
            self.objects["configs"].pop(f"id of {name}", None)
            if told:
                self.say("config", "remove", name)

    def say(self, kind, action, name, time=2000000000):
        with self.lock:
            message = {"Type": kind, "Action": action, "time": time}
            message["Actor"] = {"ID": f"id of {name}", "Attributes": {"name": name}}
            for stream in self.streams:
                stream.waiting.put(message)

    def cut(self):
        with self.lock:
            for stream in self.streams:
                stream.waiting.put(EngineError("cut", "daemon_unreachable"))


class Client:
    def __init__(self, swarm, connection):
        self.swarm, self.where = swarm, connection.docker_host

    def _ask(self, path):
        with self.swarm.lock:
            self.swarm.reads.append(path)
            if self.where in self.swarm.down:
                raise EngineError(f"{self.where} does not answer", "daemon_unreachable")

    def get(self, path):
        self._ask(path)
        if path == "/info":
            swarm = {"LocalNodeState": "active", "ControlAvailable": True, "NodeID": "x", "Cluster": {"ID": "c"}}
            return {"Name": self.where, "SystemTime": "2026-11-29T10:00:00Z", "Swarm": swarm}
        _empty, kind, identity = path.split("/")
        with self.swarm.lock:
            if identity not in self.swarm.objects[kind]:
                raise EngineError("gone", "not_found")
            # Of a network that its node uses, an Engine gives its own entry.
            return {**self.swarm.objects[kind][identity], **({"Peers": []} if kind == "networks" else {})}

    def list(self, path, query=None):
        self._ask(path)
        with self.swarm.lock:
            if path == "/tasks":
                self.swarm.looked.set()
            return list(self.swarm.objects[path[1:]].values())

    def close(self):
        pass


class Stream:
    def __init__(self, swarm, client):
        client._ask("/events")
        self.swarm, self.waiting = swarm, queue.Queue()
        with swarm.lock:
            swarm.streams.append(self)

    def messages(self):
        while True:
            found = self.waiting.get()
            if found is None:
                return
            if isinstance(found, EngineError):
                raise found
            yield found

    def close(self):
        with self.swarm.lock:
            if self in self.swarm.streams:
                self.swarm.streams.remove(self)
        self.waiting.put(None)


class Source:
    """A watcher in a thread; ``events`` has all its events, ``told`` is a queue of them."""

    def __init__(self, swarm, put=None, **options):
        self.told, self.events, self.lines, self.line = queue.Queue(), [], [], threading.Condition()
        given = options_of({"managers": ["a"], "interval": 3600, **options})
        self.watcher = Watcher(
            given,
            put or self._put,
            self._tell,
            connect=lambda connection: Client(swarm, connection),
            subscribe=lambda client, filters, since: Stream(swarm, client),
        )
        self.thread = threading.Thread(target=self.watcher.run, daemon=True)
        self.thread.start()

    def _put(self, event):
        self.events.append(event)
        self.told.put(event)

    def _tell(self, line):
        with self.line:
            self.lines.append(line)
            self.line.notify_all()

    def said(self, count):
        """Waits until so many lines were shown."""
        with self.line:
            assert self.line.wait_for(lambda: len(self.lines) >= count, PATIENCE), self.lines

    def next(self):
        return self.told.get(timeout=PATIENCE)

    def end(self):
        self.watcher.stop()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@pytest.fixture
def swarm():
    return Swarm()


@pytest.fixture
def source(swarm, monkeypatch):
    monkeypatch.setattr(watch, "PAUSE", 0.01)
    monkeypatch.setattr(watch, "LONGEST_PAUSE", 0.01)
    made = []

    def make(**how):
        made.append(Source(swarm, **how))
        return made[-1]

    yield make
    for one in made:
        one.end()


def watched(source, swarm):
    """Waits until the source has read the Swarm, and listens."""
    assert swarm.looked.wait(PATIENCE)
    swarm.config("first")
    assert source.next()["name"] == "first"
    return source


def facts(event):
    return event["type"], event["name"], event["recovered"]


def test_messages_are_told_with_all_fields(source, swarm):
    events = watched(source(hosts={"a": "host-a"}), swarm)
    swarm.config("c\x1b[31m1")
    assert facts(events.next()) == ("config_created", "c1", False)
    assert events.events[-1]["meta"] == {"hosts": ["host-a"]} and events.events[-1]["manager"] == "a"
    assert {"type", "stack", "service", "node", "reason", "id", "time", "recovered"} <= set(events.events[-1])


def test_no_text_is_a_template_of_ansible(source, swarm):
    """Ansible would run it on the controller, because an action's variables are templates."""
    events = watched(source(), swarm)
    swarm.config("{{{ lookup('pipe', 'id') }} {% if %} {#")
    assert facts(events.next())[1] == "{ { { lookup('pipe', 'id') }} { % if %} { #"


def network(name):
    return {"Id": f"id of {name}", "Name": name, "Scope": "swarm", "Labels": {}}


def test_an_engine_without_a_leader_lists_no_networks(source, swarm):
    networks = {f"id of {name}": network(name) for name in ("ingress", "mine")}
    swarm.objects["networks"] = dict(networks)
    events = watched(source(), swarm)
    # What a new leader says: nothing has changed.
    for action, name in (("update", "mine"), ("create", "host"), ("remove", "ingress")):
        swarm.say("network", action, name)
    with swarm.lock:
        swarm.objects["networks"].clear()
        swarm.say("network", "remove", "mine")
        swarm.config("c1")
    assert facts(events.next())[:2] == ("config_created", "c1")
    swarm.cut()  # a comparison
    swarm.config("c2", told=False)
    assert facts(events.next())[:2] == ("config_created", "c2")
    with swarm.lock:
        swarm.objects["networks"].update(networks)
        del swarm.objects["networks"]["id of mine"]
        swarm.say("network", "remove", "mine")
    assert facts(events.next())[:2] == ("network_removed", "mine")
    swarm.objects["networks"].clear()
    for _number in range(2):  # the second time it is believed
        swarm.cut()
    assert facts(events.next())[:2] == ("network_removed", "ingress")


def test_a_message_that_comes_twice_is_told_once(source, swarm):
    events = watched(source(), swarm)
    swarm.config("x")
    swarm.say("config", "create", "x")
    swarm.remove("x")
    swarm.say("config", "remove", "x")
    swarm.config("end")
    told = [facts(events.next())[:2] for _number in range(3)]
    # Looked at after it was gone, it is told by its messages.
    assert told == [("config_created", "x"), ("config_removed", "x"), ("config_created", "end")]


def test_a_gap_is_closed_by_a_comparison(source, swarm):
    events = watched(source(), swarm)
    swarm.config("before")
    events.next()
    with swarm.lock:
        swarm.down.add("a")
        swarm.cut()
        swarm.config("in the gap", told=False)
        swarm.config("undone", told=False)
        swarm.remove("undone", told=False)
        swarm.remove("before", told=False)
        swarm.down.clear()
    told = sorted(facts(events.next()) for _number in range(2))
    assert told == [("config_created", "in the gap", True), ("config_removed", "before", True)]
    swarm.say("config", "create", "in the gap")  # as the Engine repeats what it remembers
    swarm.say("config", "create", "undone", time=1)
    swarm.config("after")
    assert facts(events.next()) == ("config_created", "after", False)


def test_the_next_manager_takes_over_without_a_duplicate(source, swarm):
    events = watched(source(managers=["a", "b"]), swarm)
    with swarm.lock:
        swarm.down.add("a")
        swarm.config("in the gap", told=False)
        swarm.cut()
    told = events.next()
    assert facts(told) == ("config_created", "in the gap", True) and told["manager"] == "b"
    swarm.config("after")
    assert events.next()["name"] == "after"
    assert any(line.startswith("a: ") for line in events.lines)


def test_no_manager_is_told_once_and_so_is_the_first_that_answers(source, swarm, monkeypatch):
    monkeypatch.setattr(watch, "SILENT", 0.0)
    events = source(managers=["a", "b"], stacks=[])
    watched(events, swarm)
    with swarm.lock:
        swarm.down |= {"a", "b"}
        swarm.cut()
    assert events.next()["type"] == "swarm_unreachable"
    events.said(8)
    with swarm.lock:
        swarm.down.clear()
    assert events.next()["type"] == "swarm_reachable"
    swarm.config("after")
    assert events.next()["name"] == "after"


def test_a_flood_is_read_in_lists_and_nothing_is_lost(source, swarm):
    hold = threading.Event()
    told = queue.Queue()

    def put(event):
        told.put(event)
        if event["name"] == "first":
            hold.wait(PATIENCE)

    source(put=put)
    assert swarm.looked.wait(PATIENCE)
    swarm.config("first")
    assert told.get(timeout=PATIENCE)["name"] == "first"
    reads = len(swarm.reads)
    for number in range(2500):
        swarm.config(f"c{number}")
    hold.set()
    names = [told.get(timeout=PATIENCE)["name"] for _number in range(2500)]
    assert sorted(names) == sorted(f"c{number}" for number in range(2500))
    assert told.empty() and len(swarm.reads) - reads < 200


def test_a_source_that_is_not_read_stops_at_once(swarm):
    stopped = threading.Event()

    def put(event):
        stopped.wait(PATIENCE)
        raise watch.Stopped

    one = Source(swarm, put=put)
    assert swarm.looked.wait(PATIENCE)
    swarm.config("x")
    one.watcher.stop()
    stopped.set()
    one.thread.join(PATIENCE)
    assert not one.thread.is_alive()


def test_locks_that_come_and_go_are_nobodys_business(source, swarm):
    events = watched(source(), swarm)
    swarm.config("stackwright.lock.shop")
    swarm.remove("stackwright.lock.shop")
    swarm.config("after")
    assert [event["name"] for event in [events.next()]] == ["after"]


def test_an_answer_that_nobody_thought_of_does_not_end_it(source, swarm):
    events = watched(source(), swarm)
    with swarm.lock:
        swarm.objects["configs"]["strange"] = {"Spec": {"Labels": 5}}
        swarm.cut()
    events.said(3)
    with swarm.lock:
        del swarm.objects["configs"]["strange"]
    swarm.config("after")
    assert events.next()["name"] == "after"


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ({"intervals": 5}, "intervals"),
        ({"interval": 0}, "interval"),
        ({"interval": True}, "interval"),
        ({"interval": "often"}, "interval"),
        ({"managers": 5}, "managers"),
        ({"managers": [5]}, "managers"),
        ({"managers": [{"host": "x"}]}, "host"),
        ({"managers": [{"docker_host": 5}]}, "docker_host"),
        ({"tls": "yes"}, "tls"),
        ({"types": ["task_faild"]}, "task_faild"),
        ({"stacks": {"shop": None}}, "stacks"),
        ({"stacks": ["shop", 5]}, "stacks"),
        ({"hosts": ["a"]}, "hosts"),
        ({"initial": "no"}, "initial"),
    ],
)
def test_wrong_options_are_named(args, word):
    with pytest.raises(StackwrightError, match=word):
        options_of(args)


def test_options_of_a_rulebook():
    given = {"managers": ["tcp://a:1", {"docker_host": "tcp://b:1", "tls_hostname": "b"}], "validate_certs": True}
    options = options_of({**given, "interval": "5", "timeout": 7, "eda_feedback_queue": object(), "stacks": "shop"})
    one, two = options.managers
    assert (one.docker_host, one.validate_certs, one.timeout, one.tls_hostname) == ("tcp://a:1", True, 7.0, None)
    assert (two.docker_host, two.tls_hostname, options.interval) == ("tcp://b:1", "b", 5.0)
    assert options.stacks == {"shop"}
    assert options_of({}).managers[0].docker_host == "unix:///var/run/docker.sock"
