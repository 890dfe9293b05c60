"""The role services_registry on a real Swarm: phases in order, each gated, and what a failing one leaves."""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ON_HOST
from playbook import Player

PHASES = ("base", "data", "apps", "edge")
HEAD = """\
phases:
  edge: {order: 4, timeout_seconds: 120}
  base: {order: 1, timeout_seconds: 120, description: The base}
  data: {order: 2, timeout_seconds: 120}
  apps: {order: 3, timeout_seconds: 120}
"""
SERVICE = """\
  {name}:
    image: {image}
    version: "{tag}"
    phase: {phase}
    command: ["sh", "-c", "{command}"]
    environment: {{V: "{value}"}}
    compose: {{stop_grace_period: 1s}}
    depends_on: [{needed}]
"""
LONG = os.environ.get("STACKWRIGHT_LONG") == "1"
BACK = {"services_registry_on_phase_failure": "rollback_all"}
GOOD, BAD = "trap exit TERM; sleep 1d & wait", "exit 3"


class Shop:
    """A registry of ``each`` services in each phase and category: ``base-1``, ``base-2`` and so on."""

    def __init__(self, bed, swarm, folder, phases=PHASES, each=2, managers=1, networks=ON_HOST):
        self.bed, self.swarm, self.folder = bed, swarm, folder
        self.names, self.each, self.options = phases, each, {}
        self.head = HEAD + networks
        self.image, _colon, self.tag = bed.images["busybox"].rpartition(":")
        names = sorted(name for name in bed.nodes if name.startswith("m"))
        # Each further one costs a module for each deployment: one test has all of them.
        self.player = Player(folder, {name: bed.node(name).docker_host for name in names[:managers]})

    def write(self, values=None, commands=None, without=()):
        text = self.head
        for number, phase in enumerate(self.names):
            text += f"group-{phase}:\n" if set(self.services(phase)) - set(without) else ""
            for index in range(1, self.each + 1):
                name = f"{phase}-{index}"
                if name in without:
                    continue
                # The order is that of the phases: only the first of each depends on anything.
                needed = f"{self.names[number - 1]}-{index}" if number and index == 1 else ""
                needed = "" if needed in without else needed
                text += SERVICE.format(
                    name=name,
                    image=self.image,
                    tag=self.tag,
                    phase=phase,
                    command=(commands or {}).get(name, GOOD),
                    value=(values or {}).get(name, (values or {}).get("all", "1")),
                    needed=needed,
                )
        self.player.write("services.registry.yaml", text)

    def services(self, phase):
        return [f"{phase}-{index}" for index in range(1, self.each + 1)]

    def roll_out(self, tasks_from=None, options=None, **how):
        return self.player.play(self.task(tasks_from, options), **how)

    def begin(self, options=None):
        return self.player.begin(self.task(None, options))

    def task(self, tasks_from, options):
        given = {
            "services_registry_name": self.swarm.name,
            "services_registry_src": str(self.folder / "services.registry.yaml"),
            "services_registry_dest": str(self.folder / "generated"),
            "services_registry_rollout": {"stable_for": 0.3, "timeout": 60, "max_restarts": 0},
            **self.options,
            **(options or {}),
        }
        role = {"name": "stackwright.swarm.services_registry", **({"tasks_from": tasks_from} if tasks_from else {})}
        return {"ansible.builtin.include_role": role, "vars": given}

    def values(self):
        """The variable V of each service that runs."""
        found = {}
        for service in self.swarm.objects("services"):
            name = service["Spec"]["Name"].rpartition("_")[2]
            env = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]
            found[name] = next(entry[2:] for entry in env if entry.startswith("V="))
        return found

    def phases(self):
        """The values by phase, one where all services of a phase have the same."""
        found = {}
        for name, value in self.values().items():
            found.setdefault(name.rpartition("-")[0] or name, set()).add(value)
        return {phase: "".join(sorted(values)) for phase, values in found.items()}

    def starts(self):
        """For each phase the first and the last start of a task."""
        names = {s["ID"]: s["Spec"]["Name"].rpartition("_")[2] for s in self.swarm.objects("services")}
        found = {}
        for task in self.swarm.tasks():
            if task["Status"]["State"] == "running":
                found.setdefault(names[task["ServiceID"]].rpartition("-")[0], []).append(task["Status"]["Timestamp"])
        return {phase: (min(times), max(times)) for phase, times in found.items()}

    def revisions(self):
        told = self.player.play({"stack_info": {"name": self.swarm.name, "history": True}}, limit="m1")
        return told.last["stacks"][0]["revisions"]


