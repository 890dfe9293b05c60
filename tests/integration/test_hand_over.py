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


@pytest.fixture
def other(bed, swarm):
    """``other(ports_mode)`` runs a service of another stack that publishes a port; returns its name."""
    api, name, made = bed.node("m1").api, f"{swarm.name}y_web", []

    def run(ports_mode, **more):
        body = {
            "Name": name,
            "Labels": {"com.docker.stack.namespace": f"{swarm.name}y"},
            "TaskTemplate": {"ContainerSpec": {"Image": bed.images["busybox"], "Command": ["sleep", "1d"]}},
            "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": FIRST + 8, "PublishMode": ports_mode}]},
            **more,
        }
        made.append(api("POST", "/services/create", body)["ID"])
        states = lambda: [t["Status"]["State"] for t in api("GET", "/tasks") if t["ServiceID"] == made[0]]  # noqa: E731
        swarm.wait("the other stack to run", lambda: "running" in states())
        return name

    yield run
    for identity in made:
        api("DELETE", f"/services/{identity}")


@pytest.fixture
def migrating(bed):
    """``migrating(port)`` is a service with a host-mode port and a step before it."""
    return lambda port: (
        f"""
services:
  web:
    image: {bed.images["busybox"]}
    command: sleep 1d
    stop_signal: SIGKILL
    ports: [{{target: 80, published: {port}, mode: host}}]
    pre_start: [{{command: echo migrating}}]
"""
    )


@pytest.mark.parametrize(("mode", "code"), [("host", "host_port"), ("ingress", "conflict")])
def test_a_host_mode_port_without_a_node_is_refused_before_a_migration(mode, code, core, swarm, other, migrating):
    name = other(mode)
    for check in (True, False):
        with pytest.raises(EngineError, match=name) as caught:
            core.deploy(migrating(FIRST + 8), check=check)
        assert caught.value.error_code == code and caught.value.hint.endswith("Nothing was changed.")
        assert not [key for key in specs(swarm) if key.startswith(f"{core.stack}_")]
        assert not [path for _method, path in core.writes if path.startswith("/services")]
    done = core.deploy(migrating(FIRST + 7))
    assert done["status"] == "healthy" and not done["notices"]


def test_a_host_mode_port_of_a_job_may_become_free_and_is_waited_for(core, other, migrating):
    name = other("host", Mode={"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}})
    assert core.deploy(migrating(FIRST + 8), check=True)["changed"]
    with pytest.raises(DeployError) as failed:
        core.deploy(migrating(FIRST + 8), pending_for=2.0)
    assert f"host-mode port already in use on 1 node); it requests port {FIRST + 8}/tcp, which {name} uses" in str(
        failed.value
    )


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
