"""Failures in the result of stack_info have no secrets of the service."""

from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import _without_secrets

SERVICE = {
    "ID": "s",
    "Spec": {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Env": ["DB_PASSWORD=pl4nted-7f3a9", "LEVEL=info"]}}},
}


def test_words_of_the_engine_lose_their_secrets():
    task = {"id": "t", "error": "exec: connect pl4nted-7f3a9: not found"}
    told = _without_secrets(SERVICE, "its tasks fail: pl4nted-7f3a9", [task, {"id": "u", "error": ""}])
    assert "pl4nted" not in str(told) and told["message"].startswith("its tasks fail: ")
    assert told["tasks"][0]["error"].startswith("exec: connect ") and told["tasks"][1] == {"id": "u", "error": ""}


def test_without_failures_nothing_changes():
    tasks = [{"id": "t", "error": ""}]
    assert _without_secrets(SERVICE, "", tasks) == {"message": "", "tasks": tasks}
