"""The calls of a run and their responses: equal ones are recognized, others are not."""

import copy
import random

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.trace import MOST, Trace, are_unchanged, digest

INFO = {"Name": "m1", "ServerVersion": "20.10.24", "Swarm": {"NodeID": "n1", "Nodes": 3, "Cluster": {"ID": "c1"}}}
SERVICES = [{"ID": "s1", "Version": {"Index": 4}, "Spec": {"Name": "shop_web", "Labels": {"a": "1", "b": "2"}}}]


class Client:
    def __init__(self, answers):
        self.answers, self.asked = answers, []

    def get(self, path, query=None):
        self.asked.append((path, query))
        return self.answers[path]


def traced(*calls):
    trace = Trace()
    for path, found in calls:
        trace.sent("GET", path, None, False)
        trace.answered(path, None, found)
    return trace


def test_the_same_answers_repeat_the_run_and_are_asked_in_order():
    trace = traced(("/info", INFO), ("/services", SERVICES))
    client = Client({"/info": INFO, "/services": SERVICES})
    assert are_unchanged(client, trace.calls)
    assert client.asked == [("/info", {}), ("/services", {})]


def test_no_more_is_asked_after_the_first_other_answer():
    trace = traced(("/info", INFO), ("/services", SERVICES))
    client = Client({"/info": {**INFO, "Name": "m2"}, "/services": SERVICES})
    assert not are_unchanged(client, trace.calls)
    assert client.asked == [("/info", {})]


def paths_of(value, before=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*before, key)
        yield from paths_of(item, (*before, key))


@pytest.mark.parametrize("path", list(paths_of(SERVICES)), ids=str)
def test_every_part_of_an_answer_counts(path):
    other = copy.deepcopy(SERVICES)
    place = other
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = "another"
    assert digest("/services", other) != digest("/services", SERVICES)


def test_the_order_of_objects_and_of_keys_does_not_count():
    objects = [{"ID": str(number), "Labels": {"x": "1", "y": "2"}} for number in range(20)]
    mixed = [dict(reversed(item.items())) for item in objects]
    random.Random(1).shuffle(mixed)
    assert digest("/networks", objects) == digest("/networks", mixed)


def test_what_the_engine_counts_for_itself_does_not():
    later = {**INFO, "SystemTime": "2026-11-29T02:00:00Z", "NFd": 90, "NGoroutines": 300, "ContainersRunning": 12}
    assert digest("/info", later) == digest("/info", INFO)
    assert digest("/info", {**INFO, "Swarm": {**INFO["Swarm"], "Nodes": 4}}) != digest("/info", INFO)


@pytest.mark.parametrize(
    ("method", "path", "headers", "stream"),
    [
        ("POST", "/services/create", None, False),
        ("DELETE", "/services/a", None, False),
        ("GET", "/distribution/app:1/json", None, False),
        ("GET", "/services", {"X-Registry-Auth": "x"}, False),
        ("GET", "/services/a/logs", None, True),
    ],
)
def test_a_run_that_asks_anything_else_is_not_whole(method, path, headers, stream):
    trace = traced(("/info", INFO))
    assert trace.is_repeatable
    trace.sent(method, path, headers, stream)
    trace.answered(path, None, None)
    assert not trace.is_repeatable


def test_nor_one_with_a_call_that_was_refused_or_that_asks_much_or_nothing():
    assert not Trace().is_repeatable
    refused = traced(("/info", INFO))
    refused.sent("GET", "/configs/gone", None, False)
    assert not refused.is_repeatable
    assert traced(*[("/tasks", [])] * MOST).is_repeatable
    assert not traced(*[("/tasks", [])] * (MOST + 1)).is_repeatable


def test_the_question_for_the_version_of_the_api_is_not_part_of_it():
    trace = Trace()
    trace.sent("GET", "/_ping", None, True)
    assert not trace.calls
    trace.sent("GET", "/info", None, False)
    trace.answered("/info", None, INFO)
    assert trace.is_repeatable
