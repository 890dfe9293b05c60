"""swarm_report and the playbooks report and history on a real Swarm: a broken stack, drift, history, planted values.

With STACKWRIGHT_LONG=1 the page is also opened dark, on a phone and for print, searched and filtered;
STACKWRIGHT_TEST_NODES=3 makes it of three managers.
"""

import json
import os
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))

import browsing
from core import Core
from playbook import ROOT, Player

QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
PLANTED = "pl4nted7f3a9XqZ"
SCRIPT = "<script>alert(1)</script>"
LONG = os.environ.get("STACKWRIGHT_LONG") == "1"
TIME = "2026-11-29T12:00:00Z"


@pytest.fixture
def report(bed, swarm, tmp_path):
    """``report(**variables)`` plays the playbook; two stacks: one with history and drift, one that fails."""
    image = bed.images["busybox"]

    def text(command, **more):
        # It fails twice and is then given up: a loop would be seen at work by one look and failed by the next.
        policy = {"condition": "any", "delay": "100ms", "max_attempts": 1}
        deploy = {"restart_policy": policy, "labels": {"note": SCRIPT}}
        service = {"image": image, "command": command, "stop_grace_period": "1s", "deploy": deploy}
        return json.dumps({"services": {"web": {**service, **more}}})

    host = bed.node("m1").docker_host
    cores = [Core(host, swarm.name + end, tmp_path) for end in ("", "-ill")]
    first = {"LEVEL": "info", "DB_PASSWORD": PLANTED, "GREETING": PLANTED}
    cores[0].deploy(text(QUIET, environment=first), commit_message=f"first {SCRIPT}", who="ali")
    cores[0].deploy(text(QUIET, environment={**first, "LEVEL": "debug"}), commit_message="more words", who="ali")
    fails = ["sh", "-c", f"echo '{SCRIPT} no database for '$$DB_PASSWORD; exit 3"]
    cores[1].deploy(text(fails, environment={"DB_PASSWORD": PLANTED}), wait=False)
    ill = {"filters": {"service": [f"{swarm.name}-ill_web"]}}

    def states():
        return [task["Status"]["State"] for task in cores[1].client.list("/tasks", ill)]

    swarm.wait("both failures", lambda: states() == ["failed", "failed"])
    bed.node("m1").cli(["docker", "service", "scale", "--detach", f"{swarm.name}_web=2"])
    swarm.node.cli(["docker", "service", "update", "--detach", "--label-add", "more=1", f"{swarm.name}_web"])
    player = Player(tmp_path, {"manager1": host, "manager2": host})

    def play(name="report", check=False, **variables):
        environment = {"DOCKER_HOST": host}
        path = ROOT / "playbooks" / f"{name}.yml"
        return player.playbook(path, variables=variables, environment=environment, check=check)

    play.folder = tmp_path
    yield play
    for core in cores:
        core.remove()
        core.client.close()


def looked_at_in_a_browser(path, stack):
    """No console error, no request, no barrier; where there is no browser, tests/browser says so."""
    if browsing.missing():
        return
    modes = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": browsing.PHONE}}
    with browsing.browser() as browser:
        for mode in modes if LONG else ["light"]:
            seen = browsing.Visit(browser, path, **modes[mode])
            looked_over(seen, mode, stack)
            assert seen.faults == []
            seen.close()


def looked_over(seen, mode, stack):
    problems = " ".join(seen.page.locator(".view.current .problems").inner_text().split())
    assert f"{stack}-ill_web is failed" in problems and "non-zero exit (3)" in problems, problems
    assert f"{SCRIPT} no database for ********" in problems, problems
    found = []
    for place in ("#c1-overview", "#c1-drift", f"#c1-stack-{stack}", f"#c1-service-{stack}-ill_web", "#c1-figures"):
        seen.go(place)
        found += seen.violations()
        seen.shoot(f"real-{mode}-{place.partition('-')[2].replace(stack, 'stack')}")
    assert found == []
    if LONG and mode == "light":
        searched(seen, stack)


