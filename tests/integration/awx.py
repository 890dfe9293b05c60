"""Jobs as AWX starts them: ansible-runner, the answers of a survey as extra variables, and artifacts handed on."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import ansible_runner
import yaml
from playbook import BIN, ROOT

SURVEYS = ROOT / "extensions" / "awx" / "surveys"
NAMES = sorted(path.stem for path in SURVEYS.glob("*.json"))


def survey(name: str) -> dict:
    return json.loads((SURVEYS / f"{name}.json").read_text())


def variables_of(name: str) -> set[str]:
    """What a playbook takes: what its head names, and the options of the roles that it uses."""
    text = (ROOT / "playbooks" / f"{name}.yml").read_text()
    head = text[: text.index("\n- ")]
    kinds = "stack|swarm|services_registry|maintenance|prune|audit|raft|report|care|cron|autoscale|evidence"
    kinds += "|environment|sweep|bundle|volume_move|volume_snapshot|volume_restore"
    found = set(re.findall(rf"\b(?:{kinds})_\w+", head))
    for role in re.findall(r"stackwright\.swarm\.(stack|swarm_platform|swarm_cluster|services_registry)\b(?=\n)", text):
        specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
        if "tasks_from" not in text or "else 'main'" in text:
            found |= set(specs["argument_specs"]["main"]["options"])
    return found


def refusals(question: dict, answer: object) -> list[str]:
    """Why AWX would not take an answer to a question, by its rules."""
    kind, name = question["type"], question["variable"]
    if kind in ("text", "textarea", "password"):
        if not isinstance(answer, str):
            return [f"{name}: not a text"]
        least, most = question["min"] or 0, question["max"]
        return [] if least <= len(answer) <= most else [f"{name}: {len(answer)} characters"]
    if kind == "multiplechoice":
        return [] if answer in question["choices"] else [f"{name}: {answer!r} is none of {question['choices']}"]
    return [f"{name}: type {kind} is not used here"]


@dataclass
class Job:
    code: int
    artifacts: dict = field(default_factory=dict)
    events: list = field(default_factory=list)

    @property
    def output(self) -> str:
        return "\n".join(event["stdout"] for event in self.events)

    @property
    def errors(self) -> list[dict]:
        """What tasks that failed gave back."""
        return [event["event_data"]["res"] for event in self.events if event["event"] == "runner_on_failed"]


class Controller:
    """Launches jobs on an inventory; ``folder`` is the private data folder of ansible-runner, ``bin`` one that has its
    ansible-playbook."""

    def __init__(self, folder: Path, inventory: Path, bin: str):
        self.folder, self.inventory, self.bin = folder, inventory, bin

    def launch(self, name: str, answers: dict, handed: dict | None = None, check: bool = False) -> Job:
        """A job of a template with the survey ``name``; ``handed`` are artifacts of jobs before it in a workflow."""
        answered = {}
        for question in survey(name)["spec"]:
            answer = answers.get(question["variable"], question["default"])
            refused = refusals(question, answer)
            if question["variable"] in answers or question["required"]:
                assert not refused, refused
            # As AWX: a default that is not a valid answer is left out; an empty text is valid.
            if not refused:
                answered[question["variable"]] = answer
        unknown = set(answers) - {question["variable"] for question in survey(name)["spec"]}
        assert not unknown, f"the survey {name} does not ask for {unknown}"
        events: list[dict] = []
        done = ansible_runner.run(
            private_data_dir=str(self.folder),
            playbook=str(ROOT / "playbooks" / f"{name}.yml"),
            inventory=str(self.inventory),
            # As in a workflow: what was answered to it wins over what an earlier job has handed on.
            extravars={**(handed or {}), **answered},
            cmdline="--check --diff" if check else "--diff",
            envvars={
                "PATH": f"{self.bin}:{BIN}:{os.environ['PATH']}",
                "HOME": os.environ["HOME"],
                "LC_ALL": "C.UTF-8",
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
                "ANSIBLE_HOME": str(self.folder / ".ansible"),
            },
            quiet=True,
            event_handler=lambda event: events.append(event) or False,
        )
        artifacts = [e["event_data"]["artifact_data"] for e in events if "artifact_data" in e.get("event_data", {})]
        return Job(done.rc, artifacts[-1] if artifacts else {}, events)


__all__ = ["NAMES", "Controller", "Job", "refusals", "survey", "variables_of"]
