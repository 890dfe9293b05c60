"""The playbooks as jobs of AWX: surveys whose answers are texts, and check, approval and apply as one workflow."""

import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("ansible_runner", reason="ansible-runner is not installed")

import forks
import warm
from awx import NAMES, Controller, refusals, survey, variables_of
from playbook import ROOT
from testbed import inventory

PLANTED = "planted-7f3a"
FILE = """\
services:
  web:
    image: ${IMAGE}
    command: [sh, -c, "echo $$EDITION > /www/index.html && exec httpd -f -p 8000 -h /www"]
    environment: {EDITION: "${EDITION}", DB_PASSWORD: PLANTED}
    stop_grace_period: 1s
    volumes: ["data:/data"]
    secrets: [token]
    deploy:
      endpoint_mode: dnsrr
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: ${DOMAIN:-page}.example.com
        stackwright.http.routes.0.tls: "off"
secrets:
  token: {content: PLANTED}
volumes:
  data: {}
""".replace("PLANTED", PLANTED)
MORE = "services: {web: {hostname: from-the-second-file}}\n"
PORT = "18095"


#: Those that run in AWX: awx_setup makes the job templates.
JOBS = sorted({path.stem for path in (ROOT / "playbooks").glob("*.yml")} - {"awx_setup"})


@pytest.mark.parametrize("name", JOBS)
def test_each_playbook_has_a_survey_that_asks_what_it_takes(name):
    assert name in NAMES
    asked = survey(name)
    assert set(asked) == {"name", "description", "spec"} and asked["spec"]
    questions = {question["variable"]: question for question in asked["spec"]}
    assert len(questions) == len(asked["spec"])
    assert not set(questions) - variables_of(name), "the playbook says nothing of these"
    text = (ROOT / "playbooks" / f"{name}.yml").read_text()
    stack_name = re.search(r"^#   stack_name.*", text, re.M)
    required = {"stack_name"} if stack_name and "by default" not in stack_name.group() else set()
    required |= {"stack_confirm"} if name == "cleanup" else set()  # what it removes is gone
    required |= set(re.findall(r"^#   (\w+) .*, required\b", text, re.M))
    assert {variable for variable, question in questions.items() if question["required"]} == required
    keys = {"question_name", "question_description", "required", "type", "variable", "default", "choices", "min", "max"}
    # An answer wins over what an earlier job of the workflow has handed on, and be it an empty one.
    handed = {f"stack_{key}" for key in re.findall(r"^ {10}stack_(\w+):", text, re.M)}
    assert not handed & set(questions)
    for question in asked["spec"]:
        assert set(question) == keys
        if question["default"]:
            assert not refusals(question, question["default"])
        # Each one is used where its answer, a text, is understood.
        variable = question["variable"]
        role = next(
            (role for role in ("swarm_platform", "swarm_cluster", "services_registry") if variable.startswith(role)),
            "stack",
        )
        parts = [*(ROOT / "roles" / role).glob("[tv]*/*.yml"), *(ROOT / "playbooks" / "tasks").glob("*.yml")]
        used = text + "".join(path.read_text() for path in parts)
        understood = rf"\b{variable} \| (default\((''|[\w':]+, true)\)|stackwright\.swarm\.answer)"
        assert re.search(understood, used), f"{variable} is nowhere read as an answer"


@pytest.fixture
def controller(bed, swarm, tmp_path):
    inventory.write(bed, tmp_path / "inventory.json", warm.interpreter(), guestbook=False)
    project = tmp_path / "project"
    project.mkdir()
    (project / "compose.yml").write_text(FILE)
    (project / "more.yml").write_text(MORE)
    with forks.command() as folder:
        yield Controller(tmp_path, tmp_path / "inventory.json", folder)


