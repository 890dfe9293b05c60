"""A domain that another stack has taken, as the stacks on both sides see it."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.book import Book, Taken

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_swarm import FakeSwarm
from runs import deploy, drift

DOMAIN = "x.example.com"
ROUTE = {"domain": DOMAIN, "base_path": "/", "service": "shop_web", "upstream": "shop_web", "port": 80}
LABELS = {"stackwright.http.port": "80", "stackwright.http.routes.0.domain": DOMAIN}


def shop(image="app:1"):
    web = service("web", image)
    web["spec"]["Labels"] = {**web["spec"]["Labels"], **LABELS}
    return {**desired([web]), "routes": [ROUTE]}


def with_blog(swarm):
    labels = {"com.docker.stack.namespace": "blog", **LABELS}
    mode = {"Replicated": {"Replicas": 1}}
    return swarm.add("services", Name="blog_web", Labels=labels, TaskTemplate={"ContainerSpec": {}}, Mode=mode)


def taken_by(swarm, stack, name):
    label = Book().with_taken([DOMAIN], Taken("", stack, name, "today")).label
    for secret in swarm.objects["secrets"].values():
        secret["Spec"]["Labels"] = {"stackwright.routes": label}
        return
    swarm.add("secrets", Name="stackwright.routes", Labels={"stackwright.routes": label}, Data="eA==")


@pytest.fixture
def swarm():
    made = FakeSwarm()
    deploy(made, shop())
    return made


def test_nobody_is_told_anything_where_nothing_was_taken(swarm):
    assert "routing" not in deploy(swarm, shop())
    assert drift(swarm)["drift_lines"] == []


def test_the_stack_that_had_it_is_told_and_can_be_deployed(swarm):
    with_blog(swarm)
    with pytest.raises(RouteError):
        deploy(swarm, shop("app:2"))
    taken_by(swarm, "id-blog", "blog")
    (line,) = drift(swarm)["drift_lines"]
    assert line == f"taken route {DOMAIN}: the stack blog has taken this domain (with takes, today)"
    assert deploy(swarm, shop())["routing"]["yields"] == {DOMAIN: "blog"}
    done = deploy(swarm, shop("app:2"))
    assert done["changed"] and done["routing"]["yields"] == {DOMAIN: "blog"}


def test_healing_leaves_a_domain_that_was_taken_to_its_user(swarm):
    with_blog(swarm)
    taken_by(swarm, "id-blog", "blog")
    before = len(swarm.writes)
    healed = drift(swarm, heal=True)
    assert not healed["changed"] and len(healed["remaining"]) == 1
    assert len(swarm.writes) == before


def test_it_is_taken_back_with_takes_and_then_is_its_own(swarm):
    with_blog(swarm)
    taken_by(swarm, "id-blog", "blog")
    deploy(swarm, shop("app:2"), takes=[DOMAIN])
    taken_by(swarm, "i", "shop")
    assert deploy(swarm, shop("app:2"))["routing"] == {"owed": [], "takes": [DOMAIN], "yields": {}}
    assert deploy(swarm, shop("app:3"))["changed"]
    assert drift(swarm)["drift_lines"] == []


def test_a_taker_that_has_given_it_up_has_it_no_more(swarm):
    taken_by(swarm, "id-blog", "blog")
    assert drift(swarm)["drift_lines"] == []
    assert deploy(swarm, shop("app:2"))["routing"] == {}
