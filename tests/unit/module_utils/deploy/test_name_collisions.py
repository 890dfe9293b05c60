"""A notice if a service and one of another stack have the same name on an external network."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm

OPTIONS = {"wait": False, "resolve_image": "never"}


def on_public(key, stack="shop", aliases=None):
    made = service(key)
    name = f"{stack}_{key}"
    made["spec"]["Name"] = made["name"] = name
    made["spec"]["Labels"] = {**made["spec"]["Labels"], "com.docker.stack.namespace": stack}
    made["spec"]["TaskTemplate"]["Networks"] = [{"Target": "public", "Aliases": aliases or [key]}]
    return made


def files(*services):
    state = desired(services)
    state["networks"].append({"key": "public", "name": "public", "external": True, "spec": None})
    return state


def notices(other, mine):
    swarm = FakeSwarm()
    swarm.add("networks", Name="public", Driver="overlay", Attachable=True)
    if other:
        swarm.add("services", **other["spec"])
    return deploy_stack(swarm, Clock(), files(mine), {**OPTIONS, "check": True})["notices"]


def test_it_names_both_the_network_and_what_to_do():
    (said,) = notices(on_public("db", "other"), on_public("db"))
    assert said == (
        "service db: on the network public, other_db of the stack other is called db too, so requests for one can "
        "reach the other; platform.hash_aliases: [public] gives it a separate name"
    )


@pytest.mark.parametrize(
    ("other", "mine"),
    [
        (None, on_public("db")),
        (on_public("web", "other"), on_public("db")),
        (on_public("db", "other", ["abc_db"]), on_public("db")),
        (on_public("db", "other"), on_public("db", aliases=["hash_db", "hash-db"])),
        (on_public("web"), on_public("web")),
    ],
)
def test_where_nothing_collides_nothing_is_said(other, mine):
    assert notices(other, mine) == []


def test_an_alias_counts_as_well():
    assert len(notices(on_public("pg", "other", ["pg", "db"]), on_public("db"))) == 1
