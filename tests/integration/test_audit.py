"""The callback audit in real runs: what changes, what is refused, what is read; and the playbook that checks it."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import ROOT, Player

PLANTED = "planted-value-3141"
FILE = """\
services:
  web:
    image: {image}
    command: sleep 1d
    stop_grace_period: 1s
    environment: {{APP_PASSWORD: {planted}, KEPT: "{{{{ generate_secure_password }}}}"}}
"""


class Audited:
    def __init__(self, player, path, docker_host):
        self.player, self.path, self.docker_host = player, path, docker_host

    def environment(self, **more):
        return {
            "DOCKER_HOST": self.docker_host,
            "ANSIBLE_CALLBACKS_ENABLED": "results,stackwright.swarm.audit",
            "STACKWRIGHT_AUDIT_FILE": str(self.path),
            **more,
        }

    def play(self, *tasks, env=(), **how):
        return self.player.play(*tasks, environment=self.environment(**dict(env)), **how)

    def verify(self):
        return self.player.playbook(
            ROOT / "playbooks" / "audit_verify.yml",
            variables={"audit_file": str(self.path)},
            environment={"ANSIBLE_CALLBACKS_ENABLED": "results"},
        )

    @property
    def lines(self):
        return [json.loads(line) for line in self.path.read_text().splitlines()]


@pytest.fixture
def audited(bed, swarm, tmp_path):
    text = FILE.format(image=bed.images["busybox"], planted=PLANTED)
    player = Player(tmp_path, {"m1": swarm.docker_host, "m2": swarm.docker_host}, {"compose.yml": text})
    return Audited(player, tmp_path / "audit.jsonl", swarm.docker_host)


def test_a_story_is_audited_and_its_alterations_are_found(audited, swarm):
    deploy = {
        "compose_stack": {
            "name": swarm.name,
            "src": str(audited.player.folder / "compose.yml"),
            "resolve_image": "never",
            "rollout": {"stable_for": 0.5},
            "values": {"store": "swarm"},
        }
    }
    wrong = {"compose_stack": {"name": swarm.name, "definition": "services: {web: {}}"}, "ignore_errors": True}
    read = {
        "stack_values": {"name": swarm.name, "names": ["web/KEPT"], "state": "read", "store": "swarm"},
        "no_log": True,
    }
    run = audited.play(deploy, wrong, read, deploy)
    assert run.code == 0, run.output
    told = audited.lines
    events = [line["event"] for line in told]
    # What concerns the cluster is told once, however many managers; each host is refused, and reads, by itself.
    assert events == ["chain_begun", "change", "refused", "refused", "value_read", "value_read"], told
    change = next(line for line in told if line["event"] == "change")
    assert (change["stack"], change["revision"], change["outcome"]) == (swarm.name, 1, "changed")
    assert change["plan_id"] and change["who"] and change["seconds"] > 0 and change["play"]
    refused = next(line for line in told if line["event"] == "refused")
    assert refused["error_code"] == "invalid_compose"
    assert "has no image" in refused["reason"]
    (service,) = swarm.objects("services")
    variables = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]
    kept = next(text for text in variables if text.startswith("KEPT=")).partition("=")[2]
    text = audited.path.read_text()
    assert PLANTED not in text and kept not in text
    assert stat.S_IMODE(audited.path.stat().st_mode) == 0o600
    good = audited.verify()
    assert good.code == 0 and "none altered" in good.output, good.output
    lines = text.splitlines(keepends=True)
    audited.path.write_text("".join(lines[:1] + lines[2:]))
    cut = audited.verify()
    assert cut.code != 0 and "1 lines before it are missing" in cut.output, cut.output


def test_a_disk_that_can_not_be_written_stops_nothing_unless_strict(audited, swarm):
    audited.path = Path("/dev/full")
    wrong = {"compose_stack": {"name": swarm.name, "definition": "services: {web: {}}"}, "ignore_errors": True}
    run = audited.play(wrong, {"ansible.builtin.debug": {"msg": "went on"}})
    assert run.code == 0 and "went on" in run.output
    assert "audit: /dev/full" in " ".join(run.output.split()), run.output
    strict = audited.play({"ansible.builtin.debug": {"msg": "went on"}}, env={"STACKWRIGHT_AUDIT_STRICT": "true"})
    assert strict.code != 0 and "went on" not in strict.output, strict.output
