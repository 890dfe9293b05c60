"""What runs have left in the Swarm, spoilt: labels of locks, records and snapshots of revisions."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import zlib

import pytest
from answers import DEEP, ODD, RECORDED, Clock, Engine, spoil
from fuzzing import hunt
from test_engine_answers import STACK, STORIES, tell

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import HEADER, MARK, pack, unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import describe, holder_of
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import MOST_TTL, TTL, Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import LOCK, RECORD
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import STACK as OF_STACK

HOLDER = {
    "run": "theirs",
    "who": "ann@m1",
    "host": "m1",
    "pid": 4242,
    "boot": "b",
    "pid_ns": "pid:[1]",
    "started": "1",
    "since": 1_799_999_990.0,
    "operation": "deploy",
    "message": "release 7",
    "ttl": 30.0,
    "lease": True,
    "expires": 1_800_000_020.0,
}
REVISIONS = [config for config in RECORDED["/configs"] if RECORD in config["Spec"]["Labels"]]


def text_of(value, chance):
    """JSON as somebody may have spoilt it by hand, or by a program."""
    how = chance.random()
    if how < 0.7:
        return json.dumps(spoil(value, chance, chance.choice((1, 1, 2, 5))))
    if how < 0.8:
        return chance.choice(
            [DEEP, '{"ttl":' * 1000, "", "NaN", "[]", "null", '{"ttl": NaN}', '{"ttl": 1e999}', "\ud800"]
        )
    if how < 0.9:
        return json.dumps(chance.choice(ODD))
    made = list(json.dumps(value))
    for _time in range(chance.randint(1, 4)):
        made[chance.randrange(len(made))] = chance.choice(["[", "{", '"', "", "\x00", "9" * 50, "-", "\ud800"])
    return "".join(made)


def locked(engine, text):
    spec = {"Name": f"stackwright.lock.{STACK}", "Labels": {LOCK: text, OF_STACK: STACK}, "Data": "eA=="}
    spec["Labels"]["com.docker.stack.namespace"] = STACK
    engine.answers["/configs"].append({"ID": "lock", "Version": {"Index": 7}, "Spec": spec})
    return engine


Plain = Engine


# -- locks


def make_lock(chance: random.Random):
    return chance.choice(["acquire", "deploy", "stack info", "health", "stop", "clean up and break the lock"]), text_of(
        HOLDER, chance
    )


def lock_door(case):
    story, text = case
    engine = locked(Plain(), text)
    if story == "acquire":
        taken_over(engine)
    else:
        tell(story, engine)
    describe(holder_of({"Spec": {"Labels": {LOCK: text}}}))


def taken_over(engine):
    clock = Clock()
    client = EngineClient(Connection("unix:///nowhere"), engine)
    lock = Lock(client, clock, STACK, {"run": "mine"})
    lock.acquire(2 * MOST_TTL)
    assert lock.held
    return clock.now()


def test_spoilt_locks():
    hunt(make_lock, lock_door, few=150, full=2000)


FOR_EVER = ["NaN", "Infinity", "-Infinity", "1e999", "9" * 39, "9" * 5000, "1e300", "-1", "-1e300", "0", "1e-9", "true"]
FOR_EVER += ['"30"', "null", "[]", "{}", DEEP, "601", "1e15"]


@pytest.mark.parametrize("value", FOR_EVER, ids=lambda value: value[:10])
@pytest.mark.parametrize("field", ["ttl", "expires", "since"])
def test_no_lock_is_for_ever_and_none_is_taken_from_the_living(field, value):
    """A dead holder's lock is taken over in the time that ours would take, and not before it has been seen to stand."""
    holder = {**HOLDER, "expires": HOLDER["expires"] + 1e6, field: "VALUE"}
    seconds = taken_over(locked(Plain(), json.dumps(holder).replace('"VALUE"', value)))
    assert TTL * 0.4 <= seconds <= TTL * 1.1


# -- revisions


def make_history(chance: random.Random):
    """Which story, and the spoilt labels and data of the revisions by their number."""
    spoilt = {}
    for number, config in enumerate(REVISIONS):
        packed = base64.b64decode(config["Spec"]["Data"])
        text = config["Spec"]["Labels"][RECORD]
        how = chance.choice(["record", "snapshot", "snapshot", "bytes", ""])
        if how == "record":
            text = text_of(json.loads(text), chance)
        elif how == "snapshot":
            packed = repacked(unpack(packed), chance)
        elif how == "bytes":
            made = bytearray(packed)
            for _time in range(chance.randint(1, 3)):
                made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
            packed = bytes(made[: chance.choice([len(made), len(made) // 2, 3])])
        spoilt[number] = (text, base64.b64encode(packed).decode())
    return chance.choice(
        ["roll back", "drift", "heal", "deploy", "stop", "stack info", "clean up what dangles"]
    ), spoilt


def repacked(snapshot, chance):
    """A snapshot that is spoilt, though its length and its checksum are right."""
    text = json.dumps(spoil(snapshot, chance, chance.choice((1, 1, 2, 5)))).encode()
    if chance.random() < 0.1:
        odd = [DEEP.encode(), b'{"format": 1}', b"[1]", b"null", b'{"format": 1e999}', b" " * (100 << 20)]
        text = chance.choice(odd)
    body = zlib.compress(text)
    return HEADER.pack(MARK, len(body), hashlib.sha256(body).digest()) + body


def history_door(case):
    story, spoilt = case
    engine = Plain()
    configs = [config for config in engine.answers["/configs"] if RECORD in config["Spec"]["Labels"]]
    for number, (text, data) in spoilt.items():
        configs[number]["Spec"]["Labels"][RECORD] = text
        configs[number]["Spec"]["Data"] = data
    tell(story, engine)


def test_spoilt_revisions():
    hunt(make_history, history_door, few=150, full=2000)


@pytest.mark.parametrize("kind, field", [(k, f) for k in ("configs", "secrets") for f in ("spec", "real", "content")])
def test_a_snapshot_that_lacks_what_is_relied_on_is_damaged(kind, field):
    snapshot = unpack(base64.b64decode(REVISIONS[1]["Spec"]["Data"]))
    del next(entry for entry in snapshot[kind] if not entry["external"])[field]
    with pytest.raises(StackwrightError, match=f"{kind}.*has no {field}"):
        unpack(pack(snapshot))


@pytest.mark.parametrize("mounts", [["x"], [{"VolumeOptions": "x"}], [{"VolumeOptions": {"Labels": []}}], "x"])
def test_a_snapshot_whose_mounts_are_none_is_damaged(mounts):
    snapshot = unpack(base64.b64decode(REVISIONS[1]["Spec"]["Data"]))
    snapshot["services"][0]["spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"] = mounts
    with pytest.raises(StackwrightError, match="Mounts"):
        unpack(pack(snapshot))


def test_the_stories_are_known():
    assert {"roll back", "drift", "heal", "deploy", "stop", "stack info", "clean up what dangles", "health"} <= set(
        STORIES
    )
    assert len(REVISIONS) == 2
