"""Ports that move between services of a stack: in one run, rolled back as a whole, and no hidden value is lost."""

import contextlib
import copy
import itertools
import json
import os
import random
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    EngineError,
    PlanError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.extra_step import CARRIED
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import HANDING_OVER
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import asked
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
from builders import LABELS, desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm

OPTIONS = {"wait": False, "resolve_image": "never", "on_failure": "rollback"}
DEAD = {"this_run": lambda *_: {"operation": "deploy", "message": "", "since": 0, "who": "bob", "host": "gone"}}
GONE = {"is_gone": lambda holder: holder.get("host") == "gone"}
JOB = {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}
PAIRS = 50 if os.environ.get("STACKWRIGHT_SEARCH") == "1" else 8
KEYS = ["aa", "bb", "cc", "zz"]


class Died(BaseException):
    """Kills the process: nothing is cleaned up."""


def port(text):
    """``7601``, ``7601/udp host`` or ``0`` (Swarm chooses)."""
    number, _space, mode = text.partition(" ")
    number, _slash, protocol = number.partition("/")
    made = {"Protocol": protocol or "tcp", "TargetPort": 80, "PublishMode": mode or "ingress"}
    return {**made, "PublishedPort": int(number)} if number != "0" else made


def with_ports(key, *ports, version="1", mode=None):
    made = service(key, Env=[f"PASSWORD=planted-{key}-{version}"])
    made["spec"]["EndpointSpec"] = {"Ports": [port(text) for text in ports]}
    if mode:
        made["spec"]["Mode"] = mode
    return made


def stack(version="1", waves=(), **ports):
    """A state of services with their ports: ``stack(aa="7601 7602/udp")``; host mode is ``7601:host``."""
    services = [
        with_ports(key, *(text.replace(":", " ") for text in texts.split()), version=version)
        for key, texts in ports.items()
    ]
    return {**desired(services), "waves": [list(wave) for wave in waves]}


def deploy(swarm, state, **options):
    return deploy_stack(swarm, Clock(), state, {**OPTIONS, **options})


def specs(swarm):
    """The specs by name, without the Engine's own fields."""
    return {s["Spec"]["Name"]: json.loads(json.dumps(s["Spec"])) for s in swarm.objects["services"].values()}


def published(swarm):
    found = {}
    for service_ in swarm.objects["services"].values():
        ports = asked(service_["Spec"])
        found[service_["Spec"]["Name"][5:]] = sorted(number for number, _protocol in ports.both)
    return found


def is_clean(swarm):
    text = json.dumps([service_["Spec"] for service_ in swarm.objects["services"].values()])
    return CARRIED not in text and HANDING_OVER not in text


