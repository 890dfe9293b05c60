"""The role awx_setup with the modules of awx.awx, against an AWX that only keeps its objects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent)]

import forks
from awx_server import Awx
from playbook import TIMEOUT, python

ROOT = Path(__file__).resolve().parents[2]
COMPARE = ROOT / ".cache" / "compare"
GIVEN = {
    "awx_setup_organization": "Acme",
    "awx_setup_scm_url": "https://git.example.com/acme/stacks.git",
    "awx_setup_credentials": ["Managers"],
    "awx_setup_environment_image": "registry.example.com/stackwright:1",
    "awx_setup_teams": {"viewer": "Support", "operator": "Developers", "admin": "Operations"},
}
#: A module of awx.awx for each takes a second.
FEW = ["status", "care", "deploy"]


@pytest.fixture(scope="module")
def awx_collection():
    """The folder with awx.awx, of the package that the benchmark compares with."""
    done = subprocess.run(
        ["sh", str(ROOT / "tests/tools/compare_venv.sh")], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"awx.awx can't be installed: {done.stderr[-500:]}")
    return next(COMPARE.glob("lib/python3*/site-packages"))


@pytest.fixture
def awx():
    with Awx() as server:
        organization = server.add("organizations", name="Acme")
        server.add("credentials", name="Managers", organization=organization["id"])
        yield server


@pytest.fixture
def setup(awx, awx_collection, tmp_path):
    def run(check=False, code=0, **given):
        variables = {**GIVEN, "awx_setup_templates": FEW, **given, "ansible_python_interpreter": python()}
        command = [str(Path(sys.executable).parent / "ansible-playbook"), str(ROOT / "playbooks/awx_setup.yml")]
        command += ["-i", "localhost,", "-e", json.dumps(variables), *(["--check"] if check else [])]
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / '.cache/collections'}:{awx_collection}",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "CONTROLLER_HOST": awx.url,
            "CONTROLLER_OAUTH_TOKEN": "planted-token",
            "ANSIBLE_STDOUT_CALLBACK": "json",
        }
        before = len(awx.writes)
        done = forks.run(command, tmp_path, environment, TIMEOUT)
        assert done.returncode == code, done.stdout[-3000:] + done.stderr[-500:]
        assert "planted-token" not in done.stdout + done.stderr
        told = json.loads(done.stdout[done.stdout.index("{") :])
        return told["stats"]["localhost"]["changed"], awx.writes[before:], done.stdout

    return run


def test_everything_is_made_once_changed_and_removed(awx, setup):
    changed, writes, _out = setup()
    assert changed and writes
    assert len(awx.all("job_templates")) == len(FEW) == len(awx.surveys) - 1
    deploy = next(one for one in awx.all("job_templates") if one["playbook"] == "deploy.yml")
    assert deploy["ask_job_type_on_launch"] and deploy["name"] == "Deploy a stack"
    nodes = {one["identifier"]: one for one in awx.all("workflow_job_template_nodes")}
    assert set(nodes) == {"check", "approve", "apply"}
    assert (nodes["check"]["job_type"], nodes["apply"]["job_type"]) == ("check", "run")
    (workflow,) = (survey for key, survey in awx.surveys.items() if key[0] == "workflow_job_templates")
    assert "stack_plan_id" not in {question["variable"] for question in workflow["spec"]}
    (schedule,) = awx.all("schedules")
    assert "FREQ=DAILY" in schedule["rrule"]

    teams = {one["name"]: number for (kind, number), one in awx.objects.items() if kind == "teams"}
    may = {name: set() for name in teams}
    for number, template in ((n, one) for (kind, n), one in awx.objects.items() if kind == "job_templates"):
        for name, team in teams.items():
            if team in awx.links.get(("roles", number * 100, "teams"), []):
                may[name].add(template["playbook"][: -len(".yml")])
    # care prunes nodes, which is not for those who only look.
    assert may == {
        "Support": {"status"},
        "Developers": {"status", "deploy"},
        "Operations": {"status", "deploy", "care"},
    }

    changed, writes, _out = setup()
    assert (changed, writes) == (0, [])
    given = {"awx_setup_variables": {"deploy": {"stack_shared_networks": ["public"]}}}
    changed, writes, _out = setup(check=True, **given)
    assert (changed, writes) == (1, [])
    assert setup(**given)[0] == 1

    gone = {"awx_setup_state": "absent"}
    assert setup(**gone)[0]
    for kind in ("job_templates", "workflow_job_templates", "schedules", "projects", "credential_types"):
        assert awx.all(kind) == [], kind
    assert awx.all("organizations") and awx.all("teams") and awx.all("inventories")
    assert setup(**gone)[0] == 0


def test_a_dry_run_says_all_and_asks_nobody(awx, setup):
    changed, writes, shown = setup(awx_setup_dry_run=True)
    assert not changed and not writes
    for line in (
        "job template Deploy a stack: deploy.yml, for operator",
        "team Support: viewer",
        "check, approve, apply",
    ):
        assert line in shown


@pytest.mark.parametrize(
    "given",
    [
        {"awx_setup_organization": ""},
        {"awx_setup_scm_url": ""},
        {"awx_setup_templates": ["deploy", "deployment"]},
        {"awx_setup_templates": ["deploy"]},
        {"awx_setup_teams": {"boss": "Operations"}},
    ],
    ids=[
        "no organization",
        "no repository",
        "an unknown playbook",
        "a schedule without its template",
        "an unknown level",
    ],
)
def test_what_is_wrong_is_said_before_anything_is_made(awx, setup, given):
    _changed, writes, shown = setup(code=2, **given)
    assert not writes and "Nothing was changed in AWX" in shown
