"""The history of a stack against a real engine: what is stored, read again, lost, damaged and forgotten."""

from __future__ import annotations

import base64
import json
import secrets
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ON_HOST, Core

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind
from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recall import draft, recall, snapshot_of
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import observe
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.history import encoding
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import (
    CANCELLED,
    DEPLOYING,
    FAILED,
    HEALTHY,
    QUEUED,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import reconcile
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History

FILE = """
services:
  web:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    environment: {{GREETING: hello}}
    configs: [page]
configs:
  page: {{content: {page}}}
"""
QUIET = "sh -c 'trap exit TERM; sleep 1d & wait'"


class Run:
    """A run that has only a history."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.history = History(core.client, SystemClock, core.stack)
        self.holder = {"run": secrets.token_hex(8), "who": "ann@m1"}

    def snapshot(self, text: str):
        desired = self.core.compile(text)
        observed = observe(self.core.client, self.core.stack, desired)
        bound = bind(desired, observed)
        plan = reconcile(bound, observed, {"resolve_image": "never"})
        return snapshot_of(self.core.client, bound, observed, plan)

    def draft(self, text: str | None = None):
        return draft(self.core.stack, self.holder, "release 7", snapshot=self.snapshot(text) if text else None)


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def run(core):
    return lambda: Run(core)


@pytest.fixture
def text(bed):
    return lambda page="one": FILE.format(image=bed.images["busybox"], command=QUIET, page=page) + ON_HOST


def left(swarm):
    return [entry["Spec"]["Name"].rpartition(f".{swarm.name}.")[2] for entry in swarm.bookkeeping()]


def lose(core, method, part, after=True):
    """The next answer to such a call gets lost, after (or before) the engine has acted."""
    count = [1]

    def hook(seen, path):
        if seen == method and part in path and count[0]:
            count[0] = 0
            raise ConnectionResetError(104, "Connection reset by peer")

    setattr(core.transport, "after" if after else "before", hook)
    return count


def stored(swarm, end):
    """The config of a revision ("2") or of a part ("2.1")."""
    return next(c for c in swarm.bookkeeping() if c["Spec"]["Name"] == f"stackwright.rev.{swarm.name}.{end}")


def relabel(swarm, number, change):
    """What somebody does to the record of a revision by hand."""
    config = stored(swarm, number)
    labels = change(dict(config["Spec"]["Labels"]))
    body = {"Name": config["Spec"]["Name"], "Labels": labels}
    swarm.node.api("POST", f"/configs/{config['ID']}/update?version={config['Version']['Index']}", body)


def recreate(swarm, end, data):
    """The only way to change the content of a config: remove it and make another with its labels."""
    config = stored(swarm, end)
    swarm.node.api("DELETE", f"/configs/{config['ID']}")
    body = {**config["Spec"], "Data": base64.b64encode(data).decode()}
    swarm.node.api("POST", "/configs/create", body)


def test_a_revision_comes_back_as_it_was_written(run, text, swarm):
    before = time.time()
    one = run()
    begun = one.history.begin(one.draft(text()))
    assert (begun.number, begun.status) == (1, DEPLOYING)
    services = [{"name": f"{swarm.name}_web", "status": "healthy", "message": "", "running": 1}]
    one.history.mark(begun, HEALTHY, services=services)
    other = run()
    (read,) = other.history.read()
    assert (read.number, read.status, read.id, read.who) == (1, HEALTHY, one.holder["run"], "ann@m1")
    assert (read.message, read.operation, read.damaged) == ("release 7", "deploy", "")
    assert before - 1 <= read.queued <= read.started <= read.finished <= time.time()
    (web,) = read.shown()["services"]
    assert (web["name"], web["status"], web["message"], web["running"]) == (f"{swarm.name}_web", "healthy", "", 1)
    assert read.references == (("config", f"{swarm.name}_page"),)
    assert unpack(read.packed) == one.snapshot(text())
    assert other.history.begin(other.draft(text())).number == 2


def test_a_snapshot_holds_no_content(run, text, swarm):
    one = run()
    one.history.begin(one.draft(text("words that only the config has")))
    stored = zlib.decompress(one.history.read()[0].packed[encoding.HEADER.size :])
    assert b"words that only" not in stored
    assert base64.b64encode(b"words that only") not in stored


def test_the_way_back_is_the_bound_state_itself(core, run, text):
    core.deploy(text())
    one = run()
    snapshot = one.snapshot(text())
    observed = observe(core.client, core.stack, snapshot)
    plan = reconcile(recall(core.client, snapshot, observed), observed, {"resolve_image": "never"})
    assert not plan.changed, plan.lines()


def test_a_config_that_is_gone_or_another_is_named(core, run, text, swarm):
    core.deploy(text())
    snapshot = run().snapshot(text())
    core.remove()
    with pytest.raises(StackwrightError, match=f"config {swarm.name}_page no longer exists") as caught:
        recall(core.client, snapshot, observe(core.client, core.stack, snapshot), "revision 1")
    assert caught.value.error_code == "revision_incomplete"
    core.deploy(text("other"))
    with pytest.raises(StackwrightError, match=f"config {swarm.name}_page has different content now"):
        recall(core.client, snapshot, observe(core.client, core.stack, snapshot), "revision 1")


# -- queues


def test_a_queued_run_that_gets_its_turn_keeps_its_number(run, text, swarm):
    one = run()
    queued = one.history.queue(one.draft(), 60)
    assert run().history.read()[0].status == QUEUED
    begun = one.history.begin(replace(queued, **drafted(one, text())))
    assert begun.number == 1 and begun.queued == queued.queued
    (read,) = run().history.read()
    assert (read.status, read.damaged, read.number) == (DEPLOYING, "", 1)
    assert unpack(read.packed)["services"]
    assert left(swarm) == ["1", "1.1"]


def test_a_queued_run_that_others_overtook_gets_a_new_number(run, text, swarm):
    one, other = run(), run()
    queued = one.history.queue(one.draft(), 60)
    other.history.read()
    second = other.history.begin(other.draft(text()))
    other.history.mark(second, HEALTHY)
    begun = one.history.begin(replace(queued, **drafted(one, text("two"))))
    assert (second.number, begun.number) == (2, 3)
    assert [(r.number, r.status) for r in run().history.read()] == [(3, DEPLOYING), (2, HEALTHY)]
    assert left(swarm) == ["2", "3"]


def test_a_queued_run_that_gives_up_is_cancelled(run):
    one = run()
    queued = one.history.queue(one.draft(), 60)
    one.history.mark(queued, CANCELLED, "gave up")
    (read,) = run().history.read()
    assert (read.status, read.reason, read.damaged) == (CANCELLED, "gave up", "")
    assert read.finished


def drafted(one, text):
    made = one.draft(text)
    return {"packed": made.packed, "references": made.references}


def test_what_dead_runs_left_is_settled(run, text):
    one, waiting, late = run(), run(), run()
    one.history.begin(one.draft(text()))
    waiting.history.queue(waiting.draft(), 60)
    late.history.queue(late.draft(), -3600)
    other = run()
    other.history.read()
    interrupted = other.history.settle(other.holder["run"], "ann@m1")
    assert [r.number for r in interrupted] == [1]
    found = {r.number: r for r in run().history.read()}
    assert found[1].status == FAILED and "ann@m1" in found[1].reason
    assert found[2].status == QUEUED
    assert found[3].status == CANCELLED


# -- size


def test_a_thousand_services_need_parts_and_come_back(run, text, swarm):
    one = run()
    snapshot = one.snapshot(text())
    service = snapshot["services"][0]
    noise = {"services": [many(service, number) for number in range(1000)]}
    made = replace(one.draft(), packed=encoding.pack({**snapshot, **noise}))
    revision = one.history.begin(made)
    assert len(made.packed) > 2 * encoding.PART_SIZE, "the case is about a snapshot that does not fit in one"
    services = [{"name": f"{swarm.name}_service-{n}", "status": "healthy", "message": ""} for n in range(1000)]
    one.history.mark(revision, HEALTHY, services=services)
    (read,) = run().history.read()
    assert read.damaged == "" and read.good
    assert unpack(read.packed)["services"] == noise["services"]
    assert len(read.services) == 1000
    sizes = [len(base64.b64decode(config["Spec"]["Data"])) for config in swarm.bookkeeping()]
    assert max(sizes) <= encoding.PART_SIZE
    assert left(swarm) == ["1"] + [f"1.{part}" for part in range(1, len(sizes))]
    print(f"packed {len(made.packed)} bytes in {len(sizes)} parts")


def many(service, number):
    """A service whose environment can't be compressed."""
    container = {**service["spec"]["TaskTemplate"]["ContainerSpec"], "Env": [f"ID={secrets.token_hex(1200)}"]}
    template = {**service["spec"]["TaskTemplate"], "ContainerSpec": container}
    return {**service, "key": f"service-{number}", "spec": {**service["spec"], "TaskTemplate": template}}


@pytest.fixture
def small(monkeypatch):
    """Parts of 200 bytes."""
    monkeypatch.setattr(
        "ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history.split",
        lambda packed: encoding.split(packed, 200),
    )


# -- damage


def damaged_one(one, number):
    """The damaged revision ``number`` beside a good one that still works."""
    found = {r.number: r for r in one.history.read()}
    good = found[1]
    assert good.good and unpack(good.packed)
    return found.get(number)


@pytest.fixture
def two(run, text, small):
    """A history of two good revisions in many parts."""
    for page in ("one", "two"):
        one = run()
        one.history.read()
        one.history.mark(one.history.begin(one.draft(text(page))), HEALTHY)
    return one


@pytest.mark.parametrize("part", ["2.1", "2.2"])
def test_a_missing_part_is_noticed(two, swarm, part):
    config = stored(swarm, part)
    swarm.node.api("DELETE", f"/configs/{config['ID']}")
    damaged = damaged_one(two, 2)
    assert "a part of its snapshot is missing" in damaged.damaged
    assert not damaged.good and damaged.status == HEALTHY
    with pytest.raises(StackwrightError) as caught:
        unpack(damaged.packed)
    assert caught.value.error_code == "revision_damaged"


def test_a_missing_record_leaves_the_others_and_its_parts_go(two, swarm):
    config = stored(swarm, "2")
    swarm.node.api("DELETE", f"/configs/{config['ID']}")
    assert damaged_one(two, 2) is None
    two.history.collect(two.history.revisions, 10)
    assert not [name for name in left(swarm) if name.startswith("2")]
    assert damaged_one(two, 1)


@pytest.mark.parametrize("data", [b"garbage", b"-", b"SWH1", b"SWH1" + b"\0" * 300, zlib.compress(b"{}")])
def test_garbage_in_place_of_a_snapshot_is_noticed(two, swarm, data):
    recreate(swarm, "2", data)
    assert damaged_one(two, 2).damaged


@pytest.mark.parametrize("part", ["2.1", "2"])
def test_one_changed_byte_is_noticed(two, swarm, part):
    config = stored(swarm, part)
    data = bytearray(base64.b64decode(config["Spec"]["Data"]))
    data[-1] ^= 1
    recreate(swarm, part, bytes(data))
    assert "checksum" in damaged_one(two, 2).damaged


@pytest.mark.parametrize(
    "record",
    ["", "no json", "[]", "null", '{"status": "HEALTHY"}', '{"number": 1, "status": "HEALTHY"}', '{"number": 2}']
    + ['{"number": 2, "status": {"a": 1}, "services": 5, "references": [], "queued": "x", "started": -1}', "[" * 9999],
)
def test_a_damaged_record_is_noticed_and_can_be_forgotten(two, swarm, record, run):
    relabel(swarm, 2, lambda labels: {**labels, "stackwright.revision": record})
    damaged = damaged_one(two, 2)
    assert damaged.damaged and not damaged.good
    json.dumps(damaged.shown())
    three = run()
    three.history.read()
    assert three.history.begin(three.draft()).number == 3
    two.history.settle()
    two.history.collect(two.history.revisions, 1)
    assert damaged_one(two, 1)


def test_foreign_labels_are_not_ours(two, swarm):
    before = [(r.number, r.status) for r in two.history.read()]
    for name in ("x", "stackwright.rev", f"stackwright.rev.{swarm.name}.0", f"stackwright.rev.{swarm.name}.07"):
        labels = {"stackwright.stack": swarm.name, "stackwright.revision": '{"number": 2, "status": "HEALTHY"}'}
        swarm.node.api("POST", "/configs/create", {"Name": name, "Labels": labels, "Data": "eA=="})
    assert [(r.number, r.status) for r in two.history.read()] == before
    two.history.collect(two.history.revisions, 1)
    assert len([c for c in swarm.bookkeeping() if c["Spec"]["Data"] == "eA=="]) == 4


# -- retention


def test_the_oldest_go_and_numbers_are_never_used_again(run, text, swarm):
    for number in range(1, 6):
        one = run()
        one.history.read()
        begun = one.history.begin(one.draft(text(str(number))))
        assert begun.number == number
        one.history.mark(begun, FAILED if number == 4 else HEALTHY)
        one.history.collect(one.history.revisions, 2)
    assert [(r.number, r.status) for r in one.history.read()] == [(5, HEALTHY), (4, FAILED), (3, HEALTHY)]


# -- lost answers


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("nth", [0, 1])
def test_a_lost_answer_to_the_beginning_makes_one_revision(core, run, text, swarm, small, after, nth):
    one = run()
    made = one.draft(text())
    count = lose(core, "POST", "/configs/create" if not nth else "create", after)
    one.history.begin(made)
    assert count == [0]
    (read,) = one.history.read()
    assert unpack(read.packed) == unpack(made.packed)
    assert len(left(swarm)) == len(encoding.split(made.packed, 200))


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer_to_the_mark_is_settled(core, run, text, after):
    one = run()
    begun = one.history.begin(one.draft(text()))
    count = lose(core, "POST", "/update", after)
    one.history.mark(begun, HEALTHY)
    assert count == [0]
    assert one.history.read()[0].status == HEALTHY


def test_two_that_begin_at_once_get_different_numbers(run, text):
    one, other = run(), run()
    one.history.read()
    other.history.read()
    numbers = {one.history.begin(one.draft(text())).number, other.history.begin(other.draft(text())).number}
    assert numbers == {1, 2}
    assert len(run().history.read()) == 2


# -- secrets

PLANTED = """
services:
  web:
    image: {image}
    command: ["sh", "-c", "sleep 1d", "--password", "{0}", "--api-key={1}", "postgres://app:{2}@db/x"]
    stop_grace_period: 1s
    environment:
      DB_PASSWORD: "{3}"
      API_TOKEN: "{4}"
      DATABASE_URL: "mysql://root:{5}@db/app"
      OPTIONS: "host=db password={6} port=1"
      PUBLIC: plain
    labels: {{app.secret: "{7}"}}
    deploy: {{labels: {{traefik.http.middlewares.a.basicauth.users: "joe:{8}"}}}}
    secrets: [file]
    configs: [page]
configs:
  page: {{content: "{9}"}}
secrets:
  file: {{file: secret.txt}}
"""


def test_no_planted_secret_is_anywhere_in_what_is_stored_and_all_come_back(core, run, bed, swarm, tmp_path):
    planted = [secrets.token_hex(12) for _number in range(11)]
    (tmp_path / "secret.txt").write_text(planted[10])
    text = PLANTED.format(*planted, image=bed.images["busybox"])
    core.deploy(text)
    one = run()
    begun = one.history.begin(one.draft(text))
    one.history.mark(begun, FAILED, reason=f"postgres://app:{planted[2]}@db refused --password {planted[0]}")
    seen = ""
    for config in swarm.bookkeeping():
        data = base64.b64decode(config["Spec"]["Data"])
        seen += json.dumps(config["Spec"]["Labels"]) + data.hex() + data.decode("latin-1")
        seen += zlib.decompress(data[encoding.HEADER.size :]).decode()
    assert "plain" in seen, "the snapshot was looked into"
    for value in planted:
        assert value not in seen
        assert base64.b64encode(value.encode()).decode()[:14] not in seen
    snapshot = unpack(one.history.read()[0].packed)
    observed = observe(core.client, core.stack, snapshot)
    plan = reconcile(recall(core.client, snapshot, observed), observed, {"resolve_image": "never"})
    assert not plan.changed, plan.lines()

    # A second change later, the old values run nowhere any more.
    for number in range(2):
        core.deploy(text.replace(planted[3], f"other{number}").replace(planted[4], f"token{number}"))
    with pytest.raises(StackwrightError) as caught:
        recall(core.client, snapshot, observe(core.client, core.stack, snapshot), "revision 1")
    assert caught.value.error_code == "value_lost"
    assert caught.value.details["lost"] == ["API_TOKEN of service web", "DB_PASSWORD of service web"]
    assert "DB_PASSWORD of service web" in str(caught.value)
