"""A volume is replaced while Swarm removes the containers of its ended tasks."""

import io

import pytest
from fake_clock import Clock

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import local


class Engine:
    """An Engine whose container of an ended task keeps the volume until it is removed at ``gone`` seconds."""

    def __init__(self, gone):
        self.clock, self.gone, self.wrote, self.there = Clock(), gone, [], True
        self.container = {"Id": "c", "State": "exited", "Labels": {local.TASK: "t"}, "Mounts": [{"Name": "data"}]}

    def list(self, path, query):
        return [self.container] if self.clock.time < self.gone else []

    def delete(self, path, query=None):
        if self.clock.time < self.gone:
            raise EngineError("removal of container c is already in progress", "conflict", status=409)
        self.there = False

    def post(self, path, query=None, body=None):
        assert not self.there
        self.wrote.append(body["Name"])


@pytest.mark.parametrize("gone", [0.0, 3.0, 1e9])
def test_a_container_that_is_being_removed(monkeypatch, gone):
    monkeypatch.setattr(local, "image", lambda client, volume: "image")
    monkeypatch.setattr(local, "write_archive", lambda *given: None)
    engine = Engine(gone)
    engine.create = lambda path, body: "helper"
    if gone < 100:
        local.fill(engine, engine.clock, {"Name": "data"}, io.BytesIO(b""), 0)
        assert engine.wrote == ["data"] and engine.clock.time >= gone
    else:
        with pytest.raises(EngineError, match="in progress"):
            local.fill(engine, engine.clock, {"Name": "data"}, io.BytesIO(b""), 0)
        assert engine.wrote == []
