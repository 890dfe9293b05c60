"""A network with a fixed name, or whose subnet the new one needs: leave, remove, create, join, in one transaction."""

import copy
import itertools
import json
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    EngineError,
    PlanError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import HANDING_OVER, NOWHERE
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
from builders import LABELS, NETWORK_CHANGES, desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm
from test_after_a_run_that_died import Died, dead, gone
from test_jobs_on_the_way_back import JOBS

OPTIONS = {"resolve_image": "never", "recreate": True, "wait": False}
DEAD, GONE = {"this_run": dead}, {"is_gone": gone}
OTHER = {"com.docker.stack.namespace": "blog"}


def deploy(swarm, state, **options):
    return deploy_stack(swarm, Clock(), copy.deepcopy(state), {**OPTIONS, **options})


def entry(key, name, **spec):
    return {
        "key": key,
        "name": name,
        "external": False,
        "spec": {"Name": name, "Driver": "overlay", "Labels": LABELS, **spec},
    }


def on(key, *networks, version="1", ports=(), **more):
    made = service(key, Env=[f"PASSWORD=planted-{key}-{version}"], **more)
    made["spec"]["TaskTemplate"]["Networks"] = [{"Target": name, "Aliases": [key]} for name in networks]
    if ports:
        made["spec"]["EndpointSpec"] = {"Ports": [{"TargetPort": 80, "PublishedPort": port} for port in ports]}
    return made


def stack(version="1", ports=(7601, 7602), **network):
    """web and api on ``acme``, which others know by that name; a global agent; db is also on another network."""
    agent = on("agent", "acme", version=version)
    agent["spec"]["Mode"] = {"Global": {}}
    state = desired(
        [
            agent,
            on("api", "acme", version=version, ports=ports[1:]),
            on("db", "shop_back", "acme", version="1"),  # never changes
            on("web", "acme", version=version, replicas=3, ports=ports[:1]),
        ]
    )
    state["networks"] = [entry("back", "shop_back"), entry("front", "acme", **network)]
    state["waves"] = [["db", "agent"], ["api"], ["web"]]
    return state


@pytest.fixture
def swarm():
    made = FakeSwarm()
    deploy(made, stack())
    return made


def there(swarm):
    """All that a user can see of the stack, except ids."""
    networks = {identity: network["Name"] for identity, network in swarm.objects["networks"].items()}
    found = {}
    for live in swarm.objects["services"].values():
        spec = copy.deepcopy(live["Spec"])
        for attachment in spec["TaskTemplate"].get("Networks") or []:
            attachment["Target"] = networks[attachment["Target"]]  # a KeyError: on a network that is gone
        found[spec["Name"]] = normalise.service(spec)
    for network in swarm.objects["networks"].values():
        found[network["Name"]] = normalise.network(network)
    return found


def network(swarm, name="acme"):
    (found,) = (obj for obj in swarm.objects["networks"].values() if obj["Name"] == name)
    return found


@pytest.mark.parametrize("change", NETWORK_CHANGES)
def test_in_one_run(swarm, change):
    announced = deploy(swarm, stack("2", **change), check=True)
    done = deploy(swarm, stack("2", **change))
    assert done["plan"] == announced["plan"]
    work = [(op["action"], op["kind"], op["name"]) for op in done["plan"] if op["action"] != "keep"]
    names = ["shop_agent", "shop_api", "shop_db", "shop_web"]
    assert work[:4] == [("update", "service", name) for name in names]
    assert work[4:6] == [("remove", "network", "acme"), ("create", "network", "acme")]
    assert sorted(work[6:]) == work[:4]
    assert sum(op["restarts"] for op in done["plan"]) == 1 + 1 + 1 + 3
    assert "planted" not in json.dumps(done)
    # As in a Swarm that never had another one.
    fresh = FakeSwarm()
    deploy(fresh, stack("2", **change))
    assert there(swarm) == there(fresh)
    assert not deploy(swarm, stack("2", **change), recreate=False)["changed"]


def test_while_the_network_is_made_anew_nothing_runs_on_it(swarm):
    seen = []

    def look(method, path):
        if (method, path.partition("-")[0]) == ("DELETE", "/networks/networks"):
            seen.extend(copy.deepcopy(list(swarm.objects["services"].values())))

    swarm.before = look
    deploy(swarm, stack(Internal=True))
    assert len(seen) == 4
    for live in seen:
        spec = live["Spec"]
        is_off = (
            spec["Mode"].get("Replicated") == {"Replicas": 0}
            or NOWHERE in spec["TaskTemplate"]["Placement"]["Constraints"]
        )
        assert is_off and not spec["EndpointSpec"].get("Ports")


def test_without_the_option_it_is_an_error_that_names_it(swarm):
    with pytest.raises(PlanError) as failed:
        deploy(swarm, stack(Internal=True), recreate=False)
    assert failed.value.error_code == "unsafe_change" and "recreate: true" in failed.value.hint


