"""Drift on a real engine: every kind made by hand with docker's CLI, found, named, healed; what is ignored stays."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import Core
from playbook import ROOT, Player

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import update_state
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import rules_of
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import drift as story

QUIET = "sh -c 'trap exit TERM; sleep 1d & wait'"
FILE = """
services:
  web:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    environment: {{GREETING: {greeting}, API_TOKEN: token-that-stays}}
    labels: {{com.example.team: shop}}
    volumes: ["data:/data"]
    configs: [page]
    secrets: [password]
    networks: [front]
    deploy:
      replicas: 1
      labels: {{com.example.tier: web}}
      update_config: {{parallelism: 0, monitor: 10ms}}
  worker:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    networks: [back]
    deploy: {{update_config: {{parallelism: 0, monitor: 10ms}}}}
configs:
  page: {{content: page}}
secrets:
  password: {{file: {secret}}}
volumes: {{data: }}
networks: {{front: , back: }}
"""
ENV = "TaskTemplate.ContainerSpec.Env"


class Stack:
    """A stack that was deployed once, and what is done to it by hand."""

    def __init__(self, core: Core, swarm, bed, folder: Path) -> None:
        self.core, self.swarm, self.bed, self.folder = core, swarm, bed, folder
        (folder / "secret").write_text("the secret's content")
        self.name = swarm.name

    def text(self, greeting="hello"):
        secret = self.folder / "secret"
        return FILE.format(
            image=self.bed.images["busybox"], command=json.dumps(QUIET), greeting=greeting, secret=secret
        )

    def deploy(self, greeting="hello", **options):
        return self.core.deploy(self.text(greeting), **options)

    def by_hand(self, command):
        """docker's own CLI; NAME is the stack."""
        words = command.replace("NAME", self.name).replace("IMAGE", self.bed.images["busybox"]).split()
        if words[0] == "service" and words[1] in ("update", "scale", "rollback", "create"):
            words.insert(2, "--detach")
        done = self.bed.node("m1").cli(["docker", *words], check=False)
        while "update out of sequence" in done.stderr:  # Swarm itself has changed the service meanwhile.
            done = self.bed.node("m1").cli(["docker", *words], check=False)
        assert done.returncode == 0, done.stderr
        return done

    def drift(self, **options):
        self.core.transport.seen.clear()
        self.core.client.calls = 0
        given = {"timeout": 60, "stable_for": 0.2, "heal": False, "prune": False, "images": False}
        given.update(fail_on_drift=False, **{**options, "rules": rules_of(options.pop("ignore", []))})
        given.pop("ignore", None)
        return story.stack_drift(self.core.client, SystemClock, self.name, given)

    def heal(self, **options):
        return self.drift(heal=True, **options)

    def refused(self, **options):
        before = self.swarm.objects("services")
        with pytest.raises(StackwrightError) as caught:
            self.drift(**options)
        assert self.core.writes == []
        assert [s["Spec"] for s in self.swarm.objects("services")] == [s["Spec"] for s in before]
        return caught.value

    def service(self, key):
        return next(s for s in self.swarm.objects("services") if s["Spec"]["Name"] == f"{self.name}_{key}")

    def history(self):
        return [
            (r.number, r.operation, r.status, r.back_to)
            for r in History(self.core.client, SystemClock, self.name).read()
        ]

    def kinds(self, result):
        return [(d["kind"], d["object"], d["name"].removeprefix(self.name + "_")) for d in result["drift"]]

    def settled(self, key="web"):
        states = ("updating", "rollback_started")
        self.swarm.wait(
            "the end of the update",
            lambda: self.state(key) not in states,
        )

    def state(self, key="web"):
        return update_state(self.service(key))


@pytest.fixture
def stack(bed, swarm, tmp_path):
    core = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield Stack(core, swarm, bed, tmp_path)
    core.client.close()