CASES = {
    "the taker comes first in the alphabet": (stack(zz="7601", aa=""), stack(zz="", aa="7601")),
    "the giver comes first in the alphabet": (stack(aa="7601", zz=""), stack(aa="", zz="7601")),
    "to a new service": (stack(zz="7601"), stack(aa="7601", zz="")),
    "the service is renamed": (stack(zz="7601"), stack(aa="7601")),
    "renamed the other way": (stack(aa="7601"), stack(zz="7601")),
    "two change ports": (stack(aa="7601", zz="7602"), stack(aa="7602", zz="7601")),
    "three change ports": (stack(aa="7601", bb="7602", cc="7603"), stack(aa="7602", bb="7603", cc="7601")),
    "a chain": (stack(aa="7601", bb="7602", cc="7603"), stack(aa="7604", bb="7601", cc="7602", zz="7603")),
    "in host mode": (stack(zz="7601:host", aa=""), stack(zz="", aa="7601:host")),
    "from ingress to host mode": (stack(zz="7601", aa=""), stack(zz="", aa="7601:host")),
    "from host mode to ingress": (stack(zz="7601:host", aa=""), stack(zz="", aa="7601")),
    "swapped over the modes": (stack(aa="7601", zz="7602:host"), stack(aa="7602", zz="7601:host")),
    "udp and tcp are two": (stack(aa="7601/tcp", zz="7601/udp"), stack(aa="7601/udp", zz="7601/tcp")),
    "the giver depends on the taker": (
        stack(aa="", zz="7601", waves=[["aa"], ["zz"]]),
        stack(aa="7601", zz="7602", waves=[["aa"], ["zz"]]),
    ),
    "what Swarm has chosen": (stack(zz="0", aa=""), stack(zz="0", aa="30000")),
    "Swarm would choose the same again": (stack(aa="7601", zz=""), stack(aa="0", zz="7601")),
    "one of several": (stack(zz="7601 7602", aa=""), stack(zz="7602", aa="7601")),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("version", ["1", "2"])
def test_in_one_run_there_and_back(case, version):
    old, new = copy.deepcopy(CASES[case])
    if version == "2":
        for entry in new["services"]:
            entry["spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["PASSWORD=planted-other"]
    swarm = FakeSwarm()
    deploy(swarm, old)
    before = published(swarm)
    announced = deploy(swarm, new, check=True)
    done = deploy(swarm, new)
    assert done["plan"] == announced["plan"]
    wanted = {entry["key"]: sorted(number for number, _p in asked(entry["spec"]).both) for entry in new["services"]}
    assert published(swarm) == wanted and is_clean(swarm)
    assert not deploy(swarm, new)["changed"]
    if set(before) <= set(wanted):  # of a service that is gone, its password is
        roll_back(swarm, Clock(), "shop", OPTIONS)
        assert published(swarm) == before and is_clean(swarm)


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (
            "two change ports",
            [
                "update service shop_zz: ports [7602:80/tcp ingress] → absent; "
                "gives up the port 7602/tcp for service shop_aa",
                "update service shop_aa: ports [7601:80/tcp ingress] → [7602:80/tcp ingress] (restarts 1 task)",
                "update service shop_zz: ports [7602:80/tcp ingress] → [7601:80/tcp ingress] (restarts 1 task)",
            ],
        ),
        (
            "the service is renamed",
            [
                "update service shop_zz: ports [7601:80/tcp ingress] → absent; "
                "gives up the port 7601/tcp for service shop_aa (restarts 1 task)",
                "create service shop_aa: image app:1",
                "remove service shop_zz: not in the file (stops 1 task)",
            ],
        ),
        (
            "the taker comes first in the alphabet",
            [
                "update service shop_zz: ports [7601:80/tcp ingress] → absent (restarts 1 task)",
                "update service shop_aa: ports absent → [7601:80/tcp ingress] (restarts 1 task)",
            ],
        ),
    ],
)
def test_the_plan_announces_the_extra_steps(given, lines):
    old, new = CASES[given]
    swarm = FakeSwarm()
    deploy(swarm, old)
    assert deploy(swarm, new, check=True)["plan_lines"] == lines


def test_a_port_of_another_stack_is_a_conflict_before_anything_is_changed():
    for theirs, ours in (("7601", "7601"), ("7601 host", "7601"), ("7601", "7601 host"), ("0", "30000")):
        swarm = FakeSwarm()
        other = with_ports("web", theirs)["spec"]
        other.update(Name="blog_web", Labels={"com.docker.stack.namespace": "blog"})
        other["TaskTemplate"]["Networks"] = []
        swarm.add("services", **other)
        deploy(swarm, stack(aa=""))
        swarm.writes.clear()
        for check in (True, False):
            with pytest.raises(EngineError, match="blog_web publishes the port .*belongs to the stack blog") as caught:
                deploy(swarm, desired([with_ports("aa", ours)]), check=check)
            assert caught.value.error_code == "conflict"
        assert not [path for _method, path in swarm.writes if path.startswith("/services")]


def test_two_stacks_may_have_one_host_port():
    swarm = FakeSwarm()
    other = with_ports("web", "7601 host")["spec"]
    other.update(Name="blog_web", Labels={"com.docker.stack.namespace": "blog"})
    other["TaskTemplate"]["Networks"] = []
    swarm.add("services", **other)
    assert deploy(swarm, stack(aa="7601:host"))["changed"]


