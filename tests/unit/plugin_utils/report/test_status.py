"""The tables of the playbook status: wide enough for the data, narrow enough for a terminal."""

from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.status import tables
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.text_table import table, wrapped

FAILURE = {"error": "task: non-zero exit (3)", "exit_code": 3, "node": "m1", "at": "2026-11-29T12:31:05Z"}
ILL = {
    "name": "shop_web",
    "status": "degraded",
    "message": "its tasks fail repeatedly",
    "desired": 2,
    "running": 1,
    "restarts": 4,
    "last_failure": FAILURE,
    "since": "2026-11-29T12:30:00Z",
    "update_status": {},
}
TASK = {
    "slot": 1,
    "node": "m1",
    "state": "failed",
    "desired_state": "shutdown",
    "created": "2026-11-29T12:30:00Z",
    "error": "task: non-zero exit (3)",
    "exit_code": 3,
}
REVISION = {"number": 7, "operation": "deploy", "status": "FAILED", "finished": "2026-11-29T12:00:59Z", "who": "ali"}
STACK = {
    "name": "shop",
    "services": [{"name": "shop_web", "image": "web:1@sha256:ab", "image_asked": "", "tasks": [TASK]}],
    "revisions": [{**REVISION, "reason": "web is ill", "message": "more speed"}],
    "locked_by": "",
}
HEALTH = {"stack": "shop", "overall": "UNHEALTHY", "services": [ILL]}
DRIFT = {"stack": "shop", "drift_lines": ["scaled service shop_web: replicas 1 → 2"]}


def test_a_stack_that_needs_attention():
    made = tables([STACK], [HEALTH], [DRIFT])
    assert made["stacks"] == [
        "STACK  STATUS     SERVICES  TASKS  LAST REVISION                  DRIFT",
        "shop   UNHEALTHY  0/1       1/2    7 FAILED 2026-11-29 12:00 ali  1",
    ]
    assert made["attention"] == [
        "shop: revision 7 by ali is FAILED: web is ill",
        "shop_web: degraded: its tasks fail repeatedly; task: non-zero exit (3); last failure",
        "  2026-11-29 12:31 on m1",
        "shop: drift: scaled service shop_web: replicas 1 → 2",
    ]
    assert made["services"][1] == "shop_web  degraded  1/2    4         2026-11-29 12:30  web:1"
    assert made["tasks"][1] == "shop_web.1  m1    failed  2026-11-29 12:30  task: non-zero exit (3)"


def test_a_stack_that_is_well_or_gone():
    well = {**ILL, "status": "complete", "running": 0, "last_failure": None}
    good = {**STACK, "revisions": [{**REVISION, "status": "HEALTHY"}]}
    healths = [{**HEALTH, "overall": "HEALTHY", "services": [well]}, {"stack": "no", "overall": "", "services": []}]
    made = tables([good], healths, [{**DRIFT, "drift_lines": []}])
    assert made["attention"] == []
    row = " ".join(made["stacks"][1].split())
    assert row == "shop HEALTHY 1/1 2/2 7 HEALTHY 2026-11-29 12:00 ali none"
    assert made["stacks"][2].split() == ["no", "no", "such", "stack", "0/0", "0/0", "none"]


def test_a_stack_that_could_not_be_compared():
    failed = {"item": {"stack": "shop"}, "error_code": "revision_damaged", "msg": "Revision 7 is damaged.\nmore"}
    made = tables([{**STACK, "revisions": []}], [{**HEALTH, "services": [{**ILL, "status": "healthy"}]}], [failed])
    assert made["attention"] == ["shop: drift is unknown: Revision 7 is damaged."]
    assert made["stacks"][1].endswith("unknown")
    silent = tables([STACK], [HEALTH], [{**failed, "msg": ""}])
    assert "shop: drift is unknown: no message" in silent["attention"]
    unknown = tables([STACK], [HEALTH], [{**failed, "error_code": "no_revision"}])
    assert not any("drift" in line for line in unknown["attention"])


def test_long_texts_stay_within_the_width():
    rows = [["x" * 200, "short", "y\ny" * 50], ["a", "b", "c"]]
    made = table(("one", "two", "three"), rows)
    assert max(map(len, made)) == 88 and "short" in made[1] and made[1].count("…") == 2 and len(made) == 3
    assert made[1].startswith("x" * 60), "names are cut last"
    assert all(len(line) <= 88 for line in wrapped("word " * 100)) and wrapped("") == [""]
