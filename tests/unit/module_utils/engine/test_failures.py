import json

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.failures import (
    check_manager,
    refusal,
    unreachable,
)

NO_LEADER = (
    "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online."
)
WORKER = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state."
REFUSALS = [
    (503, 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join".', "not_in_swarm"),
    (503, WORKER, "not_a_manager"),
    (503, "Swarm is encrypted and needs to be unlocked before it can be used.", "swarm_locked"),
    (500, NO_LEADER, "no_quorum"),
    (500, "raft: failed to process the request: node lost leader status", "no_quorum"),
    (500, "rpc error: code = DeadlineExceeded desc = context deadline exceeded", "no_quorum"),
    (500, "rpc error: code = Unknown desc = update out of sequence", "out_of_sequence"),
    (409, "rpc error: code = AlreadyExists desc = name conflicts with an existing object", "conflict"),
    (404, "service x not found", "not_found"),
    (400, "rpc error: code = InvalidArgument desc = invalid volume name", "invalid_spec"),
    (403, "The network x cannot be used with services.", "invalid_spec"),
    (400, "client version 1.43 is too old. Minimum supported API version is 1.44", "engine_error"),
    (500, "something else", "engine_error"),
]


@pytest.mark.parametrize(
    ("status", "message", "code"), REFUSALS, ids=[f"{n}-{case[2]}" for n, case in enumerate(REFUSALS)]
)
def test_what_the_engine_says_becomes_a_code(status, message, code):
    error = refusal(status, json.dumps({"message": message}).encode(), "GET /services", "unix:///x")
    assert (error.error_code, error.status) == (code, status)
    if code == "no_quorum":
        assert error.message == "The Swarm of unix:///x has no leader."
        assert "GET /services: " in error.hint
    else:
        assert "GET /services on unix:///x" in error.message
    assert "rpc error" not in error.message


def test_a_swarm_without_a_leader_is_told_in_one_sentence_with_the_nodes_name():
    texts = [message for _status, message, code in REFUSALS if code == "no_quorum"]
    told = {refusal(500, text.encode(), f"POST /{n}", "unix:///x", "m3").message for n, text in enumerate(texts)}
    assert len(texts) > 2 and told == {"The Swarm of m3 has no leader."}


def test_a_registry_that_is_slow_is_no_swarm_without_a_leader():
    body = b'{"message": "Get \\"https://r/v2/\\": context deadline exceeded (Client.Timeout exceeded)"}'
    assert refusal(500, body, "GET /distribution/r/a:1/json", "unix:///x").error_code == "engine_error"


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[1]", b"{", b"x" * 100000])
def test_any_body_makes_a_message(body):
    assert len(refusal(500, body, "GET /x", "here").message) < 5000


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionError(13, "denied"), "permission_denied"),
        (FileNotFoundError(2, "no such file"), "daemon_unreachable"),
        (ConnectionRefusedError(111, "refused"), "daemon_unreachable"),
        (TimeoutError("timed out"), "timeout"),
    ],
)
def test_a_broken_connection_becomes_a_code(error, code):
    assert unreachable(error, "unix:///x", "GET /info").error_code == code


def info(state, **swarm):
    return {"Name": "n1", "Swarm": {"LocalNodeState": state, "NodeID": "id1", **swarm}}


STATES = [
    (info("inactive"), "not_in_swarm", "docker swarm init"),
    (info("locked"), "swarm_locked", "unlock"),
    (info("active", RemoteManagers=[{"Addr": "10.0.0.2:2377"}]), "not_a_manager", "10.0.0.2:2377"),
    (info("active", ControlAvailable=True, Error=NO_LEADER), "no_quorum", "has no leader. Bring back"),
    (info("active", ControlAvailable=True), "no_quorum", "The Swarm of n1 has no leader. Bring back"),
    (
        info("active", ControlAvailable=True, Error="context deadline exceeded"),
        "no_quorum",
        "has no leader. Bring back",
    ),
    (info("pending"), "no_quorum", "pending"),
    (info("error", Error="x509"), "no_quorum", "x509"),
    ({}, "not_in_swarm", ""),
]


@pytest.mark.parametrize(("answer", "code", "part"), STATES, ids=[f"{n}-{s[1]}" for n, s in enumerate(STATES)])
def test_only_a_manager_of_a_swarm_with_a_leader_will_do(answer, code, part):
    with pytest.raises(EngineError) as refused:
        check_manager(answer, "unix:///x")
    assert refused.value.error_code == code
    assert part in str(refused.value)


def test_a_manager_passes():
    check_manager(info("active", ControlAvailable=True, Cluster={"ID": "c"}), "unix:///x")