def test_a_service_that_stays_without_prune_keeps_its_port():
    swarm = FakeSwarm()
    deploy(swarm, stack(zz="7601"))
    with pytest.raises(EngineError, match="shop_zz of the same stack publishes the port 7601/tcp") as caught:
        deploy(swarm, stack(aa="7601"), prune=False, check=True)
    assert caught.value.error_code == "conflict"


def test_a_job_is_not_run_again_to_give_up_its_port():
    swarm = FakeSwarm()
    old = desired([with_ports("job", "7601", mode=JOB), with_ports("zz", "7602")])
    deploy(swarm, old)
    # A service that is no longer in the files is removed before another one publishes its port.
    plan = deploy(swarm, stack(aa="7601", zz="7602"), check=True)["plan_lines"]
    assert [line.partition(":")[0] for line in plan] == ["remove service shop_job", "create service shop_aa"]
    deploy(swarm, stack(aa="7601", zz="7602"))
    assert published(swarm) == {"aa": [7601], "zz": [7602]}
    # Two jobs can't exchange ports.
    swarm = FakeSwarm()
    deploy(swarm, desired([with_ports("a", "7601", mode=JOB), with_ports("b", "7602", mode=JOB)]))
    with pytest.raises(PlanError, match="from the job"):
        deploy(swarm, desired([with_ports("a", "7602", mode=JOB), with_ports("b", "7601", mode=JOB)]), check=True)


def test_what_is_left_of_an_approach_that_was_stopped_gives_up_its_port():
    """on_failure: stop leaves new services, without tasks; the old one gets its port back all the same."""
    swarm = FakeSwarm()
    deploy(swarm, stack(zz="7601"))
    before = specs(swarm)

    def fail(method, path):
        if (method, path) == ("POST", "/services/create") and "shop_aa" in swarm.names("services"):
            raise EngineError("refused", "invalid_spec", status=400)

    swarm.before = fail
    with pytest.raises(StackwrightError):
        deploy(swarm, stack(aa="7601", bb="7602", waves=[["aa"], ["bb"]]), on_failure="stop")
    swarm.before = lambda method, path: None
    assert specs(swarm)["shop_zz"] == before["shop_zz"]
    assert published(swarm)["aa"] == []


def swapped():
    """Revision 2 has other ports and passwords than revision 1; each password is hidden in the history."""
    swarm = FakeSwarm()
    deploy(swarm, stack("1", aa="7601", zz="7602"))
    deploy(swarm, stack("2", aa="7602", zz="7601"))
    return swarm


@pytest.mark.slow
@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("way", ["refused", "killed"])
def test_going_back_over_a_swap_loses_no_value_at_any_call(way, number):
    """Both revisions' passwords stay in the Swarm, and a rollback to both is possible afterwards."""
    swarm = swapped()
    before, start = specs(swarm), len(swarm.writes)
    secrets = {f"planted-{key}-{version}" for key in ("aa", "zz") for version in "12"}

    def disturb(method, path):
        if method != "GET" and len(swarm.writes) - start == number:
            swarm.before = (lambda method, path: None) if way == "refused" else dead
            raise Died if way == "killed" else EngineError("refused", "invalid_spec", status=400)

    def dead(method, path):
        raise Died

    swarm.before = disturb
    swarm.after = lambda method, path: there_are(swarm, secrets)
    try:
        roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 1, **DEAD})
    except StackwrightError as error:
        assert way == "refused"
        assert specs(swarm) == before or error.details["outcome"]["rollback"] == "none"
    except Died:
        assert way == "killed"
    undisturbed(swarm)
    swarm.after = lambda method, path: there_are(swarm, secrets)
    roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 1, **GONE})
    assert published(swarm) == {"aa": [7601], "zz": [7602]} and is_clean(swarm)
    roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 2})
    assert specs(swarm) == before


