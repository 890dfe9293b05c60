"""A run without changes is remembered: the next one is short, says the same, and never passes over a change."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ON_HOST
from playbook import Player

COMPOSE = """\
services:
  web:
    image: {image}
    command: ["sleep", "1d"]
    stop_grace_period: 1s
    environment:
      TOKEN: hunter2-planted
    configs: [page]
configs:
  page:
    content: hello
"""
KEPT = """\
services:
  web:
    image: {image}
    command: ["sleep", "1d"]
    stop_grace_period: 1s
    environment:
      PASSWORD: "{{{{ generate_secure_password }}}}"
"""


class Stack:
    """One stack, played with a temporary folder of its own on the manager."""

    def __init__(self, bed, swarm, folder, text):
        self.node, self.name, self.folder = bed.node("m1"), swarm.name, folder
        files = {"compose.yml": text.format(image=bed.images["busybox"]) + ON_HOST}
        self.player = Player(folder, {"m1": self.node.docker_host}, files)

    def run(self, check=False, diff=False, **options):
        options = {"name": self.name, "src": "compose.yml", "rollout": {"timeout": 60}, **options}
        values = {"path": str(self.folder / "facts.d"), "store": "host_facts"}
        variables = {"ansible_remote_tmp": str(self.folder / "remote")}
        played = self.player.play(
            {"compose_stack": {"values": values, **options}}, check=check, diff=diff, variables=variables
        )
        assert played.code == 0, played.output
        return played.last

    def records(self):
        """The records, each with the number that its file got when it was written."""
        return {path: path.stat().st_ino for path in self.folder.glob("remote/stackwright-*/seen-*.json")}

    def cli(self, *arguments):
        return self.node.cli(["docker", *arguments]).stdout.strip()

    def settled(self):
        """Deployed, and remembered."""
        assert self.run()["changed"]
        assert not self.run()["changed"]
        assert len(self.records()) == 1


@pytest.fixture
def stack(bed, swarm, tmp_path):
    made = Stack(bed, swarm, tmp_path, COMPOSE)
    made.settled()
    return made


def test_a_run_that_is_remembered_says_the_same_and_no_more_is_sent(stack):
    # Anew: the record is of a run, not of one that was remembered.
    for path in stack.records():
        path.unlink()
    whole = stack.run()
    records = stack.records()
    again = stack.run()
    assert again == whole
    assert again["status"] == "healthy" and again["calls"] <= 6
    assert stack.records() == records, "the whole module was sent"


def test_metadata_and_who_asks_make_no_difference(stack):
    """Neither does it whether a run only plans changes, if there are none."""
    records = stack.records()
    planned = stack.run(metadata={"release": "2"}, on_changes="plan")
    assert planned["would_change"] is False and stack.records() == records, "the whole module was sent"
    for path in records:
        path.unlink()
    assert stack.run(on_changes="plan") == planned
    records = stack.records()
    assert len(records) == 1 and not stack.run()["changed"]
    assert stack.records() == records, "the whole module was sent"


def test_a_comparison_that_finds_nothing_is_remembered_as_well(stack):
    compare = {"stack_drift": {"name": stack.name}}
    variables = {"ansible_remote_tmp": str(stack.folder / "remote")}
    before = stack.records()
    whole = stack.player.play(compare, variables=variables).last
    assert whole["drifted"] is False
    records = stack.records()
    assert len(records) == len(before) + 1
    assert stack.player.play(compare, variables=variables).last == whole
    assert not stack.run()["changed"]
    assert stack.records() == records, "the whole module was sent"
    stack.cli("service", "scale", f"{stack.name}_web=2")
    found = stack.player.play(compare, variables=variables).last
    assert found["drifted"] and "replicas" in found["drift_lines"][0]
    assert stack.player.play(compare, variables=variables).last["drift_lines"] == found["drift_lines"]


def test_nothing_secret_is_in_a_record(stack):
    for path in stack.records():
        assert "hunter2" not in path.read_text()
        assert path.stat().st_mode & 0o077 == 0


def test_what_others_change_is_seen(stack):
    other = (
        "config",
        "create",
        "--label",
        "com.docker.stack.namespace={}",
        "{}_other",
        str(stack.folder / "compose.yml"),
    )
    for arguments in (
        ("service", "scale", "{}_web=2"),
        ("service", "update", "--detach", "--args", "sh -c 'exit 1'", "--restart-max-attempts", "0", "{}_web"),
        other,
        ("service", "rm", "{}_web"),
        ("stack", "rm", "{}"),
    ):
        stack.cli(*(word.replace("{}", stack.name) for word in arguments))
        assert stack.run()["changed"], arguments
        assert not stack.run()["changed"], arguments


def test_other_files_options_and_modes_are_other_runs(stack):
    text = (stack.folder / "compose.yml").read_text()
    stack.player.write("compose.yml", text.replace("content: hello", "content: bye"))
    announced = stack.run(check=True)
    assert announced["changed"]
    assert stack.run()["plan"] == announced["plan"]
    stack.player.write("compose.yml", text)
    assert stack.run(state="stopped", src=None)["changed"]
    assert stack.run()["changed"]
    assert not stack.run(check=True, diff=True)["changed"]
    assert not stack.run(check=True, diff=True)["changed"]
    assert stack.run(restart=["web"])["changed"]


def test_kept_values_that_are_changed_are_seen(bed, swarm, tmp_path):
    stack = Stack(bed, swarm, tmp_path, KEPT)
    stack.settled()
    records = stack.records()
    assert not stack.run()["changed"]
    assert stack.records() == records, "the whole module was sent"
    secret = stack.cli("service", "inspect", f"{stack.name}_web", "--format", "{{json .Spec.TaskTemplate}}")
    secret = json.loads(secret)["ContainerSpec"]["Env"][0].partition("=")[2]
    assert len(secret) > 10
    assert [path for path in records if secret in path.read_text()] == []
    # Another run has made it anew meanwhile.
    store = {"path": str(tmp_path / "facts.d"), "store": "host_facts"}
    named = {"name": stack.name, "names": ["web/PASSWORD"], "state": "regenerated", **store}
    assert stack.player.play({"stack_values": named}).last["changed"]
    assert stack.run()["changed"]
    assert not stack.run()["changed"]


def test_damaged_or_foreign_records_are_no_obstacle(stack):
    for path in stack.records():
        path.write_text("{")
    assert not stack.run()["changed"]
    for path in stack.records():
        data = json.loads(path.read_text())
        path.write_text(
            json.dumps({**data, "result": {**data["result"], "changed": 1, "failed": "x"}, "request": "other"})
        )
    assert not stack.run()["changed"]