@pytest.fixture
def shop(bed, swarm, tmp_path):
    return Shop(bed, swarm, tmp_path)


def joined(run):
    """The output without line breaks."""
    return " ".join(run.output.split())


def changed(run):
    return [line["task"] for line in run.lines if line["result"].get("changed")]


def test_phases_in_order_and_what_a_failing_one_leaves(shop):
    shop.write()
    first = shop.roll_out()
    assert first.code == 0, first.output
    assert shop.phases() == dict.fromkeys(PHASES, "1")
    starts = shop.starts()
    assert all(starts[one][1] < starts[two][0] for one, two in zip(PHASES, PHASES[1:])), starts
    revisions = shop.revisions()
    assert [r["metadata"].get("registry_phase") for r in reversed(revisions)] == list(PHASES)
    assert len({r["metadata"]["registry_run"] for r in revisions}) == 1
    assert revisions[0]["metadata"]["registry"] == "services.registry.yaml"

    # The third phase is broken: it undoes itself, what came before stays, what comes after is not touched.
    shop.write({"all": "2"}, {"apps-2": BAD})
    failed = shop.roll_out()
    assert failed.code != 0 and "The phase apps has failed" in failed.output and "exit code 3" in failed.output
    assert shop.phases() == {"base": "2", "data": "2", "apps": "1", "edge": "1"}


@pytest.mark.skipif(not LONG, reason="several rollouts of twelve services: STACKWRIGHT_LONG=1 runs it")
def test_rollouts_of_every_kind(bed, swarm, tmp_path):
    shop = Shop(bed, swarm, tmp_path, each=3, managers=3)
    shop.write()
    assert shop.roll_out().code == 0
    count = len(shop.revisions())
    again = shop.roll_out()
    assert again.code == 0, again.output
    assert changed(again) == [] and len(shop.revisions()) == count

    # By choice, the phases before the one that fails are rolled back as well.
    shop.write({"all": "3"}, {"apps-2": BAD})
    failed = shop.roll_out(options=BACK)
    assert failed.code != 0 and "were rolled back too" in failed.output
    assert shop.phases() == dict.fromkeys(PHASES, "1")

    # Some services with what they depend on; the others stay, and nothing is removed.
    shop.write({"all": "4"}, without=["edge-3"])
    some = shop.roll_out(options={"services_registry_only": "data-1"})
    assert some.code == 0, some.output
    values = shop.values()
    assert {name for name, value in values.items() if value == "4"} == {"base-1", "data-1"} and len(values) == 12

    # The whole again: what is no longer in the registry goes last.
    whole = shop.roll_out()
    assert whole.code == 0, whole.output
    assert shop.phases() == dict.fromkeys(PHASES, "4") and "edge-3" not in shop.values()

    # What somebody else has deployed in between is not undone.
    facts = {
        "services_registry_step": {"name": "apps"},
        "services_registry_run": shop.revisions()[0]["metadata"]["registry_run"],
    }
    own = {"image": f"{shop.image}:{shop.tag}", "command": ["sleep", "1d"], "environment": {"V": "own"}}
    deployed = {"name": shop.swarm.name, "definition": {"services": {"own": own}}, "prune": False}
    assert shop.player.play({"compose_stack": deployed}).code == 0
    refused = shop.roll_out("step_rollback.yml", options=facts)
    assert refused.code != 0 and "another run has changed the stack since" in " ".join(refused.output.split())
    assert shop.phases() == {**dict.fromkeys(PHASES, "4"), "own": "own"}


def test_a_first_rollout_that_fails_leaves_nothing_if_so_chosen(bed, swarm, tmp_path):
    shop = Shop(bed, swarm, tmp_path, each=1)
    shop.write({"all": "1"}, {"data-1": BAD})
    would = shop.roll_out(check=True, diff=True)
    assert would.code == 0, would.output
    assert changed(would) and shop.values() == {} and "1. base (120 s): base-1 → changes base-1" in would.output
    assert not (shop.folder / "generated").exists()
    failed = shop.roll_out(options=BACK)
    assert failed.code != 0
    assert shop.values() == {}


