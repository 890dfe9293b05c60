import copy
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.plan_id import (
    FORM,
    check_plan_id,
    plan_id,
    plan_inputs,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "deploy"))
from builders import content, desired, reference, service


def observed(key="a2V5", **more):
    web = service("web")["spec"]
    labels = {"com.docker.stack.namespace": "shop"}
    return {
        "services": [{"ID": "s1", "Version": {"Index": 5}, "Spec": web}],
        "networks": [{"Id": "n1", "Name": "shop_default", "Labels": labels}],
        "configs": [{"ID": "c1", "Version": {"Index": 6}, "Spec": {"Name": "shop_page", "Labels": labels}}],
        "secrets": [],
        "key": key,
        **more,
    }


def id_of(state=None, seen=None, images=None, stack="shop", **options):
    seen = seen or observed()
    state = state or desired([service("web", Secrets=[reference("Secret", "key")])], secrets=[content("key", "one")])
    return plan_id(stack, plan_inputs(state, {"prune": True, **options}, images or {}, seen["key"]), seen)


def test_the_id_is_the_same_for_the_same():
    assert FORM.match(id_of())
    seen = observed()
    seen["services"][0]["Version"]["Index"] = 99
    seen["services"][0]["ServiceStatus"] = {"RunningTasks": 1}
    seen["configs"].append({"ID": "c2", "Spec": {"Name": "other_page", "Labels": {}}})
    assert id_of(seen=seen) == id_of()
    assert id_of(seen={**seen, "services": seen["services"][::-1]}) == id_of()


def moved(change):
    seen = copy.deepcopy(observed())
    change(seen)
    return id_of(seen=seen)


@pytest.mark.parametrize(
    ("current", "word"),
    [
        (id_of(desired([service("web", "app:2")])), "the desired state"),
        (
            id_of(desired([service("web", Secrets=[reference("Secret", "key")])], secrets=[content("key", "two")])),
            "the desired state",
        ),
        (id_of(prune=False), "the desired state"),
        (id_of(images={"app:1": {"image": "app:1@sha256:0"}}), "the desired state"),
        (moved(lambda s: s["services"][0]["Spec"].update(Labels={})), "the stack in the Swarm changed"),
        (moved(lambda s: s["services"].clear()), "the stack in the Swarm changed"),
        (moved(lambda s: s["configs"].clear()), "the stack in the Swarm changed"),
        (moved(lambda s: s["networks"][0].update(Id="n2")), "the stack in the Swarm changed"),
    ],
)
def test_a_stale_plan_is_refused_and_told_by_what_moved(current, word):
    assert current != id_of()
    with pytest.raises(PlanError, match=word) as refused:
        check_plan_id(id_of(), current, "shop")
    assert (refused.value.error_code, refused.value.details) == ("plan_stale", {"plan_id": current})
    check_plan_id(current, current, "shop")


@pytest.mark.parametrize("given", [id_of(stack="shop2"), "x", "", id_of().upper(), id_of() + "0", "é-1"])
def test_what_is_no_plan_of_this_stack_is_refused(given):
    with pytest.raises(PlanError) as refused:
        check_plan_id(given, id_of(), "shop")
    assert refused.value.error_code == "plan_of_another_stack"


def test_without_a_key_no_secret_can_be_guessed_from_it():
    states = [desired([service("web")], secrets=[content("key", text)]) for text in ("one", "two")]
    first, second = (id_of(state, observed(key=None)) for state in states)
    assert first == second
    first, second = (id_of(state) for state in states)
    assert first != second
    assert id_of(states[0], observed(key="b3RoZXI=")) != first