def searched(seen, stack):
    seen.go(f"#c1-services?q={stack}-ill&status=failed")
    assert [row.split("\n")[0] for row in seen.rows("c1-services-table")] == [f"{stack}-ill_web"]
    seen.page.keyboard.press("/")
    seen.page.keyboard.type(f"{stack}-ill web")
    seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("Enter")
    assert seen.shown().startswith(f"{stack}-ill_web")
    assert SCRIPT in seen.page.locator(".view.current .log").inner_text()
    seen.page.emulate_media(media="print")
    seen.shoot("real-print")


def test_a_report_of_a_swarm_with_a_broken_stack_and_drift(report, swarm, bed):
    dest = report.folder / "page.html"
    planned = report(report_dest=str(dest), report_time=TIME, report_hosts="swarm_managers", check=True)
    assert planned.code == 0 and not dest.exists(), planned.output
    run = report(report_dest=str(dest), report_time=TIME, report_hosts="swarm_managers")
    assert run.code == 0, run.output
    result = run.of(task="Write the report")[0]
    assert result["changed"] and [cluster["host"] for cluster in result["clusters"]] == ["manager1"], result
    assert result["unanswered"] == [] and result["bytes"] == dest.stat().st_size
    looked_at_in_a_browser(dest, swarm.name)
    page = dest.read_text()
    assert PLANTED not in page and SCRIPT not in page and "&lt;script&gt;" in page
    assert f"scaled service {swarm.name}_web: replicas 1 → 2" in page
    assert "environment LEVEL info → debug" in page, "what a revision changed"
    assert f"{SCRIPT} no database for ********".replace("<", "&lt;").replace(">", "&gt;") in page
    assert "non-zero exit (3)" in page and f'id="c1-service-{swarm.name}-ill_web"' in page
    again = report(report_dest=str(dest), report_time=TIME, report_format="json", report_hosts="swarm_managers")
    data = json.loads(dest.read_text())
    assert again.code == 0 and PLANTED not in dest.read_text()
    assert len(data["clusters"][0]["nodes"]) == len(bed.nodes)
    (stack,) = [one for one in data["clusters"][0]["stacks"] if one["name"] == swarm.name]
    assert [revision["number"] for revision in stack["revisions"]] == [2, 1]
    assert stack["services"][0]["environment"]["LEVEL"] == "debug"
    told = report(report_dest=str(dest), report_time=TIME, report_format="markdown", report_hosts="swarm_managers")
    text = dest.read_text()
    assert told.code == 0 and PLANTED not in text and re.search(rf"\| {swarm.name.replace('_', '.')} \|", text), text


def test_a_report_that_cannot_be_made(report):
    nowhere = report(report_dest="/nowhere/at/all.html", report_hosts="manager1")
    assert nowhere.code and "can't be written: No such file or directory" in nowhere.output, nowhere.output
    wrong = report(report_dest="x.html", report_hosts="manager1", report_time="noon")
    assert wrong.code and "'noon' is not a valid time" in wrong.output, wrong.output


def test_the_history_of_a_stack(report, swarm):
    run = report("history", stack_name=swarm.name, stack_from="", stack_to="")
    assert run.code == 0, run.output
    told = " ".join(line.strip().strip('",').strip() for line in run.output.splitlines())
    assert told.count(f"{swarm.name} 2 deploy HEALTHY".replace(" 2 ", " 2  ").replace("deploy ", "deploy  ")) == 1, told
    assert f"update service {swarm.name}_web: environment LEVEL info → debug" in told and PLANTED not in told
    pair = report("history", stack_name=swarm.name, stack_from="1", stack_to="2")
    assert pair.code == 0 and "environment LEVEL info → debug" in " ".join(pair.output.split()), pair.output
    live = report("history", stack_name=swarm.name, stack_from="1", stack_to="live")
    told = " ".join(live.output.split())
    assert live.code == 0 and PLANTED not in told, live.output
    assert "labels more absent → 1, replicas 1 → 2, environment LEVEL info → debug" in told, live.output
    none = report("history", stack_name=swarm.name, stack_from="7")
    assert none.code and "has no revision 7 to compare" in none.output, none.output
