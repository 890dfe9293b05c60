"""Comparisons of many stacks read each list once, and neither write nor wait."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Answer
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.shared_reads import NotShared, SharedReads
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.trace import Trace, are_unchanged

NAMESPACE = "com.docker.stack.namespace"


def object_of(kind, number, stack=None):
    labels = {NAMESPACE: stack} if stack else {}
    spec = {"Name": f"{stack}_{number}", "Labels": labels}
    if kind == "services":
        spec.update(TaskTemplate={}, Mode={"Replicated": {}})
    return {"Id": "x", "Name": "x", "ID": f"{kind}{number}", "Version": {"Index": number}, "Spec": spec}


class Transport:
    """An Engine with three stacks' services and configs, and one of no stack; it filters as the Engine does."""

    def __init__(self):
        self.asked = []

    def send(self, method, target, data, headers, bounds):
        self.asked.append(f"{method} {target}")
        url = urlsplit(target)
        kind = url.path.rpartition("/")[2]
        found = [object_of(kind, number, stack) for number, stack in enumerate(("a", "b", "b", "c", None))]
        filters = json.loads(parse_qs(url.query).get("filters", ["{}"])[0])
        for label in filters.get("label", []):
            key, _equals, value = label.partition("=")
            found = [one for one in found if one["Spec"]["Labels"].get(key) == value]
        names = filters.get("name")
        found = [one for one in found if names is None or one["Spec"]["Name"] in names]
        body = b"OK" if kind == "_ping" else json.dumps(found).encode()
        return Answer(200, body, "1.41")


def made(many=True):
    transport = Transport()
    client = SharedReads(Connection(docker_host="unix:///nowhere"), transport)
    client.many = many
    return client, transport


def of_stack(stack):
    return {"filters": {"label": [f"{NAMESPACE}={stack}"]}, "status": True}


def test_each_list_is_read_once_for_all_stacks():
    client, transport = made()
    for stack, count in (("a", 1), ("b", 2), ("c", 1), ("d", 0)):
        client.begin()
        assert len(client.list("/services", of_stack(stack))) == count
        assert len(client.list("/configs", {"filters": {"label": [f"{NAMESPACE}={stack}"]}})) == count
        client.list("/networks")
    assert len(transport.asked) == 4, transport.asked  # with that for the version
    assert not any("filters" in line for line in transport.asked)


def test_the_answers_are_those_that_the_engine_filters():
    shared, _transport = made()
    alone, asked = made(many=False)
    for query in (of_stack("b"), {"filters": {"name": ["c_3"]}}, {"filters": {"label": ["other=b"]}}, {"status": True}):
        assert shared.list("/services", query) == alone.list("/services", query)
    assert sum("filters" in line for line in asked.asked) == 3


def test_a_look_has_all_of_its_calls_in_its_trace_and_is_recognized():
    client, transport = made()
    traces = []
    for stack in ("a", "b"):
        traces.append(Trace())
        client.begin(traces[-1])
        client.list("/services", of_stack(stack))
        client.list("/secrets")
    assert all(
        trace.is_repeatable and [call["path"] for call in trace.calls] == ["/services", "/secrets"] for trace in traces
    )
    assert traces[0].calls[0]["digest"] != traces[1].calls[0]["digest"]
    # Also by a client that asks for each stack alone, and by one without comparisons.
    for other, _transport in (made(), made(many=False)):
        assert all(are_unchanged(other, trace.calls) for trace in traces)
    assert len(transport.asked) == 3


def test_an_answer_is_not_changed_by_who_got_it():
    client, _transport = made()
    client.list("/secrets").clear()
    client.list("/services", of_stack("b")).clear()
    assert len(client.list("/secrets")) == 5 and len(client.list("/services", of_stack("b"))) == 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.post("/services/create", body={}),
        lambda client: client.delete("/services/x"),
        lambda client: client.get("/events", stream=True),
        lambda client: client.get("/distribution/x/json", headers={"X-Registry-Auth": "e30="}),
        lambda client: [client.list("/tasks", of_stack("a")) for _time in range(2)],
    ],
    ids=["write", "remove", "events", "registry", "wait"],
)
def test_whatever_is_more_than_a_look_is_refused(ask):
    client, transport = made()
    client.begin()
    client.list("/secrets")
    before = list(transport.asked)
    with pytest.raises(NotShared) as caught:
        ask(client)
    assert caught.value.error_code == "not_shared"
    assert not [line for line in transport.asked[len(before) :] if "/tasks" not in line]