def test_a_rollout_that_was_killed_is_continued_and_undone_as_one(bed, swarm, tmp_path):
    shop = Shop(bed, swarm, tmp_path, phases=("base", "data", "apps"), each=1)
    shop.options = {"services_registry_preflight": False}
    shop.write()
    run = shop.begin()
    run.until(": Phase data]")  # the first phase has ended, the second has not begun
    run.kill()
    assert shop.phases() == {"base": "1"}
    again = shop.roll_out()
    assert again.code == 0, again.output
    assert shop.phases() == {"base": "1", "data": "1", "apps": "1"}
    revisions = shop.revisions()
    assert len({r["metadata"]["registry_run"] for r in revisions}) == 1, "both runs are one rollout"
    assert [r["metadata"].get("registry_left", "") for r in revisions] == ["", "apps", "data, apps"]

    # Killed in the second phase: the manager completes it. The third then fails, and the whole rollout goes back.
    shop.write({"all": "2"}, {"apps-1": BAD})
    run = shop.begin(BACK)
    run.until("update service " + swarm.name + "_data-1")
    run.kill()
    failed = shop.roll_out(options=BACK)
    assert failed.code != 0 and "were rolled back too" in joined(failed), failed.output
    assert shop.phases() == {"base": "1", "data": "1", "apps": "1"}
    back = shop.revisions()[0]
    assert (back["operation"], back["back_to"], back["status"]) == ("rollback", 3, "HEALTHY")


REACHES = (
    "for i in 1 2 3 4 5 6 7 8 9 10; do nslookup base-1 && break; sleep 0.5; done; nslookup base-1 || exit 4; " + GOOD
)


def test_one_stack_per_category(bed, swarm, tmp_path):
    shop = Shop(bed, swarm, tmp_path, phases=("base", "apps"), each=1, networks="")
    shop.options = {"services_registry_stacks": "per_category", "services_registry_preflight": False}
    reaches = {"apps-1": REACHES}
    shop.write(commands=reaches)
    would = shop.roll_out(check=True)
    assert would.code == 0, would.output
    assert "2. apps (120 s): apps-1 → changes apps-1" in would.output and changed(would)
    assert not swarm.objects("networks") and shop.values() == {}

    first = shop.roll_out()
    assert first.code == 0, first.output
    assert shop.phases() == {"base": "1", "apps": "1"}
    starts = shop.starts()
    assert starts["base"][1] < starts["apps"][0]
    assert [network["Name"] for network in swarm.objects("networks")] == [f"{swarm.name}_default"]
    stacks = {s["Spec"]["Labels"]["com.docker.stack.namespace"] for s in swarm.objects("services")}
    assert stacks == {f"{swarm.name}-group-{phase}" for phase in ("base", "apps")}
    again = shop.roll_out()
    assert again.code == 0 and changed(again) == [], again.output

    # The last phase is broken: by choice the stacks of the phases before go back too.
    shop.write({"all": "2"}, {"apps-1": BAD})
    failed = shop.roll_out(options=BACK)
    assert failed.code != 0 and "were rolled back too" in joined(failed), failed.output
    assert shop.phases() == {"base": "1", "apps": "1"}

    # A category that is no longer in the registry loses its stack, after the last phase.
    shop.write({"all": "3"}, without=["apps-1"])
    less = shop.roll_out()
    assert less.code == 0, less.output
    assert shop.phases() == {"base": "3"}


def test_generated_files_are_verified(shop):
    shop.write()
    run = shop.roll_out(options={"services_registry_generate": "verify"})
    assert run.code != 0 and "differ from those that" in " ".join(run.output.split())
    assert shop.values() == {}
    overlay = {"services_registry_environment": "prod", "services_registry_generate": "verify"}
    shop.player.write("services.registry.prod.yaml", json.dumps({"group-base": {"base-1": {"nonsense": 1}}}))
    run = shop.roll_out(options=overlay)
    assert run.code != 0 and "services.registry.prod.yaml" in run.output and "nonsense" in run.output
