"""The report of results: the worst problems first, correct figures, and escaped texts."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "browser"))

from swarms import TIME, cluster

from ansible_collections.stackwright.swarm.plugins.action.swarm_report import ActionModule, usage_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.charts import columns, distribution, shares
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.figures import figures, refusals
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.markdown import markdown
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.model import report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.page import (
    ago,
    amount,
    anchor,
    breakable,
    duration,
    page,
)


def test_a_cluster_that_is_well_has_no_problems():
    made = report("r", TIME, [cluster(well=True)])["clusters"][0]
    assert made["problems"] == []
    assert made["counts"]["good"] == len(made["services"]) and made["counts"]["bad"] == 0


def test_problems_are_in_order_and_have_their_evidence():
    made = report("r", TIME, [cluster(5, 4, 5)])["clusters"][0]
    levels = [problem["level"] for problem in made["problems"]]
    assert levels == sorted(levels, key=["bad", "warn", "note"].index) and {"bad", "warn", "note"} == set(levels)
    told = {(problem["kind"], problem["name"]): problem for problem in made["problems"]}
    assert told["node", "w1"]["evidence"] == "heartbeat failure"
    assert "task: non-zero exit (3); last failure on" in told["service", "blog_web"]["evidence"]
    assert told["service", "blog_web"]["log"] == [f"try {number}: no such database" for number in (3, 4, 5)]
    assert told["drift", "shop"]["text"].startswith("1 difference from revision ")


def test_an_image_breaks_between_its_parts():
    assert breakable("host:5000/a/b:1.4") == "host:<wbr>5000/<wbr>a/<wbr>b:<wbr>1.4" and breakable("") == ""
    assert breakable("<b>/x") == "&lt;b&gt;/<wbr>x"


def revision(number, status, started, finished, restored=""):
    return {
        "number": number,
        "status": status,
        "operation": "deploy",
        "started": started,
        "finished": finished,
        "queued": None,
        "restored": restored,
    }


def test_figures():
    revisions = [
        revision(4, "FAILED", "2026-11-28T12:00:00Z", "2026-11-28T12:02:00Z", "failed"),
        revision(3, "FAILED", "2026-11-27T12:00:00Z", "2026-11-27T12:01:00Z", "done"),
        revision(2, "HEALTHY", "2026-11-16T12:00:00Z", "2026-11-16T12:00:30Z"),
        revision(1, "HEALTHY", "2026-01-01T12:00:00Z", "2026-01-01T12:00:10Z"),
    ]
    counted = {
        "deployments": 4,
        "failed": 2,
        "cancelled": 1,
        "restored": 1,
        "not_restored": 1,
        "recoveries": 1,
        "time_to_recover": 7.0,
    }
    made = figures([{"name": "shop", "revisions": revisions, "deployments": counted}], TIME)
    assert made["failure_rate"] == 0.5 and made["rollback_success"] == 0.5 and made["time_to_recover"] == 7.0
    assert made["torn"] == 1 and made["duration"] == 45.0
    assert made["per_week"] == round(3 / 12, 1), "the one of January is too old"
    assert made["weeks"][-1] == {"week": "2026-11-23", "done": 2, "failed": 2, "rate": 1.0}
    assert [run["number"] for run in made["runs"]] == [2, 3, 4]
    nothing = figures([], TIME)
    assert nothing["failure_rate"] is nothing["time_to_recover"] is nothing["duration"] is None


def test_the_mean_time_to_recover_counts_each_recovery_once():
    def stack(recoveries, mean):
        names = ("deployments", "failed", "cancelled", "restored", "not_restored")
        return {
            "name": "x",
            "revisions": [],
            "deployments": {**dict.fromkeys(names, 0), "recoveries": recoveries, "time_to_recover": mean},
        }

    assert figures([stack(3, 10.0), stack(1, 50.0), stack(0, None)], TIME)["time_to_recover"] == 20.0


@pytest.mark.slow
def test_what_an_audit_says_of_runs_that_were_stopped():
    def line(**more):
        told = {"event": "refused", "check": False, "time": "2026-11-28T10:00:00Z", "error_code": "invalid_compose"}
        return json.dumps({**told, "name": "shop", "who": "ann", "reason": "compose.yml:3: no image", **more})

    text = "\n".join(
        [
            line(),
            line(time="2026-11-29T10:00:00Z", stack="acme-shop"),
            line(error_code="locked"),
            line(time="2026-01-01T10:00:00Z"),
            line(check=True),
            line(event="change"),
            "torn {",
            "[]",
        ]
    )
    found = refusals(text, TIME)
    assert found["total"] == 3
    assert [(one["code"], one["count"]) for one in found["codes"]] == [("invalid_compose", 2), ("locked", 1)]
    assert found["codes"][0]["last"]["stack"] == "acme-shop"
    text = page(report("r", TIME, [cluster(2, 2)], [], text))
    assert "Stopped before a change" in text and "compose.yml:3: no image" in text
    assert "Stopped before a change" not in page(report("r", TIME, [cluster(2, 2)]))


def test_shapes_of_pictures():
    assert [(part["x"], part["width"]) for part in shares([("a", 1), ("none", 0), ("b", 3)], 100)] == [
        (0, 25),
        (25, 75),
    ]
    assert shares([], 100) == []
    nodes = [
        {"node": "m1", "services": [{"service": f"s{n}", "stack": f"stack{n}", "tasks": 1} for n in range(9)]},
        {"node": "m2", "services": []},
    ]
    spread = distribution(nodes)
    assert [row["total"] for row in spread["rows"]] == [9, 0] and spread["legend"][-1]["name"] == "2 more stacks"
    assert sum(bar["width"] for bar in spread["rows"][0]["bars"]) == pytest.approx(100, abs=0.1)
    bars = columns([{"week": "2026-11-23", "done": 4, "failed": 1, "rate": 0.25}])["bars"]
    assert bars[0]["good"] == 3 * bars[0]["bad"] and bars[0]["bad_y"] + bars[0]["bad"] == pytest.approx(
        bars[0]["good_y"]
    )


def test_times_and_amounts_for_people():
    assert [ago(TIME, at) for at in ("2026-11-29T18:59:30Z", "2026-11-29T17:00:00Z", "2026-11-20T19:00:00Z")] == [
        "just now",
        "2 h ago",
        "9 d ago",
    ]
    assert ago(TIME, "2026-11-30T00:00:00Z") == "later" and ago(TIME, "") == ""
    assert [duration(seconds) for seconds in (None, 34.5, 600, 9000)] == ["", "34.5 s", "10 min", "2.5 h"]
    assert [amount(number) for number in (0, 1536, 1 << 30)] == ["0 B", "1.5 KiB", "1 GiB"]
    assert anchor('a"b<c') == "a~22b~3cc"


def test_a_summary_in_markdown_has_no_markup_from_the_swarm():
    given = cluster(2, 2)
    given["stacks"][0]["name"] = "a|b<script>"
    given["drift"] = {}
    text = markdown(report("*Title*", TIME, [given], [{"host": "far", "msg": "no\nanswer"}]))
    assert "# \\*Title\\*" in text and "* far did not answer: no answer" in text
    assert "| a\\|b\\<script\\> | healthy | 2 |" in text and "<script>" not in text.replace("\\<script", "")
    assert "### Needs attention" in text and "* service **blog\\_web** is failed" in text


def test_the_load_of_a_machine():
    meminfo = "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\n"
    seen = usage_of("m1\n", "0.50 1.25 0.75 1/200 4711\n", meminfo)
    assert seen == {"name": "m1", "load": 1.25, "memory_used": 600 * 1024}
    assert usage_of("", "", "") == {}
    given = {**cluster(2, 2), "usage": {"m1": {"load": 1.0, "memory_used": 8331694080 // 2}}}
    node = report("r", TIME, [given])["clusters"][0]["nodes"][0]
    assert node["load_share"] == 0.25 and node["used_share"] == 0.5


def test_a_report_is_written_through_no_link(tmp_path):
    """Other users may write to its folder."""
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(check_mode=False)
    other, dest = tmp_path / "other", tmp_path / "report.html"
    other.write_text("theirs")
    for name in (dest.name, f".{dest.name}.part"):
        (tmp_path / name).symlink_to(other)
    assert action._written(str(dest), "ours") and not action._written(str(dest), "ours")
    assert (other.read_text(), dest.read_text(), dest.is_symlink()) == ("theirs", "ours", False)
    assert len(list(tmp_path.iterdir())) == 3, "nothing is left of writing it"


def test_a_report_that_can_not_be_moved_leaves_nothing_behind(tmp_path, monkeypatch):
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(check_mode=False)

    def refuse(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StackwrightError, match="No space left"):
        action._written(str(tmp_path / "report.html"), "text")
    assert list(tmp_path.iterdir()) == []
