"""What stack_routes reads from a Swarm and stores there, with a fake Swarm."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_clock import Clock
from fake_swarm import FakeSwarm

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.route_book import read_book
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import stack_id
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.stack_routes import Request, all_routes

OPTIONS = {"prefix": "stackwright", "missed": [], "settled": [], "gone": False, "takes": [], "secrets": False}
OPTIONS.update(stack="", full_name="", folder="", listed=[], own_node=False)
HASH = "ali:$2y$04$" + "a" * 53


def add(swarm, stack, key, domain, owner="", **labels):
    found = {"com.docker.stack.namespace": stack, "stackwright.http.port": "80"}
    found["stackwright.http.routes.0.domain"] = domain
    if owner:
        found.update({"stackwright-managed": "true", "stackwright-stack": owner})
    return service(swarm, f"{stack}_{key}", {**found, **labels})


def service(swarm, name, labels, **container):
    mode = {"Replicated": {"Replicas": 1}}
    return swarm.add("services", Name=name, Labels=labels, TaskTemplate={"ContainerSpec": container}, Mode=mode)


@pytest.fixture
def swarm():
    made = FakeSwarm()
    add(made, "a", "web", "a.example.com", **{"stackwright.http.routes.0.auth": HASH})
    add(made, "acme-dev-b", "web", "b.example.com", stack_id("b", "acme", "dev"))
    return made


def asked(swarm, check=False, **options):
    return all_routes(swarm, Clock(), Request(**{**OPTIONS, **options}), check)


def of(result):
    return {item["name"]: [route["domain"] for route in item["routes"]] for item in result["stacks"]}


def about(full):
    return {"stack": stack_id(full), "full_name": full}


def test_each_stack_has_its_routes_and_the_id_with_which_its_routes_are_marked(swarm):
    result = asked(swarm)
    assert of(result) == {"a": ["a.example.com"], "acme-dev-b": ["b.example.com"]}
    assert [item["stack"] for item in result["stacks"]] == [stack_id("a"), stack_id("b", "acme", "dev")]
    assert not result["changed"] and swarm.writes == []


def test_secrets_are_given_only_where_they_are_asked_for(swarm):
    hidden = asked(swarm)
    assert "$2y$" not in json.dumps(hidden)
    assert hidden["stacks"][0]["routes"][0]["from_labels"] == {"auth": "stackwright.http.routes.0.auth"}
    assert asked(swarm, secrets=True)["stacks"][0]["routes"][0]["auth"] == {"ali": HASH[4:]}


def test_the_digest_follows_the_routes(swarm):
    first = asked(swarm)["digest"]
    assert asked(swarm, secrets=True)["digest"] == first
    add(swarm, "a", "more", "more.example.com")
    assert asked(swarm)["digest"] != first


def test_a_stack_that_somebody_works_at_is_busy(swarm):
    labels = {"com.docker.stack.namespace": "a", "stackwright.lock": "{}"}
    swarm.add("configs", Name="stackwright.lock.a", Labels=labels, Data="eA==")
    assert [item["busy"] for item in asked(swarm)["stacks"]] == [True, False]


def test_what_was_missed_is_kept_until_it_is_settled(swarm):
    would = asked(swarm, check=True, missed=["n1"], **about("a"))
    assert would["changed"] and would["owed"] == [] and swarm.writes == []
    done = asked(swarm, missed=["n1", "n2"], **about("a"))
    assert done["changed"]
    assert [(debt["proxy"], debt["name"]) for debt in done["owed"]] == [("n1", "a"), ("n2", "a")]
    half = asked(swarm, settled=done["owed"][:1])
    assert half["changed"] and [debt["proxy"] for debt in half["owed"]] == ["n2"]
    assert not asked(swarm, settled=done["owed"][:1])["changed"]


def test_a_stack_that_is_gone_has_no_routes_where_a_proxy_has_missed_that(swarm):
    result = asked(swarm, missed=["n1"], gone=True, **about("old"))
    (gone,) = [item for item in result["stacks"] if item["gone"]]
    assert (gone["name"], gone["stack"], gone["routes"]) == ("old", stack_id("old"), [])
    # A stack that was deployed again is not gone.
    add(swarm, "old", "web", "old.example.com")
    assert of(asked(swarm))["old"] == ["old.example.com"]


def test_a_domain_that_was_taken_is_not_among_the_routes_of_the_stack_that_had_it(swarm):
    add(swarm, "a", "b", "b.example.com")
    full = "acme-dev-b"
    result = asked(swarm, takes=["b.example.com"], stack=stack_id("b", "acme", "dev"), full_name=full)
    assert result["changed"]
    assert of(result) == {"a": ["a.example.com"], full: ["b.example.com"]}
    assert result["stacks"][0]["yields"] == ["b.example.com"]
    assert not asked(swarm, takes=["b.example.com"], stack=stack_id("b", "acme", "dev"), full_name=full)["changed"]
    # And back: no labels have changed.
    # Only the stack that takes the routes back is reported.
    (told,) = asked(swarm, **about("a"))["warnings"]
    assert "has taken b.example.com from a" in told
    assert (
        asked(swarm, stack=stack_id("b", "acme", "dev"), full_name=full)["warnings"] == asked(swarm)["warnings"] == []
    )
    back = asked(swarm, takes=["b.example.com"], **about("a"))
    assert of(back) == {"a": ["b.example.com", "a.example.com"], full: []}


def test_two_that_write_at_once_lose_nothing(swarm):
    asked(swarm, missed=["n1"], **about("a"))
    met = []

    def meddle(method, path):
        if method == "POST" and not met:
            met.append(path)
            asked(swarm, missed=["n2"], **about("a"))

    swarm.before = meddle
    asked(swarm, missed=["n3"], **about("a"))
    assert [debt.proxy for debt in read_book(swarm).owed] == ["n1", "n2", "n3"]


def test_an_answer_that_is_lost_is_looked_after(swarm):
    lost = []

    def lose(method, path):
        if method == "POST" and not lost:
            lost.append(path)
            raise EngineError("reset", "daemon_unreachable")

    swarm.after = lose
    assert [debt["proxy"] for debt in asked(swarm, missed=["n1"], **about("a"))["owed"]] == ["n1"]


def test_proxies_are_where_a_service_has_the_folder_of_the_socket(swarm, monkeypatch):
    mounts = [{"Type": "bind", "Source": "/run/caddy/", "Target": "/x"}]
    service(swarm, "proxy_caddy", {}, Mounts=mounts)
    listed = swarm.list
    tasks = [{"NodeID": "1", "Status": {"State": "running"}}, {"NodeID": "2", "Status": {"State": "pending"}}]
    nodes = [{"ID": one, "Description": {"Hostname": f"n{one}"}, "Status": {"Addr": f"10.0.0.{one}"}} for one in "123"]
    answers = {"/tasks": tasks, "/nodes": nodes}
    monkeypatch.setattr(swarm, "list", lambda path, query=None: answers.get(path) or listed(path, query))
    assert asked(swarm, folder="/run/caddy")["proxies"] == [{"node": "n1", "address": "10.0.0.1"}]
    seen = asked(swarm, folder="/run/caddy", listed=["n2", "10.0.0.1"])
    assert seen["unlisted"] == [] == seen["warnings"]
    nodes[0]["Description"]["Hostname"] = "node1"  # as the manager itself is called
    assert asked(swarm, folder="/run/caddy", listed=["localhost"], own_node=True)["unlisted"] == []
    assert asked(swarm, folder="/run/caddy", listed=["localhost"])["unlisted"] == ["node1"]
    nodes[0]["Description"]["Hostname"] = "n1"
    seen = asked(swarm, folder="/run/caddy", listed=["n2"])
    assert seen["unlisted"] == ["n1"] and "n1" in seen["warnings"][0]
    assert asked(swarm)["proxies"] == [] == asked(swarm, folder="/other")["proxies"]
