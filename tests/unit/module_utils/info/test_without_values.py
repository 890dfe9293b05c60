"""No part of the result of stack_logs has kept values that a container has logged."""

from ansible_collections.stackwright.swarm.plugins.module_utils.info import without_values as module


def test_the_matched_line_has_no_kept_values_either(monkeypatch):
    monkeypatch.setattr(module, "_kept_texts", lambda client, stack: ["s3cret-pw"])
    line = {"text": "ready, password s3cret-pw", "task": "t1"}
    result = {"changed": False, "lines": [line], "text": f"{line['text']}\n", "matched": line, "missing": []}
    found = module.without_values(None, "shop", {}, lambda: result)
    assert "s3cret-pw" not in str(found) and found["matched"]["text"] == "ready, password ********"
    assert module.without_values(None, "shop", {}, lambda: {**result, "matched": None})["matched"] is None