#: docker's commands, and what each makes: (kind, object, name, paths that differ).
BY_HAND = {
    "env-add": (["service update --env-add GREETING=hi NAME_web"], "edited", "service", "web", [f"{ENV}.GREETING"]),
    "env-rm": (["service update --env-rm GREETING NAME_web"], "edited", "service", "web", [f"{ENV}.GREETING"]),
    "label-add": (["service update --label-add a.b=1 NAME_web"], "edited", "service", "web", ["Labels.a.b"]),
    "container-label": (
        ["service update --container-label-add com.example.team=x NAME_web"],
        "edited",
        "service",
        "web",
        ["TaskTemplate.ContainerSpec.Labels.com.example.team"],
    ),
    "limit": (
        ["service update --limit-memory 64M NAME_web"],
        "edited",
        "service",
        "web",
        ["TaskTemplate.Resources"],
    ),
    "port": (["service update --publish-add 18099:80 NAME_web"], "edited", "service", "web", ["EndpointSpec.Ports"]),
    "secret-rm": (
        ["service update --secret-rm NAME_password NAME_web"],
        "edited",
        "service",
        "web",
        ["TaskTemplate.ContainerSpec.Secrets.password"],
    ),
    "bind": (
        ["service update --mount-add type=bind,source=/tmp,target=/host NAME_web"],
        "edited",
        "service",
        "web",
        ["TaskTemplate.ContainerSpec.Mounts./host"],
    ),
    "volume": (
        [
            "service update --mount-add type=volume,source=NAME_other,target=/data NAME_web",
        ],
        "volume",
        "service",
        "web",
        [f"TaskTemplate.ContainerSpec.Mounts./data.{part}" for part in ("Source", "VolumeOptions")],
    ),
    "network-of-a-service": (
        ["service update --network-add NAME_back NAME_web"],
        "edited",
        "service",
        "web",
        None,
    ),
    "scale": (["service scale NAME_web=2"], "scaled", "service", "web", ["Mode.Replicated.Replicas"]),
    "scale-to-zero": (["service scale NAME_web=0"], "scaled", "service", "web", ["Mode.Replicated.Replicas"]),
    "force": (["service update --force NAME_web"], "forced", "service", "web", ["TaskTemplate.ForceUpdate"]),
    "rm": (["service rm NAME_worker"], "missing", "service", "worker", []),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_a_service_changed_by_hand_is_found_named_and_healed(stack, case):
    commands, kind, obj, name, paths = BY_HAND[case]
    stack.deploy()
    clean = stack.drift()
    assert (clean["drifted"], clean["drift"], clean["revision"], stack.core.writes) == (False, [], 1, [])
    assert clean["calls"] == 7, "six, and one for the volumes of the node"
    for command in commands:
        stack.by_hand(command)
    seen = stack.drift()
    print("\n".join(seen["drift_lines"]))
    assert stack.kinds(seen) == [(kind, obj, name)] and seen["drifted"] and not seen["changed"]
    (found,) = seen["drift"]
    if paths is not None:
        assert [change["path"] for change in found["changes"]] == paths
    assert found["reason"] and found["hint"] and found["healing"] in ("update", "create", "record")
    if kind != "missing":
        live = stack.service(name)
        assert (found["updated"], found["version"]) == (live["UpdatedAt"], live["Version"]["Index"])
        assert found["created"] == live["CreatedAt"] < found["updated"]
    assert "token-that-stays" not in json.dumps(seen)
    shown = stack.heal(check=True)
    assert shown["changed"] and stack.core.writes == [] and stack.kinds(stack.drift()) == [(kind, obj, name)]
    if kind == "forced":
        stack.settled()
    tasks = {task["ID"] for task in stack.swarm.tasks()}
    done = stack.heal()
    assert done["plan"] == shown["plan"] and done["changed"] and done["status"] == "healthy"
    assert (done["new_revision"], done["remaining"], done["revision"]) == (2, [], 1)
    if kind == "forced":
        assert {task["ID"] for task in stack.swarm.tasks()} == tasks, "nothing is to be restarted again"
    assert stack.history() == [(2, "heal", "HEALTHY", 1), (1, "deploy", "HEALTHY", 0)]
    again = stack.heal()
    assert (again["changed"], again["drifted"], again["revision"], stack.core.writes) == (False, False, 2, [])
    assert not stack.deploy()["changed"], "what the files want is what was healed to"


def test_a_value_that_runs_nowhere_any_more_comes_back_from_the_files(stack):
    stack.deploy()
    stack.by_hand("service rm NAME_web")
    (found,) = stack.drift()["drift"]
    assert (found["kind"], found["healing"]) == ("missing", "files") and "hidden in the history" in found["hint"]
    error = stack.refused(heal=True)
    assert error.error_code == "value_lost" and "API_TOKEN of service web" in str(error)
    assert stack.deploy()["changed"] and not stack.drift()["drifted"]


def test_an_image_of_another_name_and_a_label_of_docker(stack):
    stack.deploy()
    python = stack.bed.images["python"]
    stack.by_hand(f"service update --image {python} NAME_worker")
    seen = stack.drift()
    assert stack.kinds(seen) == [("edited", "service", "worker")]
    (change,) = seen["drift"][0]["changes"]
    assert change["path"] == "TaskTemplate.ContainerSpec.Image" and change["actual"].startswith(python)
    assert stack.heal()["status"] == "healthy" and not stack.drift()["drifted"]


def test_what_is_too_much_is_removed_only_with_prune(stack):
    stack.deploy()
    label = "--label com.docker.stack.namespace=NAME"
    stack.by_hand(f"service create {label} --name NAME_debug IMAGE sleep 1d")
    stack.by_hand(f"network create --driver overlay {label} NAME_side")
    (stack.folder / "x").write_text("x")
    for kind in ("config", "secret"):
        stack.by_hand(f"{kind} create {label} NAME_more {stack.folder / 'x'}")
    seen = stack.drift()
    every = [("service", "debug"), ("secret", "more"), ("config", "more"), ("network", "side")]
    assert stack.kinds(seen) == [("extra", obj, name) for obj, name in every]
    assert {d["healing"] for d in seen["drift"]} == {"prune"}
    left = stack.heal()
    assert not left["changed"] and len(left["remaining"]) == 4 and stack.core.writes == []
    spared = stack.heal(prune=True, ignore=[{"service": "debug"}, {"name": "side"}])
    assert spared["changed"] and len(spared["ignored"]) == 2
    assert stack.kinds(stack.drift()) == [("extra", "service", "debug"), ("extra", "network", "side")]
    done = stack.heal(prune=True)
    assert done["changed"] and done["remaining"] == []
    assert sorted(line.split(":")[0] for line in done["plan_lines"]) == [
        f"remove network {stack.name}_side",
        f"remove service {stack.name}_debug",
    ]
    assert not stack.drift()["drifted"] and not stack.heal(prune=True)["changed"]


def test_a_network_that_is_gone_or_another(stack):
    stack.deploy()
    stack.by_hand("service rm NAME_worker")
    stack.swarm.wait("the network to be free", lambda: _free(stack, "back"))
    seen = stack.drift()
    assert stack.kinds(seen) == [("missing", "service", "worker"), ("missing", "network", "back")]
    assert stack.heal()["changed"] and not stack.drift()["drifted"]
    stack.by_hand("service rm NAME_worker")
    stack.swarm.wait("the network to be free", lambda: _free(stack, "back"))
    stack.swarm.wait("its name to be free", lambda: _made(stack, "--internal", "back"))
    seen = stack.drift()
    assert stack.kinds(seen) == [("missing", "service", "worker"), ("replaced", "network", "back")]
    assert [c["path"] for c in seen["drift"][1]["changes"]] == ["Internal"]
    done = stack.heal()
    assert [op["action"] for op in done["plan"]] == ["remove", "create", "create"]
    assert not stack.drift()["drifted"]


def _made(stack, option, network):
    label = f"--label=com.docker.stack.namespace={stack.name}"
    command = ["docker", "network", "create", "--driver", "overlay", option, label, f"{stack.name}_{network}"]
    return stack.bed.node("m1").cli(command, check=False).returncode == 0


def _free(stack, network):
    done = stack.bed.node("m1").cli(["docker", "network", "rm", f"{stack.name}_{network}"], check=False)
    return done.returncode == 0


def test_a_network_that_services_use_can_not_be_made_anew(stack):
    stack.deploy()
    stack.by_hand("service update --network-rm NAME_back --network-add NAME_front NAME_worker")
    stack.swarm.wait("the network to be free", lambda: _free(stack, "back"))
    stack.swarm.wait("its name to be free", lambda: _made(stack, "--internal", "back"))
    stack.by_hand("service update --network-rm NAME_front --network-add NAME_back NAME_worker")
    seen = stack.drift()
    assert stack.kinds(seen) == [("edited", "service", "worker"), ("replaced", "network", "back")]
    assert [d["healing"] for d in seen["drift"]] == ["update", "by_hand"]
    left = stack.heal(prune=True)
    assert left["changed"] and len(left["remaining"]) == 1
    again = stack.heal(prune=True)
    assert not again["changed"] and stack.kinds(again) == [("replaced", "network", "back")]


def test_a_config_or_secret_that_is_gone_or_another_comes_back_from_the_files(stack):
    stack.deploy()
    stack.by_hand("service update --config-rm NAME_page --secret-rm NAME_password NAME_web")
    stack.settled()
    for kind, name in (("config", "page"), ("secret", "password")):
        stack.by_hand(f"{kind} rm NAME_{name}")
    seen = stack.drift()
    assert stack.kinds(seen) == [
        ("edited", "service", "web"),
        ("missing", "secret", "password"),
        ("missing", "config", "page"),
    ]
    assert [d["healing"] for d in seen["drift"]] == ["update", "files", "files"]
    for check in (True, False):
        error = stack.refused(heal=True, check=check)
        assert error.error_code == "revision_incomplete" and f"secret {stack.name}_password no longer exists" in str(
            error
        )
    label = "--label com.docker.stack.namespace=NAME"
    (stack.folder / "x").write_text("somebody's")
    for kind, name in (("config", "page"), ("secret", "password")):
        stack.by_hand(f"{kind} create {label} NAME_{name} {stack.folder / 'x'}")
    seen = stack.drift()
    assert stack.kinds(seen)[1:] == [("replaced", "secret", "password"), ("replaced", "config", "page")]
    assert stack.refused(heal=True).error_code == "revision_incomplete"
    assert stack.deploy()["status"] == "healthy"
    assert not stack.drift()["drifted"]


def test_what_swarm_has_rolled_back_or_stopped(stack):
    stack.deploy()
    stack.deploy("bye")
    stack.by_hand("service rollback NAME_web")
    stack.settled()
    seen = stack.drift()
    assert (
        stack.kinds(seen) == [("rolled_back", "service", "web")] and "rollback completed" in seen["drift"][0]["reason"]
    )
    assert [c["path"] for c in seen["drift"][0]["changes"]] == [f"{ENV}.GREETING"]
    assert stack.heal()["status"] == "healthy" and not stack.drift()["drifted"]
    # An update that Swarm pauses, since its tasks fail; then somebody takes the change back, without its end.
    stack.by_hand("service update --update-monitor 5s --args false NAME_web")
    stack.swarm.wait("the pause", lambda: stack.state() == "paused")
    seen = stack.drift()
    assert stack.kinds(seen) == [("edited", "service", "web"), ("paused", "service", "web")]
    assert "update paused" in seen["drift"][1]["reason"]
    assert stack.heal()["status"] == "healthy" and not stack.drift()["drifted"]


def test_the_registry_has_another_image_for_the_tag(stack):
    images = stack.bed.images
    folder = stack.folder / "site"
    folder.mkdir()
    (folder / "page").write_text("1")
    tag = images.from_folder(folder, "drift:1", {"Cmd": ["sleep", "1d"]}, base="busybox", into="www")
    text = f"services: {{web: {{image: '{tag}', stop_grace_period: 1s}}}}"
    stack.core.deploy(text, resolve_image="changed")
    assert not stack.drift(images=True)["drifted"]
    (folder / "page").write_text("2")
    images.from_folder(folder, "drift:1", {"Cmd": ["sleep", "1d"]}, base="busybox", into="www")
    assert not stack.drift()["drifted"], "the registry is asked only if that is wanted"
    seen = stack.drift(images=True)
    assert stack.kinds(seen) == [("behind", "service", "web")] and seen["calls"] == 7
    (change,) = seen["drift"][0]["changes"]
    assert change["intended"].startswith(f"{tag}@sha256:") and change["intended"] != change["actual"]
    left = stack.heal(images=True)
    assert not left["changed"] and len(left["remaining"]) == 1
    assert stack.core.deploy(text, resolve_image="always")["changed"]
    assert not stack.drift(images=True)["drifted"]


def test_rules_leave_alone_what_they_name_and_nothing_else(stack):
    stack.deploy()
    stack.by_hand(
        "service update --replicas 2 --env-add GREETING=hi --env-add MORE=1 --container-label-add a.b=c NAME_web"
    )
    labels = "TaskTemplate.ContainerSpec.Labels"
    rules = [{"service": "web", "kind": "scaled"}, {"path": labels}, {"name": "web", "path": f"{ENV}.MORE"}]
    seen = stack.drift(ignore=rules)
    assert [d["changes"][0]["path"] for d in seen["drift"]] == [f"{ENV}.GREETING"] and len(seen["ignored"]) == 2
    assert seen["notices"] == []
    done = stack.heal(ignore=rules)
    assert done["plan_lines"] == [
        f"update service {stack.name}_web: environment GREETING hi → hello (restarts 2 tasks)"
    ]
    spec = stack.service("web")["Spec"]
    assert spec["Mode"]["Replicated"]["Replicas"] == 2
    container = spec["TaskTemplate"]["ContainerSpec"]
    assert container["Labels"]["a.b"] == "c" and {"GREETING=hello", "MORE=1"} < set(container["Env"])
    again = stack.heal(ignore=rules)
    assert not again["changed"] and not again["drifted"]
    # The new revision has what was intended, not what was ignored.
    assert len(stack.drift()["drift"]) == 2
    assert stack.heal()["changed"] and stack.service("web")["Spec"]["Mode"]["Replicated"]["Replicas"] == 1
    stack.by_hand("service rm NAME_worker")
    assert not stack.heal(ignore=[{"service": "worker", "kind": "missing"}])["changed"]
    told = stack.drift(ignore=[{"service": "wbe", "kind": "scaled"}])
    assert "wbe" in told["notices"][0]
    error = stack.refused(heal=True, ignore=[{"service": "wbe", "kind": "scaled"}])
    assert error.error_code == "no_service" and f"{stack.name}_web" in str(error)


def test_a_stopped_stack_is_as_it_should_be_and_stays_stopped(stack):
    stack.deploy()
    stack.core.stop()
    assert stack.drift()["drift"] == []
    stack.by_hand("service update --env-add GREETING=hi NAME_web")
    stack.by_hand("service scale NAME_worker=1")
    assert stack.kinds(stack.drift()) == [("edited", "service", "web"), ("scaled", "service", "worker")]
    assert stack.heal()["status"] == "asleep"
    assert stack.service("worker")["Spec"]["Mode"]["Replicated"]["Replicas"] == 0
    assert not stack.heal()["changed"]
    assert stack.deploy(on_drift="fail")["status"] == "healthy" and not stack.deploy()["changed"]
    assert not stack.drift()["drifted"]


def test_the_last_good_revision_is_what_counts(stack):
    stack.deploy()
    stack.deploy("two")
    with pytest.raises(StackwrightError):
        stack.core.deploy(
            stack.text("three").replace(json.dumps(QUIET), "'false'"), max_restarts=0, timeout=60, stable_for=5
        )
    seen = stack.drift()
    assert (seen["revision"], seen["drifted"], seen["notices"]) == (2, False, [])
    with pytest.raises(StackwrightError):
        stack.core.deploy(
            stack.text("three").replace(json.dumps(QUIET), "'false'"), max_restarts=0, timeout=20, on_failure="keep"
        )
    seen = stack.drift()
    assert (
        seen["revision"] == 2 and seen["drifted"] and "revision 4 failed and was not rolled back" in seen["notices"][0]
    )
    # It may be what its user wants: healing does not go past it.
    kept = stack.heal()
    assert not kept["changed"] and kept["remaining"] == kept["drift_lines"] and kept["locked_by"] == ""
    # What our own run has left is nobody's change.
    assert stack.deploy("two", on_drift="fail")["changed"]
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

    roll_back(stack.core.client, SystemClock, stack.name, {"to": 1, "stable_for": 0.2})
    seen = stack.drift()
    assert (seen["revision"], seen["drifted"]) == (6, False)


def test_without_a_revision_there_is_nothing_to_compare_with(stack, swarm):
    assert stack.refused().error_code == "no_stack"
    swarm.deploy(f"services: {{web: {{image: '{stack.bed.images['busybox']}', command: sleep 1d}}}}\nversion: '3.8'")
    error = stack.refused()
    assert error.error_code == "no_revision" and "compose_stack" in str(error)
    stack.name = swarm.name.upper()
    assert stack.refused().error_code == "no_stack"


def test_a_damaged_history_says_so(stack):
    stack.deploy()
    config = next(c for c in stack.swarm.bookkeeping() if ".rev." in c["Spec"]["Name"])
    stack.swarm.node.api("DELETE", f"/configs/{config['ID']}")
    body = {**config["Spec"], "Data": "bm90aGluZw=="}
    stack.swarm.node.api("POST", "/configs/create", body)
    for heal in (False, True):
        assert stack.refused(heal=heal).error_code == "revision_damaged"
    stack.by_hand("service update --env-add GREETING=hi NAME_web")
    done = stack.deploy("new", on_drift="warn")
    assert done["changed"] and any("can't check" in notice for notice in done["notices"])


def test_a_stack_that_was_removed(stack):
    stack.deploy()
    stack.core.remove()
    error = stack.refused(heal=True)
    assert error.error_code == "no_revision" and "revision 2 removed it" in str(error)


@pytest.mark.parametrize("mode", ["replicated", "replicated-job"])
def test_healing_that_can_not_succeed_changes_nothing_or_is_undone_and_the_drift_stays(stack, mode):
    """A service keeps its port: that is known before. A job may end: the port is waited for."""
    port = stack.text().replace("  worker:\n", "  worker:\n    ports: [{target: 80, published: 18098, mode: host}]\n")
    stack.core.deploy(port)
    stack.by_hand("service update --publish-rm published=18098,target=80,mode=host NAME_worker")
    stack.settled("worker")
    create = f"service create --detach --mode {mode} --name other-NAME"
    stack.by_hand(f"{create} --publish published=18098,target=80,mode=host IMAGE sleep 1d")
    try:
        stack.swarm.wait("the other one", lambda: "1/1" in stack.by_hand("service ls --filter name=other-NAME").stdout)
        before = stack.kinds(stack.drift())
        with pytest.raises(StackwrightError) as caught:
            stack.heal(pending_for=1.0, timeout=20)
        assert stack.kinds(stack.drift()) == before != []
        if mode == "replicated":
            assert caught.value.error_code == "host_port" and "Nothing was changed" in str(caught.value)
        else:
            assert caught.value.details["outcome"]["rollback"] == "done"
            assert stack.history()[0][:3] == (2, "heal", "FAILED")
    finally:
        stack.by_hand("service rm other-NAME")


def test_somebody_deploys_while_healing_waits_for_the_lock(stack, monkeypatch):
    """The revision to heal to is chosen again under the lock: a newer one is never taken back."""
    stack.deploy()
    stack.by_hand("service update --env-add GREETING=hi NAME_web")
    other = Core(stack.bed.node("m1").docker_host, stack.name, stack.folder)
    first = [True]

    def deployed_meanwhile(method, path):
        if method == "POST" and path == "/configs/create" and first.pop() if first else False:
            other.deploy(stack.text("newer"))

    stack.core.transport.before = deployed_meanwhile
    try:
        done = stack.heal()
    finally:
        other.client.close()
    assert (done["changed"], done["revision"], done["drifted"]) == (False, 2, False)
    assert [e for e in stack.service("web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] if "GREETING" in e] == [
        "GREETING=newer"
    ]


LOCKED = [("POST", "/configs/"), ("DELETE", "/configs/")]


def test_a_deployment_tells_what_it_overwrites(stack):
    stack.deploy()
    stack.by_hand("service update --replicas 2 --env-add GREETING=hi --env-add API_TOKEN=by-hand NAME_web")
    stack.by_hand("service create --label com.docker.stack.namespace=NAME --name NAME_debug IMAGE sleep 1d")
    for check in (True, False):
        with pytest.raises(StackwrightError) as caught:
            stack.deploy("hi", on_drift="fail", check=check)
        assert caught.value.error_code == "drift_found"
        # Only the lock, under which a run looks once more (decision 43), and which check mode does not take.
        assert [(how, where[:9]) for how, where in stack.core.writes] == ([] if check else LOCKED)
        paths = [c["path"] for d in caught.value.details["drift"] for c in d["changes"]]
        # The new files want GREETING as it is.
        assert sorted(paths) == ["Mode.Replicated.Replicas", f"{ENV}.API_TOKEN"]
        assert [d["kind"] for d in caught.value.details["drift"]] == ["extra", "edited", "scaled"]
        assert "by-hand" not in str(caught.value) and "by-hand" not in json.dumps(caught.value.details)
    plain = stack.deploy("hi", check=True, on_drift="ignore")
    assert plain["notices"] == [] and "drift" not in plain
    calls = plain["calls"]
    shown = stack.deploy("hi", check=True, on_drift="warn")
    assert shown["calls"] <= calls + 1
    assert len(shown["notices"]) == 3 and f"service {stack.name}_web" in shown["notices"][0]
    done = stack.deploy("hi", on_drift="warn")
    assert done["notices"] == shown["notices"] and done["drift"] == shown["drift"] != []
    assert re.search(r"overwrites changes made by others since revision 1: .*replicas 1 → 2", str(done["notices"]))
    quiet = stack.deploy("hi", on_drift="fail")
    assert (quiet["changed"], quiet["drift"]) == (False, [])
    once = quiet["calls"]
    assert stack.deploy("hi", on_drift="ignore")["calls"] == once
    assert stack.deploy("hello again", on_drift="fail")["drift"] == []


def test_what_a_deployment_without_prune_has_left_is_nobodys_change(stack):
    stack.deploy()
    whole = stack.text("new")
    web_only = whole.partition("  worker:")[0] + whole[whole.index("configs:\n  page") :]
    assert stack.core.deploy(web_only, prune=False, on_drift="fail")["changed"]
    done = stack.core.deploy(web_only, prune=True, on_drift="fail")
    assert (done["changed"], done["drift"]) == (True, [])


def test_jobs_are_compared_and_not_run_again(stack):
    image = stack.bed.images["busybox"]
    text = f"""
services:
  once: {{image: '{image}', command: 'true', environment: {{A: "1"}}, deploy: {{mode: replicated-job}}}}
"""
    stack.core.deploy(text)
    assert not stack.drift()["drifted"] and not stack.heal()["changed"]

    def tasks():
        return {t["ID"] for t in stack.swarm.tasks("") if "A=1" in (t["Spec"]["ContainerSpec"].get("Env") or [])}

    before = tasks()
    stack.by_hand("service create --label com.docker.stack.namespace=NAME --name NAME_more IMAGE sleep 1d")
    stack.heal(prune=True)
    assert tasks() == before and len(before) == 1


def test_an_orphan_of_another_name_and_other_stacks_are_left_alone(stack):
    stack.deploy()
    other = Core(stack.bed.node("m1").docker_host, stack.name + "-x", stack.folder)
    try:
        other.deploy(stack.text())
        stack.by_hand(f"service update --env-add GREETING=hi {other.stack}_web")
        assert not stack.drift()["drifted"]
        stack.by_hand("service rm NAME_worker")
        before = [s["Version"]["Index"] for s in other.client.list("/services") if other.stack in s["Spec"]["Name"]]
        assert stack.heal(prune=True)["changed"]
        after = [s["Version"]["Index"] for s in other.client.list("/services") if other.stack in s["Spec"]["Name"]]
        assert before == after
    finally:
        other.remove()
        other.client.close()


#: As tasks, through ansible-playbook.


@pytest.fixture
def player(stack, tmp_path):
    host = stack.bed.node("m1").docker_host
    return Player(tmp_path, {"manager1": host, "manager2": host})


def test_twelve_steps_of_healing(stack, player):
    """Drift made, healed, healed again; changed otherwise; removed: each also in check mode, on two managers."""
    stack.deploy()
    task = {"stack_drift": {"name": stack.name, "heal": True, "prune": True, "rollout": {"stable_for": 0.2}}}
    label = "--label com.docker.stack.namespace=NAME"
    made = [
        f"service create {label} --name NAME_more IMAGE sleep 1d",
        "service update --env-add GREETING=hi NAME_web",
        "service rm NAME_worker",
    ]

    def specs():
        return sorted((s["Spec"]["Name"], json.dumps(s["Spec"])) for s in stack.swarm.objects("services"))

    for command in made:
        stack.by_hand(command)

        def play(**how):
            run = player.play(task, diff=True, **how)
            assert run.code == 0, run.output[-3000:]
            return run, sum(result["changed"] for result in run.of())

        before = specs()
        shown, changed = play(check=True)
        assert changed == 1 and specs() == before
        assert "+++ after" in shown.output
        done, changed = play()
        assert changed == 1, done.output
        work = next(result for result in done.of() if result["changed"])
        planned = next(result for result in shown.of() if result["changed"])
        assert work["plan_lines"] == planned["plan_lines"] and work["new_revision"]
        assert play(check=True)[1] == 0
        again, changed = play()
        assert changed == 0 and not any(result["drifted"] for result in again.of())


def test_what_is_wrong_with_the_options(stack, player):
    stack.deploy()
    wrong = [
        ({"name": stack.name[:-1] + "*"}, "invalid_name", "is not a valid name"),
        ({"name": stack.name.upper()}, "no_stack", "case-sensitive"),
        ({"name": "nothing"}, "no_stack", "no history"),
        ({"name": stack.name, "ignore": [{"kind": "scalled"}]}, "invalid_options", "unknown kind 'scalled'"),
        ({"name": stack.name, "ignore": [{}]}, "invalid_options", "is empty"),
        ({"name": stack.name, "ignore": [{"path": "Replicas"}]}, "invalid_options", "no path begins"),
        ({"name": stack.name, "ignore": [{"servise": "web"}]}, "invalid_options", "servise"),
    ]
    for options, code, text in wrong:
        run = player.play({"stack_drift": options}, limit="manager1")
        assert (run.code, run.last["error_code"]) == (2, code), run.output
        assert text in run.last["msg"] and "Traceback" not in run.output


def test_the_playbook_reports_fails_and_heals(stack, player):
    stack.deploy()
    playbook = ROOT / "playbooks" / "drift.yml"
    environment = {"DOCKER_HOST": stack.bed.node("m1").docker_host}

    def play(check=False, **variables):
        given = {"stack_name": stack.name, "stack_rollout": {"stable_for": 0.2}, "stack_proxies": [], **variables}
        return player.playbook(playbook, variables=given, environment=environment, check=check, limit="manager1")

    assert play().code == 0
    stack.by_hand("service scale NAME_worker=2")
    failed = play()
    assert failed.code == 2 and "replicas 1 → 2" in failed.output and "has drifted: scaled" in failed.output
    assert play(stack_fail_on_drift=False).code == 0
    assert play(stack_ignore=[{"service": "worker", "kind": "scaled"}]).code == 0
    assert play(check=True, stack_heal=True).code == 0 and stack.drift()["drifted"]
    healed = play(stack_heal=True)
    assert healed.code == 0, healed.output
    assert not stack.drift()["drifted"] and play().code == 0


def test_a_task_that_fails_on_drift_and_one_that_warns_of_it(stack, player):
    stack.deploy()
    stack.by_hand("service update --env-add GREETING=hi NAME_web")
    drift = {"stack_drift": {"name": stack.name, "fail_on_drift": True}}
    run = player.play(drift)
    assert (run.code, {r["error_code"] for r in run.of()}) == (2, {"drift_found"}), run.output
    assert run.last["drift"][0]["kind"] == "edited" and "GREETING hello → hi" in run.last["msg"]
    player.write("compose.yml", stack.text("new"))
    deploy = {"name": stack.name, "src": "compose.yml", "rollout": {"stable_for": 0.2}}
    refused = player.play({"compose_stack": {**deploy, "on_drift": "fail"}})
    assert (refused.code, {r["error_code"] for r in refused.of()}) == (2, {"drift_found"})
    warned = player.play({"compose_stack": deploy})
    assert warned.code == 0, warned.output
    assert re.search(r"WARNING.*overwrites changes made by others", " ".join(warned.output.split()))
    work = next(r for r in warned.of() if r["changed"])
    assert work["drift"][0]["changes"][0]["actual"] == "hi"
    assert any(notice["code"] == "plan" and "GREETING" in notice["message"] for notice in work["notices"])
