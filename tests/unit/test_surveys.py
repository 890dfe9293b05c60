"""Each playbook's survey for AWX asks for every variable of the playbook."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
#: It creates the job templates, and runs outside of AWX.
NO_JOB = {"awx_setup"}
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml") if path.stem not in NO_JOB)
ANSWER = re.compile(
    r"\b((?:stack|maintenance|services_registry|prune|audit|care|cron|raft|report|swarm_cluster|autoscale|evidence|environment|sweep|bundle|volume_move|volume_snapshot|volume_restore)"
    r"_\w+) "
    r"(?:\| (?:default|mandatory)\([^)]*\) )?\| stackwright\.swarm\.answer"
)
#: The workflow passes it on; no one enters it (docs/guides/awx.md).
NOT_ASKED = {"stack_plan_id"}


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_a_survey_asks_for_all_that_its_playbook_takes(name):
    texts = [ROOT / "playbooks" / f"{name}.yml"]
    # The tasks that it includes.
    texts += (
        ROOT / "playbooks" / "tasks" / file for file in re.findall(r"include_tasks: tasks/(\S+)", texts[0].read_text())
    )
    taken = {variable for text in texts for variable in ANSWER.findall(text.read_text())}
    survey = json.loads((ROOT / "extensions" / "awx" / "surveys" / f"{name}.json").read_text())
    assert taken - NOT_ASKED <= {question["variable"] for question in survey["spec"]}


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_without_the_name_of_the_stack_the_error_says_what_to_set(name):
    text = (ROOT / "playbooks" / f"{name}.yml").read_text()
    used = re.findall(r'^ +name: "\{\{ stack_name( \| \w+)?', text, re.M)
    assert set(used) <= {" | mandatory", " | default"}


def test_the_guide_lists_each_playbook_with_its_survey():
    rows = re.findall(r"^\| `(\w+)` \| \[\1\.json\]", (ROOT / "docs" / "guides" / "awx.md").read_text(), re.M)
    assert sorted(rows) == PLAYBOOKS


def test_awx_gets_a_job_template_for_each_playbook():
    made = yaml.safe_load((ROOT / "roles/awx_setup/vars/main.yml").read_text())["awx_setup_catalogue"]
    assert sorted(one["playbook"] for one in made) == PLAYBOOKS


def test_the_pattern_finds_what_playbooks_take():
    assert sum(bool(ANSWER.search((ROOT / "playbooks" / f"{name}.yml").read_text())) for name in PLAYBOOKS) >= 4
