"""Three managers in a play: what fails for their cluster fails for all of them, and nothing is changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from playbook import OURS
from test_stack_preflight import Ground, listening
from testbed import for_tests
from testbed.swarm import StackScope

#: ``ONE``: the role's one task without the role, with the Engine as its own option.
ROLE, TASK, ONE = "role", "task", "one"
NEVER = {"resolve_image": "never"}


@pytest.fixture(scope="module")
def bed():
    with for_tests.bed_for("managers", keep=True, managers=3, workers=0) as made:
        yield made


@pytest.fixture
def name(bed):
    scope = StackScope(bed, "every-host")
    scope.remove()
    yield scope.name
    scope.remove()


@pytest.fixture
def ground(bed, tmp_path):
    return Ground(bed, tmp_path)


class Swarm:
    """What no failed preflight may change."""

    def __init__(self, bed):
        self.node = bed.node("m1")

    def state(self):
        found = []
        for kind in ("services", "networks", "configs", "secrets"):
            found += [
                (kind, item.get("ID") or item["Id"], item.get("Version")) for item in self.node.api("GET", f"/{kind}")
            ]
        return sorted(map(str, found))


def play(ground, *tasks, forks=5, **more):
    """Plays ``tasks`` over all hosts; ``more`` are keywords of the play."""
    ours = [
        {(f"stackwright.swarm.{key}" if key in OURS else key): value for key, value in task.items()} for task in tasks
    ]
    head = {"hosts": "swarm_managers", "gather_facts": False, **more}
    head.setdefault("module_defaults", {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}})
    ground.runs += 1
    path = ground.write(f"play{ground.runs}.yml", yaml.safe_dump([{**head, "tasks": ours}], sort_keys=False))
    environment = {"ANSIBLE_FORKS": str(forks), "ANSIBLE_SHOW_TASK_PATH_ON_FAILURE": "false"}
    return ground.playbook(path, environment=environment)


def steps(way, name, **options):
    """The tasks that deploy after a preflight."""
    if way == TASK:
        files = {"name": name, "src": "compose.yml"}
        rollout = {"stable_for": 0.2, "timeout": 30}
        return [{"stack_preflight": {**files, **options}}, {"compose_stack": {**files, "rollout": rollout}}]
    if way == ONE:
        given = {"name": name, "src": "compose.yml", "preflight": True, "docker_host": "{{ docker_host }}"}
        return [{"compose_stack": {**given, **options}}]
    given = {"stack_name": name, "stack_src": "compose.yml", "stack_proxies": []}
    given["stack_rollout"] = {"stable_for": 0.2, "timeout": 30}
    given.update({f"stack_{key}": value for key, value in options.items()})
    return [{"ansible.builtin.include_role": {"name": "stackwright.swarm.stack"}, "vars": given}]


def failed(played):
    """The last word of each host that has failed."""
    return {line["host"]: line["result"] for line in played.lines if line.get("status") == "failed"}


def judge(played, hosts, code, before, bed):
    """All of ``hosts`` have failed, one of them tells it, and nothing was changed."""
    words = failed(played)
    assert set(words) == set(hosts), played.output
    assert {word["error_code"] for word in words.values() if "error_code" in word} == {code}, played.output
    full = [host for host in hosts if any(item["code"] == code for item in words[host].get("findings", []))]
    assert len(full) == 1, played.output
    for host in set(hosts) - set(full):
        assert full[0] in words[host]["msg"] and "\n" not in words[host]["msg"], words[host]["msg"]
    assert Swarm(bed).state() == before, played.output
    assert not any(line["result"].get("changed") for line in played.lines), played.output
    assert "Traceback" not in played.output


CLUSTER = {
    "constraints": {"deploy": {"placement": {"constraints": ["node.labels.none == x"]}}},
    "resources": {"deploy": {"resources": {"reservations": {"memory": "9000G"}}}},
    "max_replicas": {"deploy": {"replicas": 4, "placement": {"max_replicas_per_node": 1}}},
    "host_port": {"deploy": {"replicas": 4}, "ports": [{"target": 80, "published": 18185, "mode": "host"}]},
    "image_not_found": {"image": "{registry}/no-such-image:1"},
    "plugin": {"logging": {"driver": "no-such-driver"}},
}


@pytest.mark.parametrize("way", [ROLE, TASK])
@pytest.mark.parametrize("code", CLUSTER)
def test_a_finding_about_the_cluster(bed, ground, name, code, way):
    service = {
        key: value.format(registry=bed.registry.address) if key == "image" else value
        for key, value in CLUSTER[code].items()
    }
    ground.file(web=service)
    before = Swarm(bed).state()
    judge(play(ground, *steps(way, name)), ["m1", "m2", "m3"], code, before, bed)


@pytest.mark.parametrize(
    ("place", "way", "forks"),
    [("m3", ROLE, 5), ("m3", ROLE, 1), ("m3", ONE, 5), ("m3", TASK, 5), ("m3", TASK, 1), ("m1", TASK, 2)],
)
def test_a_finding_about_a_node(bed, ground, name, place, way, forks):
    port = {"target": 80, "published": 18181, "mode": "host"}
    ground.file(web={"ports": [port], "deploy": {"mode": "global"}})
    before = Swarm(bed).state()
    with listening(bed.node(place), (18181, "SOCK_STREAM")):
        wrong = {"module_defaults": {"group/stackwright.swarm.swarm": {"docker_host": "unix:///nowhere"}}}
        played = play(ground, *steps(way, name), forks=forks, **(wrong if way == ONE else {}))
    words = failed(played)
    assert set(words) == {"m1", "m2", "m3"}, played.output
    # One task asks all hosts from the first one.
    told = place if way == TASK else "m1"
    assert [h for h, word in words.items() if word.get("findings")] == [told], played.output
    assert place in words[told]["msg"], played.output
    assert all(told in word["msg"] for host, word in words.items() if host != told), played.output
    assert Swarm(bed).state() == before, played.output


@pytest.mark.parametrize(
    "how",
    [{"strategy": "free"}, {"serial": 1}, {"serial": 2}, {"any_errors_fatal": True}, {"forks": 1}, {"throttle": 1}],
    ids=str,
)
@pytest.mark.parametrize("way", [ROLE, TASK])
def test_in_plays_of_every_kind(bed, ground, name, way, how):
    ground.file(web=CLUSTER["constraints"])
    before = Swarm(bed).state()
    played = play(ground, *steps(way, name), **how)
    assert played.code != 0
    words = failed(played)
    came = {line["host"] for line in played.lines}
    assert set(words) == came and came, played.output
    assert Swarm(bed).state() == before, played.output


def test_a_play_that_ignores_the_preflight_goes_on(bed, ground, name):
    ground.file(web=CLUSTER["plugin"])
    look, deploy = steps(TASK, name)
    deploy["compose_stack"]["rollout"] = {"wait": False}
    played = play(ground, {**look, "ignore_errors": True}, deploy)
    assert played.code == 0, played.output


def test_a_loop_and_retries_meet_in_turn(bed, ground, name):
    """Each item of a loop, and each try, has one leader, and the others hear of that one."""
    ground.file(web={}, db={})
    look, deploy = steps(TASK, name)
    assert play(ground, look, deploy).code == 0
    node = bed.node("m1")

    def forced():
        return {
            service["Spec"]["Name"]: service["Spec"]["TaskTemplate"]["ForceUpdate"]
            for service in node.api("GET", "/services")
            if service["Spec"]["Name"].startswith(name)
        }

    for forks in (5, 1):
        before = forced()
        restart = {"name": name, "service": "{{ item }}", "state": "restarted", "rollout": {"stable_for": 0.1}}
        played = play(ground, {"stack_service": restart, "loop": ["web", "db", "web"]}, forks=forks)
        assert played.code == 0, played.output
        rose = {key.rpartition("_")[2]: value - before[key] for key, value in forced().items()}
        assert rose == {"web": 2, "db": 1}, played.output
    ground.file(web={"command": ["sh", "-c", "exit 3"]}, db={})
    broken = {"name": name, "src": "compose.yml", "rollout": {"stable_for": 0.1, "timeout": 30, "max_restarts": 0}}
    retried = {"compose_stack": broken, "retries": 1, "delay": 0, "register": "r", "until": "r is success"}
    revisions = len([c for c in node.api("GET", "/configs") if name in c["Spec"]["Name"]])
    played = play(ground, retried)
    assert set(failed(played)) == {"m1", "m2", "m3"}, played.output
    del revisions


def test_values_are_made_anew_once_whoever_shares_the_store(bed, ground, name):
    values = {"name": name, "store": "swarm"}
    ground.file(web={"environment": {"KEY": "{{ generate_secure_password(20) }}"}, "deploy": {"replicas": 0}})
    assert play(ground, {"compose_stack": {"name": name, "src": "compose.yml", "rollout": {"wait": False}}}).code == 0
    for forks in (5, 1):
        listed = ground.play({"stack_values": {**values, "state": "listed"}}, limit="m1").last["kept_values"]
        played = play(ground, {"stack_values": {**values, "state": "regenerated", "names": ["all"]}}, forks=forks)
        assert played.code == 0, played.output
        assert sorted(line["result"]["changed"] for line in played.lines) == [False, False, True], played.output
        assert len({line["result"].get("done_by") for line in played.lines}) == 2
        after = [line["result"]["kept_values"] for line in played.lines]
        assert after[0] == after[1] == after[2] != listed
        assert len(after[0][0]["versions"]) == len(listed[0]["versions"]) + 1
    played = play(ground, {"stack_values": {**values, "state": "regenerated", "names": ["NOTHING"]}})
    assert set(failed(played)) == {"m1", "m2", "m3"}, played.output
    assert sum("result of that host has the details" in word["msg"] for word in failed(played).values()) == 2
