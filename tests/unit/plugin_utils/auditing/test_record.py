"""The audit's record of a result: changes, failures and reads of kept values, without any values."""

import json

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.auditing.record import (
    interrupted_in,
    record,
    results_in,
)

DEPLOY = "stackwright.swarm.compose_stack"
PLANTED = "planted-value-7"


def told(result, action=DEPLOY, args=None, outcome="ok", check=False, host="m1"):
    return record(action, args or {}, result, outcome, check, host)


def test_a_change():
    result = {
        "changed": True,
        "stack": "acme-prod-shop",
        "plan_id": "lucv-1",
        "revision": 7,
        "status": "healthy",
        "plan_lines": ["a", "b"],
        "done_by": "m1",
        "cluster_id": "c",
        "services": [{"name": PLANTED}],
        "invocation": {
            "module_args": {"name": "shop", "project": "acme", "state": "present", "variables": {"P": PLANTED}}
        },
    }
    found = told(result, args={"name": "{{ stack }}", "env_overrides": {"A": PLANTED}})
    assert found == {
        "event": "change",
        "module": "compose_stack",
        "operation": {"state": "present"},
        "outcome": "changed",
        "check": False,
        "name": "shop",
        "project": "acme",
        "stack": "acme-prod-shop",
        "cluster_id": "c",
        "plan_id": "lucv-1",
        "revision": 7,
        "status": "healthy",
        "changes": 2,
    }


def test_what_is_no_event():
    assert told({"changed": False}) is None
    assert told({"changed": True}, check=True) is None
    assert told({"changed": True}, action="ansible.builtin.copy") is None
    assert told({"failed": True, "done_by": "m2", "msg": "x"}, outcome="failed") is None


def test_a_refused_run_has_its_code_and_the_first_line_of_its_reason():
    result = {"failed": True, "error_code": "invalid_compose", "msg": f"compose.yml:3: no image.\n | log {PLANTED}"}
    found = told(result, args={"name": "shop"}, outcome="failed", check=True)
    assert (found["event"], found["error_code"], found["reason"]) == (
        "refused",
        "invalid_compose",
        "compose.yml:3: no image.",
    )
    assert found["check"] is True and PLANTED not in json.dumps(found)


def test_a_failed_change_is_a_change():
    found = told({"failed": True, "changed": True, "error_code": "health_gate_failed", "msg": "no"}, outcome="failed")
    assert (found["event"], found["outcome"]) == ("change", "failed")


@pytest.mark.parametrize("outcome", ["failed", "unreachable"])
def test_hidden_and_strange_results(outcome):
    assert told({"censored": "hidden", "msg": PLANTED}, outcome=outcome)["reason"] == "hidden by no_log"
    assert "\x1b" not in json.dumps(told({"msg": "\x1b[31mred"}, outcome=outcome)["reason"])
    assert told({"msg": None, "invocation": "x"}, outcome=outcome)["reason"] == ""
    assert told({"msg": "password=hunter22"}, outcome=outcome)["reason"] != "password=hunter22"


def test_reading_a_kept_value_is_told_by_its_name():
    result = {"changed": False, "read": {"DB": PLANTED}, "stack": "shop"}
    given = {"invocation": {"module_args": {"state": "read", "names": ["DB"], "name": "shop"}}}
    found = told({**result, **given}, action="stackwright.swarm.stack_values")
    assert (found["event"], found["names"]) == ("value_read", ["DB"]) and PLANTED not in json.dumps(found)
    assert told({"changed": False}, action="stackwright.swarm.stack_values", args={"state": "listed"}) is None


def test_the_lookup_is_seen_in_the_options_of_any_task():
    args = {"content": ["{{ lookup('stackwright.swarm.stack_value', 'DB', name='shop') }}"]}
    assert told({"changed": True}, action="ansible.builtin.copy", args=args) == {
        "event": "value_read",
        "via": "lookup",
        "module": "ansible.builtin.copy",
    }
    assert told({"changed": False}, args=args)["event"] == "value_read"


def test_each_of_many_stacks_has_a_line():
    stacks = [
        {"stack": "same", "result": "unchanged", "changed": False},
        {"stack": "new", "result": "changed", "changed": True, "revision": 1, "plan_lines": ["a"]},
        {"stack": "bad", "result": "failed", "changed": False, "failed": True, "error_code": "timeout", "msg": "why"},
        {"stack": "after", "result": "skipped", "changed": False, "error_code": "skipped", "msg": "after bad"},
        {"stack": "lost", "result": "failed", "changed": True, "unreachable": True},
    ]
    found = results_in({"changed": True, "failed": True, "stacks": stacks}, "failed")
    lines = [line for one, ended in found for line in [told(one, args={"stacks": PLANTED}, outcome=ended)] if line]
    assert [(line["stack"], line["event"], line["outcome"]) for line in lines] == [
        ("new", "change", "changed"),
        ("bad", "refused", "failed"),
        ("after", "refused", "failed"),
        ("lost", "change", "unreachable"),
    ]
    assert PLANTED not in json.dumps(lines)
    # A failure before any stack was looked at, and the stacks of stack_info, are one result.
    assert results_in({"failed": True, "msg": "x"}, "failed") == [({"failed": True, "msg": "x"}, "failed")]
    assert len(results_in({"stacks": [{"name": "a"}]}, "ok")) == 1
    assert [ended for _one, ended in results_in({"results": [{}, {"failed": True}]}, "ok")] == ["ok", "failed"]


def test_a_run_that_was_killed_has_a_line_by_the_next():
    died = {"revision": 6, "operation": "deploy", "who": "bob\x1b[2J", "started": "2026-11-29T12:17:12Z"}
    result = {"changed": False, "stack": "shop", "cluster_id": "abc", "interrupted": [died]}
    (line,) = interrupted_in("stackwright.swarm.compose_stack", result)
    assert (line["event"], line["module"], line["stack"]) == ("interrupted", "compose_stack", "shop")
    assert (line["revision"], line["started"], line["outcome"]) == (6, "2026-11-29T12:17:12Z", "failed")
    assert line["started_by"].startswith("bob") and "\x1b" not in line["started_by"]
    for other in ({}, {"interrupted": "x"}, {"interrupted": [3]}):
        assert interrupted_in("stackwright.swarm.compose_stack", other) == []
    assert interrupted_in("community.other.module", result) == []
