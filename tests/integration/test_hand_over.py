"""Published ports that change hands within a stack, on a real Engine: in one run, and undone when it fails.

STACKWRIGHT_LONG=1 tries 40 random pairs of files in place of 8.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import Core

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.extra_step import CARRIED
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import HANDING_OVER
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import asked

PAIRS = 40 if os.environ.get("STACKWRIGHT_LONG") == "1" else 8
FIRST = 20100  # no other test publishes ports from here on


class Patient(Core):
    """A busy machine takes its time to start a container."""

    def deploy(self, text, **options):
        return super().deploy(text, **{"timeout": 300, **options})


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Patient(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def write(bed):
    """``write(aa="20101 20102:host", zz="")`` gives a Compose file; ``replicas``, ``version`` and ``order`` for all."""

    def render(replicas=0, version="1", order=(), bad="", **ports):
        text = "services:\n"
        for key, listed in ports.items():
            entries = []
            for item in listed.split():
                number, _colon, mode = item.partition(":")
                published = f"published: {number}, " if number != "0" else ""
                entries.append(f"{{target: 80, {published}mode: {mode or 'ingress'}}}")
            before = [other for other in order[: order.index(key)] if other in ports] if key in order else []
            command = "sh -c 'exit 3'" if key == bad else "sleep 1d"
            text += f"""
  {key}:
    image: {bed.images["busybox"]}
    command: {command}
    stop_signal: SIGKILL
    environment: {{PASSWORD: planted-{key}-{version}}}
    ports: [{", ".join(entries)}]
    depends_on: [{", ".join(before)}]
    deploy: {{replicas: {replicas}, update_config: {{monitor: 10ms}}}}
"""
        return text

    return render


def published(swarm):
    found = {}
    for entry in swarm.objects("services"):
        ports = asked(entry["Spec"])
        found[entry["Spec"]["Name"][len(swarm.name) + 1 :]] = sorted(number for number, _protocol in ports.both)
    return found


def specs(swarm):
    return {entry["Spec"]["Name"]: entry["Spec"] for entry in swarm.objects("services")}


AWAKE = {
    "moved": ({"zz": f"{FIRST}", "aa": ""}, {"zz": "", "aa": f"{FIRST}"}),
    "renamed": ({"zz": f"{FIRST}"}, {"aa": f"{FIRST}"}),
    "swapped": ({"aa": f"{FIRST}", "zz": f"{FIRST + 1}"}, {"aa": f"{FIRST + 1}", "zz": f"{FIRST}"}),
    "host mode": ({"zz": f"{FIRST}:host", "aa": ""}, {"zz": "", "aa": f"{FIRST}:host"}),
    "renamed in host mode": ({"zz": f"{FIRST}:host"}, {"aa": f"{FIRST}:host"}),
    "swapped in host mode": (
        {"aa": f"{FIRST}:host", "zz": f"{FIRST + 1}:host"},
        {"aa": f"{FIRST + 1}:host", "zz": f"{FIRST}:host"},
    ),
    "ingress to host mode": ({"zz": f"{FIRST}", "aa": ""}, {"zz": "", "aa": f"{FIRST}:host"}),
    "host mode to ingress": ({"zz": f"{FIRST}:host", "aa": ""}, {"zz": "", "aa": f"{FIRST}"}),
}


@pytest.mark.parametrize("case", AWAKE)
def test_ports_change_hands_and_come_back_when_it_fails(case, core, swarm, write):
    old, new = AWAKE[case]
    core.deploy(write(1, **old))
    before, ports = specs(swarm), published(swarm)
    # The last of all crashes: everything has changed hands by then.
    with pytest.raises(DeployError) as failed:
        core.deploy(write(1, "2", order=(*new, "zzz"), bad="zzz", **new, zzz=""), max_restarts=0)
    assert failed.value.details["outcome"]["rollback"] == "done", failed.value
    assert specs(swarm) == before
    announced = core.deploy(write(1, "2", **new), check=True)
    done = core.deploy(write(1, "2", **new))
    assert done["plan"] == announced["plan"] and done["status"] == "healthy"
    assert published(swarm) == {
        key: sorted(int(item.partition(":")[0]) for item in texts.split()) for key, texts in new.items()
    }
    assert not core.deploy(write(1, "2", **new))["changed"]
    assert CARRIED not in str(specs(swarm)) and HANDING_OVER not in str(specs(swarm))
    core.deploy(write(1, **old))
    assert published(swarm) == ports


def test_any_pair_of_files(core, swarm, write):
    """Asleep: the Engine's rules for ports are the same, and a pair takes a second."""
    for seed in range(PAIRS):
        rng = random.Random(seed)
        for version in ("1", "2"):
            order = tuple(rng.sample(["aa", "bb", "cc", "zz"], 4)) if rng.random() < 0.4 else ()
            state = any_ports(rng)
            core.deploy(write(0, f"{seed}-{version}", order=order, **state))
            assert published(swarm) == {
                key: sorted(int(i.partition(":")[0]) for i in texts.split() if i != "0") for key, texts in state.items()
            }, seed


def any_ports(rng):
    keys = sorted(rng.sample(["aa", "bb", "cc", "zz"], rng.randint(1, 4)))
    ports = {key: [] for key in keys}
    for number in rng.sample(range(FIRST, FIRST + 5), rng.randint(0, 5)):
        ports[rng.choice(keys)].append(f"{number}{rng.choice(['', '', ':host'])}")
    if rng.random() < 0.15:
        ports[rng.choice(keys)].append("0")
    return {key: " ".join(texts) for key, texts in ports.items()}


def test_a_port_of_another_stack_is_a_conflict_in_check_mode(core, swarm, write, bed):
    core.deploy(write(aa=""))
    other = f"{swarm.name}x"
    body = {
        "Name": f"{other}_web",
        "Labels": {"com.docker.stack.namespace": other},
        "TaskTemplate": {"ContainerSpec": {"Image": bed.images["busybox"]}},
        "Mode": {"Replicated": {"Replicas": 0}},
        "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": FIRST + 9}]},
    }
    bed.node("m1").api("POST", "/services/create", body)
    with pytest.raises(EngineError, match=f"{other}_web publishes the port {FIRST + 9}/tcp") as caught:
        core.deploy(write(aa=f"{FIRST + 9}"), check=True)
    assert caught.value.error_code == "conflict"


def test_a_giver_of_a_later_wave_whose_tasks_are_new_before_its_turn(core, swarm, write):
    """The extra step has replaced them: Swarm has nothing more to do at its turn, and says nothing of an update."""
    core.deploy(write(1, zz=f"{FIRST}", aa=""))
    (giver,) = (entry["ID"] for entry in swarm.objects("services") if entry["Spec"]["Name"].endswith("_zz"))
    state = lambda: (swarm.node.api("GET", f"/services/{giver}").get("UpdateStatus") or {}).get("State")  # noqa: E731
    turns = []

    def last(method, path):
        if (method, path) == ("POST", f"/services/{giver}/update"):
            turns.append(path)
        if turns == [path] * 2:
            swarm.wait("the update of the extra step to end", lambda: state() == "completed")

    core.transport.before = last
    done = core.deploy(write(1, zz="", aa=f"{FIRST}", order=("aa", "zz")))
    # A third one, if the update of the extra step ended only while the second one waited: it was out of sequence then.
    assert len(turns) in {2, 3} and done["status"] == "healthy"
    assert published(swarm) == {"aa": [FIRST], "zz": []}