@pytest.mark.slow
@pytest.mark.parametrize("undoing", [False, True])
@pytest.mark.parametrize("case", ["two change ports", "the service is renamed", "the giver depends on the taker"])
def test_a_run_that_dies_at_any_call_is_undone_by_the_next_one_that_fails(case, undoing):
    """It dies during the change or the rollback: the ports and everything else are restored."""
    old, new = copy.deepcopy(CASES[case])
    new["services"].append(with_ports("zzz"))  # the last of all, and refused
    new["waves"] = [*(new["waves"] or [sorted({entry["key"] for entry in new["services"][:-1]})]), ["zzz"]]
    for entry in new["services"]:
        entry["spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = [f"PASSWORD=planted-{entry['key']}-2"]
    old_swarm = FakeSwarm()
    deploy(old_swarm, old)
    before = specs(old_swarm)
    for number in itertools.count(0):
        swarm = copied(old_swarm)
        if not died_at(swarm, new, number, undoing) or "shop_zzz" in swarm.names("services"):
            break
        swarm.before = lambda method, path, swarm=swarm: refuse_the_last(swarm, method, path)
        with pytest.raises(StackwrightError, match="refused"):
            deploy(swarm, new, **GONE)
        undisturbed(swarm)
        assert specs(swarm) == before, number
        deploy(swarm, new)
        assert is_clean(swarm), number
    assert number > (4 if undoing else 6)


def refuse_the_last(swarm, method, path):
    """Refuses ``zzz``, the last operation."""
    if (method, path) == ("POST", "/services/create") and swarm.coming == "shop_zzz":
        raise EngineError("refused", "invalid_spec", status=400)


def died_at(swarm, new, number, undoing):
    """Whether a run died at its write ``number``, counted from its beginning or from that of the rollback."""
    left = [number]

    def disturb(method, path):
        if undoing and left[0] == number and swarm.coming != "shop_zzz":
            return
        if undoing and left[0] == number:
            left[0] -= 1
            refuse_the_last(swarm, method, path)
        if method != "GET":
            left[0] -= 1
            if left[0] < -undoing:
                swarm.before = dead
                raise Died

    def dead(method, path):
        raise Died

    swarm.before = disturb
    try:
        deploy(swarm, new, **DEAD)
    except Died:
        return True
    except StackwrightError:
        return False
    return False


def whole(swarm):
    return {s["Spec"]["Name"][5:]: asked(s["Spec"]) for s in swarm.objects["services"].values()}


def refuse_next(swarm):
    """The next change of a service is refused, once."""

    def refuse(method, path):
        if method == "POST" and path.startswith("/services/"):
            undisturbed(swarm)
            raise EngineError("refused", "invalid_spec", status=400)

    swarm.before = refuse


def there_are(swarm, secrets):
    text = there(swarm)
    assert [secret for secret in secrets if secret not in text] == []


# -- any pair of files


def any_stack(rng, version):
    """Up to four services with ports that no two of them can't have both, networks and waves."""
    keys = sorted(rng.sample(KEYS, rng.randint(1, 4)))
    ports, taken = {key: [] for key in keys}, {}
    for number in rng.sample([7601, 7602, 7603, 7604, 7605], rng.randint(0, 5)):
        mode, protocol = rng.choice(["", "", ":host"]), rng.choice(["", "", "/udp"])
        for key in rng.sample(keys, min(len(keys), 2 if mode and rng.random() < 0.3 else 1)):
            ports[key].append(f"{number}{protocol}{mode}")
    del taken
    if rng.random() < 0.15:
        ports[rng.choice(keys)].append("0")
    waves = [[key] for key in rng.sample(keys, len(keys))] if rng.random() < 0.4 else []
    state = stack(version, waves, **{key: " ".join(texts) for key, texts in ports.items()})
    for entry in state["services"]:
        if rng.random() < 0.5:  # not all services differ in more than their ports
            entry["spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = [f"PASSWORD=planted-{entry['key']}"]
        if rng.random() < 0.3:
            entry["spec"]["TaskTemplate"]["Networks"].append({"Target": "shop_side", "Aliases": [entry["key"]]})
    side = {"Name": "shop_side", "Driver": "overlay", "Labels": LABELS}
    state["networks"].append({"key": "side", "name": "shop_side", "external": False, "spec": side})
    return state


def planted(state):
    return {
        env.partition("=")[2]
        for entry in state["services"]
        for env in entry["spec"]["TaskTemplate"]["ContainerSpec"].get("Env") or []
    }


def there(swarm):
    """All specs of services in the Swarm, current and previous."""
    return json.dumps([[s["Spec"], s.get("PreviousSpec")] for s in swarm.objects["services"].values()])


def undisturbed(swarm):
    swarm.before = swarm.after = lambda method, path: None


def copied(swarm):
    """Another Swarm with the same content."""
    other = FakeSwarm()
    other.objects, lagging = json.loads(json.dumps([swarm.objects, swarm.lagging]))
    other.lagging = {key: tuple(value) for key, value in lagging.items()}
    other.numbers, other.calls = itertools.count(next(swarm.numbers)), swarm.calls
    return other


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_any_pair_of_files_in_one_run_or_undone_completely(part):
    """Announced, carried out, failed, interrupted or killed at a call; 500 pairs with STACKWRIGHT_SEARCH=1."""
    for seed in range(part * PAIRS, part * PAIRS + PAIRS):
        rng = random.Random(seed)
        swarm, old, new = FakeSwarm(), any_stack(rng, "1"), any_stack(rng, "2")
        deploy(swarm, old)
        before, announced = specs(swarm), deploy(swarm, new, check=True)
        if not announced["changed"]:
            continue
        whole = copied(swarm)
        done = deploy(whole, new)
        total = len(whole.writes)
        for moment in ("before", "after"):
            failed_at(copied(swarm), rng.randrange(total), moment, new, before, planted(old), seed)
        killed_at(copied(swarm), rng.randrange(total), new, before, seed)
        swarm = whole
        assert done["plan"] == announced["plan"], seed
        assert is_clean(swarm), seed
        assert sorted(published(swarm)) == [entry["key"] for entry in new["services"]], seed
        assert not deploy(swarm, new)["changed"], seed


def failed_at(swarm, number, moment, new, before, secrets, seed):
    """A run whose write ``number`` fails: refused, or its answer is lost for good."""
    start, lost = len(swarm.writes), []

    def fail(method, path):
        if method != "GET" and len(swarm.writes) - start == number + (moment == "after") and not lost:
            lost.append(path)
            if moment == "before":
                raise EngineError("refused", "invalid_spec", status=400)
            raise EngineError("no answer", "timeout")

    def watch(method, path):
        if method != "GET" and not pruned(swarm, before):
            assert all(secret in there(swarm) for secret in secrets), (seed, number, method, path)

    swarm.before = swarm.after = lambda method, path: None
    setattr(swarm, moment, fail)
    other = "after" if moment == "before" else "before"
    setattr(swarm, other, watch)
    try:
        deploy(swarm, new)
    except StackwrightError as error:
        undisturbed(swarm)
        outcome = error.details.get("outcome") or {"rollback": "none", "done": []}
        if outcome["rollback"] == "done":
            assert specs(swarm) == before, (seed, number, moment, lost)
        else:
            assert outcome["rollback"] == "none", (seed, number, moment, lost, str(error))
    undisturbed(swarm)


def pruned(swarm, before):
    return not set(before) <= set(swarm.names("services"))


def killed_at(swarm, number, new, before, seed):
    """A run dies at its write ``number``; the next one fails at its first service, and restores everything."""
    start = len(swarm.writes)

    def die(method, path):
        if method != "GET" and len(swarm.writes) - start >= number:
            swarm.before = dead

    def dead(method, path):
        raise Died

    swarm.before = die
    with contextlib.suppress(Died):
        deploy(swarm, new, **DEAD)
    undisturbed(swarm)
    seed_of = (seed, number)
    if pruned(swarm, before):
        return

    refuse_next(swarm)
    try:
        deploy(swarm, new, **GONE)
    except StackwrightError as error:
        outcome = error.details.get("outcome") or {}
        assert outcome.get("rollback") == "done", (seed_of, str(error))
        assert specs(swarm) == before, seed_of
    undisturbed(swarm)
