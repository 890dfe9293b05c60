"""An engine that fails at one call of a deployment, at each in turn: the error is clear, and the next run completes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import Core

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Answer
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import StackwrightError

FILE = """
services:
  one: {image: nothing, deploy: {replicas: 0}, networks: [front], configs: [a, b]}
  two: {image: nothing, deploy: {replicas: 0}, networks: [front, back], secrets: [c, d]}
  three: {image: nothing, deploy: {replicas: 0}, networks: [back], configs: [a], secrets: [c], depends_on: [one]}
networks: {front: {}, back: {}}
configs:
  a: {content: first}
  b: {content: second}
secrets:
  c: {file: secret}
  d: {file: secret}
"""
OBJECTS = 9


class Faulty:
    """Passes calls on to the real transport, but for one: the engine does it, and what comes back is wrong."""

    def __init__(self, real, number, fault):
        self.real, self.number, self.fault, self.calls = real, number, fault, 0

    def send(self, method, path, body, headers, timeout=None):
        self.calls += 1
        if self.calls != self.number:
            return self.real.send(method, path, body, headers, timeout)
        if self.fault == "dropped":
            self.real.send(method, path, body, headers, timeout)
            raise ConnectionResetError(104, "Connection reset by peer")
        if self.fault == "refused":
            raise ConnectionRefusedError(111, "Connection refused")
        if self.fault == "torn":
            answer = self.real.send(method, path, body, headers, timeout)
            return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.api_version)
        return Answer(500, b'{"message": "something broke"}', "1.41")

    def close(self):
        self.real.close()


@pytest.fixture
def core(bed, swarm, tmp_path):
    (tmp_path / "secret").write_text("hunter2")
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


def held(swarm):
    return {kind: len(swarm.objects(kind)) for kind in ("services", "networks", "configs", "secrets")}


@pytest.mark.parametrize("fault", ["dropped", "refused", "torn", "500"])
def test_a_fault_at_any_call(fault, core, swarm):
    real = core.client._transport
    core.deploy(FILE)
    complete = held(swarm)
    assert complete == {"services": 3, "networks": 2, "configs": 2, "secrets": 2}
    number, failures = 0, 0
    while True:
        number += 1
        core.remove()
        faulty = Faulty(real, number, fault)
        core.client._transport = faulty
        before = sum(held(swarm).values())
        assert before == 0
        try:
            core.deploy(FILE)
        except StackwrightError as error:
            failures += 1
            assert error.error_code not in ("", "error"), error
            assert "hunter2" not in f"{error} {error.details}"
            outcome = error.details.get("outcome")
            made = sum(held(swarm).values())
            if outcome is None:
                assert made == 0, "something was done, but the error does not say so"
            elif outcome["rollback"] == "done":
                assert made == 0, "it says that all was undone"
            else:
                assert (outcome["rollback"], made) == ("none", OBJECTS)
        core.client._transport = real
        done = core.deploy(FILE)
        assert done["status"] == "asleep"
        assert held(swarm) == complete
        assert not core.deploy(FILE)["changed"]
        if faulty.calls < number:
            break
    assert failures > 3  # the first look; later on a single fault is borne with