def test_a_job_is_made_anew(swarm):
    def with_job(**change):
        state = stack(**change)
        job = on("migrate", "acme")
        job["spec"]["Mode"] = JOBS["replicated"]
        state["services"].insert(3, job)
        return state

    deploy(swarm, with_job())
    before = {live["Spec"]["Name"]: live["ID"] for live in swarm.objects["services"].values()}
    lines = deploy(swarm, with_job(Internal=True))["plan_lines"]
    assert any(line.startswith("remove service shop_migrate") for line in lines)
    after = {live["Spec"]["Name"]: live["ID"] for live in swarm.objects["services"].values()}
    assert {name for name in before if before[name] != after[name]} == {"shop_migrate"}


@pytest.mark.parametrize("prune", [True, False])
def test_a_service_that_the_files_no_longer_have(swarm, prune):
    state = stack(Internal=True)
    del state["services"][2]
    old = there(swarm)["shop_db"]
    deploy(swarm, state, prune=prune)
    assert there(swarm).get("shop_db") == (None if prune else old)


def test_ports_change_hands_in_the_same_run(swarm):
    deploy(swarm, stack("2", (7602, 7601), Internal=True))
    fresh = FakeSwarm()
    deploy(fresh, stack("2", (7602, 7601), Internal=True))
    assert there(swarm) == there(fresh)


def generated(*subnets, version="1"):
    """Networks with the default names, and fixed subnets."""
    state = desired([on("web", "shop_a", "shop_b", version=version)])
    state["networks"] = [
        entry(key, f"shop_{key}", IPAM={"Config": [{"Subnet": subnet}]}) for key, subnet in zip("ab", subnets)
    ]
    return state


@pytest.mark.parametrize(
    "after",
    [("10.8.0.0/25", "10.9.0.0/24"), ("10.8.0.0/16", "10.9.0.0/24"), ("10.9.0.0/24", "10.8.0.0/24")],
    ids=["smaller", "larger", "swapped"],
)
def test_one_that_needs_the_subnet_of_the_old_one_comes_after_it(after):
    swarm = FakeSwarm()
    deploy(swarm, generated("10.8.0.0/24", "10.9.0.0/24"))
    before = there(swarm)
    announced = deploy(swarm, generated(*after), check=True)
    fail_at(swarm, "shop_web", 2)
    with pytest.raises(StackwrightError, match="refused"):
        deploy(swarm, generated(*after))
    undisturbed(swarm)
    assert there(swarm) == before
    assert deploy(swarm, generated(*after))["plan_lines"] == announced["plan_lines"]
    found = {
        net["Labels"].get("stackwright.base", net["Name"]): net["IPAM"] for net in swarm.objects["networks"].values()
    }
    assert {name: ipam["Config"][0]["Subnet"] for name, ipam in found.items()} == dict(zip(("shop_a", "shop_b"), after))
    assert not deploy(swarm, generated(*after), recreate=False)["changed"]


def test_it_is_refused_while_another_stack_or_a_container_uses_it(swarm):
    writes = len(swarm.writes)
    spec = {"NetworkAttachmentSpec": {"ContainerID": "a" * 64}, "Networks": [{"Target": network(swarm)["Id"]}]}
    get = swarm.get

    def with_attachments(path, query=None, **more):
        asked = path == "/tasks" and "runtime" in ((query or {}).get("filters") or {})
        return [{"ID": "t", "NodeID": "n1", "Spec": spec}] if asked else get(path, query, **more)

    swarm.get = with_attachments
    for check in (True, False):
        with pytest.raises(PlanError, match="the container aaaaaaaaaaaa on the node n1 uses it"):
            deploy(swarm, stack(Internal=True), check=check)
    swarm.get = get
    assert len([w for w in swarm.writes[writes:] if not w[1].startswith("/configs")]) == 0
    theirs = on("api", "acme")["spec"]
    swarm.add("services", **{**theirs, "Name": "blog_api", "Labels": OTHER})
    for check in (True, False):
        with pytest.raises(
            PlanError, match="network acme: acme can't be replaced: blog_api uses it|front: acme"
        ) as failed:
            deploy(swarm, stack(Internal=True), check=check)
        assert failed.value.error_code == "unsafe_change"


def test_going_back_needs_the_option_too(swarm):
    before = there(swarm)
    deploy(swarm, stack("2", Internal=True))
    after = there(swarm)
    with pytest.raises(PlanError, match="recreate"):
        roll_back(swarm, Clock(), "shop", {**OPTIONS, "recreate": False, "to": 1})
    for number, wanted in ((1, before), (2, after)):
        roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": number})
        assert there(swarm) == wanted


# -- faults


def fail_at(swarm, name, times=1):
    """Refuses the ``times``-th update of a service."""
    left = [times]

    def refuse(method, path):
        if method == "POST" and path.startswith("/services/") and swarm.coming == name:
            left[0] -= 1
            if left[0] == 0:
                raise EngineError("refused", "invalid_spec", status=400)

    swarm.before = refuse


