"""The text of a notification, and its format for each receiver."""

import json

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.message import Message, begun, body, ended

WHO = {"who": "ann@ops", "host": "m1", "commit_message": "release 1.4"}
PLAN = [
    {"action": "create", "kind": "config", "name": "shop_page_1"},
    {"action": "update", "kind": "service", "name": "shop_web", "reason": "differs", "changes": ["LEVEL a → b"]},
]


def told(module, **result):
    return ended(module, "shop", result, WHO)


def test_a_start():
    message = begun("shop", "deployment", WHO)
    assert message.text == "shop: deployment started by ann@ops\nrelease 1.4"
    assert message.fields == {"stack": "shop", **WHO}


def test_a_success_names_what_changed_and_no_value():
    message = told("compose_stack", changed=True, plan=PLAN, revision=7, cluster_id="c1", services=["x"])
    assert message == Message(
        "success",
        "shop: deployed as revision 7 by ann@ops",
        ["release 1.4", "create config shop_page_1", "update service shop_web"],
        {"stack": "shop", **WHO, "cluster_id": "c1", "revision": 7},
    )


@pytest.mark.parametrize("module", ["compose_stack", "stack_rollback", "stack_drift"])
def test_nothing_to_tell(module):
    assert told(module, changed=False, plan=[], drifted=False, drift=[]) is None


def test_a_rollback():
    message = told("stack_rollback", changed=True, plan=PLAN, to=5, revision=8)
    assert (message.event, message.title) == ("rollback", "shop: rolled back to revision 5 by ann@ops")


@pytest.mark.parametrize(
    ("result", "event", "title"),
    [
        ({"outcome": {"rollback": "done"}}, "rollback", "shop: deployment failed and was rolled back"),
        ({"outcome": {"rollback": "none"}, "error_code": "timeout"}, "failure", "shop: failed (timeout)"),
        (
            {"outcome": {"rollback": "failed"}, "error_code": "rollback_failed"},
            "failure",
            "shop: failed; the rollback failed as well (rollback_failed)",
        ),
        ({"error_code": "invalid_compose"}, "failure", "shop: failed (invalid_compose)"),
        ({"unreachable": True, "failed": False}, "failure", "shop: failed (unreachable)"),
    ],
)
def test_failures(result, event, title):
    message = told("compose_stack", **{"failed": True, "msg": "web: exit code 3\n  password=hunter2\x1b[31m", **result})
    assert (message.event, message.title) == (event, title)
    assert message.lines[:2] == ["release 1.4", "web: exit code 3"]
    assert "hunter2" not in message.text and "\x1b" not in message.text


def test_a_long_message_is_cut():
    message = told("compose_stack", failed=True, msg="\n".join(["x" * 1000] * 50))
    assert len(message.lines) == 22 and message.lines[-1] == "and 30 more"
    assert max(map(len, message.lines)) == 300


DRIFT = [{"kind": "edited", "object": "service", "name": "shop_web", "reason": "LEVEL info → debug"}]


@pytest.mark.parametrize(
    ("result", "title"),
    [
        ({"changed": False}, "shop: drift found (1)"),
        ({"changed": True, "new_revision": 9}, "shop: drift repaired (1)"),
        ({"failed": True, "error_code": "drift_found", "msg": "x"}, "shop: drift found (1)"),
    ],
)
def test_drift(result, title):
    message = told("stack_drift", drifted=True, drift=DRIFT, **result)
    assert (message.event, message.title, message.lines) == ("drift", title, ["edited service shop_web"])


def test_a_deployment_that_refuses_drift_tells_the_drift():
    message = told("compose_stack", failed=True, error_code="drift_found", msg="x", drift=DRIFT)
    assert (message.event, message.lines) == ("drift", ["edited service shop_web"])


MESSAGE = Message("failure", "shop: <b> & @everyone", ["one", "two"], {"stack": "shop", "revision": 7})


def test_forms():
    assert body("json", MESSAGE, "now") == {
        "event": "failure",
        "title": MESSAGE.title,
        "lines": ["one", "two"],
        "time": "now",
        "stack": "shop",
        "revision": 7,
    }
    assert body("slack", MESSAGE, "") == {"text": "shop: &lt;b&gt; &amp; @everyone\none\ntwo"}
    assert body("discord", MESSAGE, "") == {"content": f"{MESSAGE.title}\none\ntwo", "allowed_mentions": {"parse": []}}
    (card,) = body("teams", MESSAGE, "")["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert [block["text"] for block in card["content"]["body"]] == [MESSAGE.title, "one", "two"]
    assert len(body("discord", MESSAGE._replace(lines=["x" * 300] * 20), "")["content"]) == 2000
    json.dumps([body(form, MESSAGE, "") for form in ("json", "slack", "teams", "discord")])
