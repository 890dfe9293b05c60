"""The rule for retries: each kind of error through each loop."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core import retry
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import BEAR_WITH, TRIES, Backoff, patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import wait
from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before, Limits
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History

sys.path.insert(0, str(Path(__file__).parents[1] / "deploy"))
from fake_clock import Clock
from fake_swarm import FakeSwarm

#: error code, status, what becomes of it. A status of 0: there was no answer.
ERRORS = [
    ("daemon_unreachable", 0, "away"),
    ("timeout", 0, "away"),
    ("no_quorum", 500, "away"),
    ("no_quorum", 503, "away"),
    ("engine_error", 0, "unclear"),
    ("engine_error", 500, "unclear"),
    ("engine_error", 502, "unclear"),
    ("engine_error", 503, "unclear"),
    ("bad_answer", 200, "unclear"),
    ("answer_too_large", 200, "unclear"),
    ("engine_error", 400, "refused"),
    ("engine_error", 406, "refused"),
    ("engine_error", 418, "refused"),
    ("engine_error", 429, "refused"),
    ("invalid_spec", 400, "refused"),
    ("registry_auth", 401, "refused"),
    ("permission_denied", 0, "refused"),
    ("not_a_manager", 503, "refused"),
    ("not_in_swarm", 503, "refused"),
    ("swarm_locked", 503, "refused"),
    ("api_too_old", 200, "refused"),
    ("tls_error", 0, "refused"),
    ("missing_requirement", 0, "refused"),
]


class Failing(FakeSwarm):
    """Answers each call with an error, or only those that ``fails`` selects; ``tried`` counts them."""

    def __init__(self, error, fails=lambda method, path: True):
        super().__init__()
        self.tried = 0

        def before(method, path):
            if fails(method, path):
                self.tried += 1
                raise error

        self.before = before


def reading(swarm, clock):
    patiently(clock, lambda: swarm.list("/services"))


def applying(swarm, clock):
    observed = {kind: [] for kind in ("services", "networks", "configs", "secrets")}
    payload = {"id": "x", "version": 1, "spec": {"Name": "shop_conf", "Labels": {}}, "data": None}
    Apply(swarm, clock, observed).run([Operation("remove", "service", "shop_web", payload=payload)])


def waiting(swarm, clock):
    wait(swarm, clock, "shop", Limits(timeout=300), Before(frozenset(), {}, frozenset()), {})


def locking(swarm, clock):
    Lock(swarm, clock, "shop", {"run": "mine"}).acquire(60)


def recording(swarm, clock):
    History(swarm, clock, "shop").begin(Revision("shop", id="mine"))


#: A loop, and how many calls one turn of it makes.
LOOPS = [(reading, 1), (applying, 1), (waiting, 1), (locking, 2), (recording, 1)]


def only_what_is_tried_again(loop):
    # Applying looks whether a lost call was done before it makes it again.
    return (lambda method, path: method == "DELETE") if loop is applying else (lambda method, path: True)


@pytest.mark.parametrize(("code", "status", "kind"), ERRORS, ids=lambda value: str(value))
@pytest.mark.parametrize(("loop", "calls"), LOOPS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_kind_of_error_through_every_loop(loop, calls, code, status, kind):
    error, clock = EngineError("told", code, status=status), Clock()
    swarm = Failing(error, only_what_is_tried_again(loop))
    if loop is applying:
        swarm.objects["services"]["x"] = {"ID": "x", "Version": {"Index": 1}, "Spec": {"Name": "shop_web"}}
    with pytest.raises((EngineError, DeployError)) as raised:
        loop(swarm, clock)
    assert raised.value.error_code == code
    if kind == "away":
        assert BEAR_WITH <= clock.now() <= BEAR_WITH + 2 * retry.LONGEST_PAUSE
    elif kind == "unclear":
        assert TRIES <= swarm.tried <= TRIES * calls
        assert clock.now() < 2
    else:
        assert clock.now() == 0
        assert swarm.tried == 1


@pytest.mark.parametrize("loop", [loop for loop, _calls in LOOPS], ids=lambda loop: loop.__name__)
def test_what_passes_is_overcome(loop):
    clock = Clock()
    swarm = Failing(EngineError("told", "no_quorum", status=500), lambda method, path: clock.now() < 5)
    loop(swarm, clock)
    assert 5 <= clock.now() < 10


def test_an_answer_in_between_begins_the_patience_anew():
    clock = Clock()
    backoff, error = Backoff(clock), EngineError("told", "timeout")
    for _answer in range(5):
        before = clock.now()
        while clock.now() - before < BEAR_WITH - 2:
            backoff.bear(error)
        backoff.calm()
    assert clock.now() > 4 * (BEAR_WITH - 2)


def test_pauses_grow_and_keep_the_lock():
    clock, kept = Clock(), []
    backoff = Backoff(clock, lambda: kept.append(clock.now()))
    for _turn in range(6):
        backoff.bear(EngineError("told", "no_quorum"))
    assert kept == pytest.approx([0.1, 0.3, 0.7, 1.5, 2.5, 3.5])


def test_what_passes_here_alone_passes_as_long_as_an_engine_that_is_away():
    clock, error = Clock(), EngineError("told", "out_of_sequence", status=500)
    backoff = Backoff(clock, also=("out_of_sequence",))
    with pytest.raises(EngineError):
        while True:
            backoff.bear(error)
    assert BEAR_WITH <= clock.now() <= BEAR_WITH + 1
    with pytest.raises(EngineError):
        Backoff(clock).bear(error)


def test_chance_spreads_the_pauses():
    for chance, seconds in ((0.0, 0.02), (0.5, 0.06), (1.0, 0.1)):
        clock = Clock()
        Backoff(clock, chance=lambda chance=chance: chance).pause()
        assert clock.now() == pytest.approx(seconds)