def undisturbed(swarm):
    swarm.before = swarm.after = lambda method, path: None


def refuse_last(swarm):
    """Refuses each update of web, the last service, to the new version."""

    def refuse(method, path):
        if method == "POST" and path.startswith("/services/") and swarm.coming == "shop_web" and swarm.sent_new:
            raise EngineError("refused", "invalid_spec", status=400)

    swarm.before = refuse


class Watched(FakeSwarm):
    """Recognizes version 2, and checks that no value of either version is ever lost."""

    sent_new = False

    def post(self, path, query=None, body=None, headers=None, timeout=None):
        text = json.dumps(body)
        self.sent_new = "planted-web-2" in text and HANDING_OVER not in text
        return super().post(path, query, body, headers, timeout)


def watched():
    swarm = Watched()
    deploy(swarm, stack())
    return swarm


NEW = stack("2", Internal=True)


def disturbed(swarm, number, how, undoing=False):
    """At write ``number`` (of the rollback), the run is refused or killed."""
    left, begun = [number], [not undoing]

    def disturb(method, path):
        if undoing and not begun[0]:
            if method == "POST" and swarm.coming == "shop_web" and swarm.sent_new:
                begun[0] = True
                raise EngineError("refused", "invalid_spec", status=400)
            return
        if method != "GET":
            left[0] -= 1
            if left[0] < 0:
                swarm.before = killed if how == "killed" else (lambda method, path: None)
                raise Died if how == "killed" else EngineError("refused", "invalid_spec", status=400)

    def killed(method, path):
        raise Died

    swarm.before = disturb


@pytest.mark.slow
def test_refused_at_any_write_all_is_as_before():
    start = watched()
    before = there(start)
    for number in itertools.count():
        swarm = copy.deepcopy(start)
        disturbed(swarm, number, "refused")
        try:
            done = deploy(swarm, NEW)
        except StackwrightError as error:
            outcome = error.details.get("outcome")
            undisturbed(swarm)
            if outcome and outcome["failed"] in ("record the result",) or "runs as requested" in error.message:
                continue
            assert there(swarm) == before, (number, outcome)
            continue
        undisturbed(swarm)
        assert there(swarm) != before
        if done and swarm.before("GET", "") is None and number > 20:
            break
    assert number > 12


@pytest.mark.slow
@pytest.mark.parametrize("undoing", [False, True], ids=["on its way", "while it undoes"])
@pytest.mark.parametrize("after", ["it works", "it fails"])
def test_killed_at_any_call(undoing, after):
    start = watched()
    before = there(start)
    fresh = FakeSwarm()
    deploy(fresh, stack())
    deploy(fresh, NEW)
    wanted = there(fresh)
    for number in itertools.count():
        swarm = copy.deepcopy(start)
        disturbed(swarm, number, "killed", undoing)
        try:
            deploy(swarm, NEW, **DEAD)
        except Died:
            pass
        except StackwrightError:
            break
        else:
            break
        undisturbed(swarm)
        if after == "it fails" and "planted-web-2" not in json.dumps(there(swarm)):
            refuse_last(swarm)
            with pytest.raises(StackwrightError, match="refused"):
                deploy(swarm, NEW, **GONE)
            undisturbed(swarm)
            assert there(swarm) == before, number
        assert deploy(swarm, NEW, **GONE, on_drift="fail") is not None
        assert there(swarm) == wanted, number
        assert HANDING_OVER not in json.dumps(there(swarm))
    assert number > 8


def test_what_is_left_to_others_is_not_taken_from_a_service_that_was_stopped_for_it():
    """Killed after all have left: the replicas of an autoscaler are restored."""
    left = copy.deepcopy(NEW)
    left["services"][3]["leave"] = ["replicas"]
    swarm = FakeSwarm()
    deploy(swarm, stack())
    (web,) = (live for live in swarm.objects["services"].values() if live["Spec"]["Name"] == "shop_web")
    web["Spec"]["Mode"]["Replicated"]["Replicas"] = 7

    def kill(method, path):
        if (method, path) == ("POST", "/networks/create"):
            swarm.before = killed
            raise Died

    def killed(method, path):
        raise Died

    swarm.before = kill
    with pytest.raises(Died):
        deploy(swarm, left, **DEAD)
    undisturbed(swarm)
    deploy(swarm, left, **GONE)
    assert there(swarm)["shop_web"]["Mode"] == {"Replicated": {"Replicas": 7}}


def test_the_run_after_one_that_died_does_not_show_our_bookkeeping():
    swarm = watched()
    disturbed(swarm, 10, "killed")
    with pytest.raises(Died):
        deploy(swarm, NEW, **DEAD)
    undisturbed(swarm)
    done = deploy(swarm, NEW, **GONE)
    assert "handing-over" not in json.dumps(done) and done["notices"] == []
