"""Containers and services that were stopped for a copy start again, as far as they can."""

import pytest
from fake_clock import Clock

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import shelf
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.quiesce import Users

INFO = {"Name": "n1", "Swarm": {"NodeID": "id", "ControlAvailable": True}}
SERVICE = {"ID": "s", "Spec": {"Name": "web", "Mode": {"Replicated": {"Replicas": 0}}, "TaskTemplate": {}}}


class Engine:
    """``fails`` maps paths to the status of their error."""

    def __init__(self, fails):
        self.fails, self.posted = fails, []

    def get(self, path):
        return INFO

    def list(self, path):
        return [SERVICE]

    def post(self, path):
        self.posted.append(path)
        if path in self.fails:
            raise EngineError(f"POST {path}: port is already allocated.", status=self.fails[path])


def users(tmp_path, fails):
    shelf.save(str(tmp_path / shelf.QUIESCED), {"services": {"web": 2}, "containers": ["c1", "c2"], "paused": ["p1"]})
    engine, scaled = Engine(fails), []
    scale = lambda service, replicas: scaled.append((service["Spec"]["Name"], replicas))  # noqa: E731
    return Users(engine, Clock(), ["data"], str(tmp_path), scale, 1), engine, scaled


def test_a_container_that_does_not_start_is_an_error_after_all_others(tmp_path):
    made, engine, scaled = users(tmp_path, {"/containers/c1/start": 500})
    with pytest.raises(EngineError) as raised:
        made.resume()
    assert "port is already allocated. Start or remove it" in str(raised.value)
    assert "/containers/c2/start" in engine.posted and scaled == [("web", 2)]
    assert (tmp_path / shelf.QUIESCED).exists(), "the next run tries again"
    engine.fails.clear()
    made.resume()
    assert not (tmp_path / shelf.QUIESCED).exists()


def test_what_was_removed_or_runs_already_is_no_error(tmp_path):
    fails = {"/containers/c1/start": 404, "/containers/c2/start": 409, "/containers/p1/unpause": 500}
    made, _engine, scaled = users(tmp_path, fails)
    made.resume()
    assert scaled == [("web", 2)] and not (tmp_path / shelf.QUIESCED).exists()
