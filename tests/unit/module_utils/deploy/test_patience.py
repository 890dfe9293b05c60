import pytest
from fake_clock import Clock

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import ELECTION, through_an_election


def story(clock, until, error):
    def tell():
        if clock.now() < until:
            raise error
        return {"changed": True}

    return tell


def test_an_election_is_waited_for():
    clock = Clock()
    assert through_an_election(clock, story(clock, 6, EngineError("no leader", "no_quorum"))) == {"changed": True}
    assert 6 <= clock.now() < 8


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (EngineError("no leader", "no_quorum"), ELECTION),
        (EngineError("no engine", "daemon_unreachable"), 0),
        (DeployError("no leader", "no_quorum"), 0),  # something was begun
    ],
)
def test_what_does_not_pass_is_raised(error, seconds):
    clock = Clock()
    with pytest.raises(type(error)) as raised:
        through_an_election(clock, story(clock, 99, error))
    assert raised.value is error
    assert clock.now() == seconds