def page(bed, domain):
    request = urllib.request.Request(f"http://{bed.node().address}:{PORT}/", headers={"Host": f"{domain}.example.com"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_a_workflow_of_checks_and_approvals(bed, swarm, controller):
    folder = controller.folder
    run_folder = str(bed.record.run_folder)
    platform = {
        "swarm_platform_image": bed.images["caddy"],
        "swarm_platform_network": f"{swarm.name}-net",
        "swarm_platform_http_port": PORT,
        "swarm_platform_https_port": "0",
        "swarm_platform_network_encrypted": "false",
        "swarm_platform_constraints": "node.role == manager\nnode.platform.os == linux",
    }
    # Where the proxy is and how it is called stands in the template's variables, not in the survey.
    fixed = {
        "swarm_platform_stack": f"{swarm.name}-proxy",
        "swarm_platform_folder": f"{inventory.own_folder(bed)}/caddy-{swarm.name}",
        "swarm_platform_rollout": {"stable_for": 0.3},
        "stack_admin": [f"unix://{inventory.own_folder(bed)}/caddy-{swarm.name}/admin.sock"],
    }
    made = controller.launch("bootstrap", platform, fixed)
    assert made.code == 0, made.output
    (proxy,) = [s for s in swarm.objects("services") if s["Spec"]["Name"] == f"{swarm.name}-proxy_caddy"]
    assert [port["PublishedPort"] for port in proxy["Spec"]["EndpointSpec"]["Ports"]] == [int(PORT)]
    assert len(proxy["Spec"]["TaskTemplate"]["Placement"]["Constraints"]) == 2
    again = controller.launch("bootstrap", platform, fixed)
    assert again.code == 0 and "changed: [" not in again.output, again.output

    stack = f"{swarm.name}-page"
    answers = {
        "stack_name": f"{stack} ",
        "stack_src": f"{folder}/project/compose.yml\n{folder}/project/more.yml\n",
        "stack_variables": f"IMAGE={bed.images['busybox']}\nEDITION=1.10\n",
        "stack_shared_networks": f"{swarm.name}-net,",
        "stack_values": f"store=host_facts\npath={run_folder}/facts.d",
        "stack_rollout": "stable_for=0.3\ntimeout=60",
        "stack_strict": "false",
        "stack_proxies": "m1",
    }
    jobs = []

    def launch(name, given, handed=None, check=False):
        jobs.append(controller.launch(name, given, {**fixed, **(handed or {})}, check))
        return jobs[-1]

    # Check, approval, apply; the approval node has nothing to do with us.
    looked = launch("deploy", answers, check=True)
    assert looked.code == 0, looked.output
    plan = looked.artifacts["stack_plan_id"]
    assert plan and looked.artifacts == {
        "stack_plan_id": plan,
        "stack_changed": True,
        "stack_revision": "",
        "stack_status": "",
    }
    assert not [s for s in swarm.objects("services") if s["Spec"]["Name"].startswith(stack)]
    done = launch("deploy", answers, looked.artifacts)
    assert done.code == 0, done.output
    assert done.artifacts == {
        "stack_plan_id": "",
        "stack_changed": True,
        "stack_revision": 1,
        "stack_status": "healthy",
    }
    assert page(bed, "page") == (200, "1.10")
    (service,) = [s for s in swarm.objects("services") if s["Spec"]["Name"] == f"{stack}_web"]
    assert service["Spec"]["TaskTemplate"]["ContainerSpec"]["Hostname"] == "from-the-second-file"

    # A job that follows has the artifacts of the one before, and none of its plans.
    quiet = launch("deploy", answers, done.artifacts)
    assert quiet.code == 0 and quiet.artifacts["stack_changed"] is False, quiet.output
    second = {**answers, "stack_variables": f"IMAGE: {bed.images['busybox']}\nEDITION: two\nDOMAIN: new"}
    stale = launch("deploy", second, {"stack_plan_id": plan})
    assert stale.code != 0 and stale.errors[-1]["error_code"] == "plan_stale", stale.output
    assert stale.artifacts == {}
    looked = launch("deploy", second, check=True)
    done = launch("deploy", second, looked.artifacts)
    assert done.code == 0 and done.artifacts["stack_revision"] == 2, done.output
    assert page(bed, "new") == (200, "two") and page(bed, "page")[0] == 404

    looked = launch("rollback", {"stack_name": stack, "stack_to": "1"}, check=True)
    assert looked.code == 0 and looked.artifacts["stack_changed"] is True, looked.output
    assert page(bed, "new") == (200, "two")
    back = launch("rollback", {"stack_name": stack, "stack_to": "1"}, looked.artifacts)
    assert back.code == 0 and back.artifacts["stack_status"] == "healthy", back.output
    assert page(bed, "page") == (200, "1.10") and page(bed, "new")[0] == 404

    wrong = launch("deploy", {**answers, "stack_rollout": "timeout=soon"})
    assert wrong.code != 0 and "timeout" in wrong.errors[-1]["msg"], wrong.output

    gone = launch(
        "deploy", {"stack_name": stack, "stack_state": "absent", "stack_confirm": stack, "stack_proxies": "m1"}
    )
    assert gone.code == 0, gone.output
    cleaned = launch(
        "cleanup", {"stack_name": stack, "stack_confirm": stack, "stack_remove_volumes": "true", "stack_hosts": "m1"}
    )
    assert cleaned.code == 0, cleaned.output
    assert cleaned.artifacts == {"stack_changed": True, "stack_residue": []}
    assert not [volume for volume in bed.node().api("GET", "/volumes")["Volumes"] or [] if stack in volume["Name"]]
    assert page(bed, "page")[0] == 404

    told = json.dumps([job.events for job in jobs])
    assert PLANTED not in told, told[told.index(PLANTED) - 500 :][:1000]
    removed = launch("bootstrap", {**platform, "swarm_platform_state": "absent"})
    assert removed.code == 0, removed.output
    assert not swarm.objects("services")
