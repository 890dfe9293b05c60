"""swarm_cluster on six engines: from nothing to a Swarm, every change of membership, what is refused, killed runs.

STACKWRIGHT_LONG=1 runs the whole matrix of changes, and kills the run before each of its parts.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from members import Members
from testbed import for_tests
from testbed.commands import wait_for

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling import manager
from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.loss import raft

LONG = os.environ.get("STACKWRIGHT_LONG") == "1"
ALL = {"m1": "manager", "m2": "manager", "m3": "manager", "w1": "worker", "w2": "worker", "w3": "worker"}
NOW, YEAR = datetime.now(timezone.utc), timedelta(days=365)
TOKEN = f"SWMTKN-1-{'3' * 50}-{'a' * 25}"  # of no Swarm
CREATION = [
    "init m1",
    "join m2 as a manager",
    "join m3 as a manager",
    "join w1 as a worker",
    "join w2 as a worker",
    "join w3 as a worker",
]


@pytest.fixture(scope="module")
def six():
    with for_tests.bed_for("cluster", keep=True, managers=3, workers=3, swarm=False) as bed:
        yield Members(bed)


@pytest.fixture
def empty(six):
    six.reset()
    yield six
    six.reset()


@pytest.fixture
def full(six):
    """3 managers and 3 workers, whatever the last test has left."""
    six.before, six.answers = (lambda host, part: None), {}
    try:
        six.run(**ALL)
        assert six.nodes("m1") == ALL
    except (StackwrightError, AssertionError):
        six.reset()
        six.run(**ALL)
    return six


def leader(members, by="m1"):
    found = members.api(by, "GET", "/nodes")
    return next(node["Description"]["Hostname"] for node in found if (node.get("ManagerStatus") or {}).get("Leader"))


def test_a_swarm_from_nothing_and_a_second_run(empty):
    planned = empty.run(check=True, **ALL)
    assert planned.steps == CREATION
    assert {part for _host, part in empty.asked} == {"look"}
    done = empty.run(**ALL)
    assert done.steps == CREATION
    assert empty.nodes("m1") == ALL
    again = empty.run(**ALL)
    assert again.steps == []
    assert max(again.calls.values()) <= 2
    assert not any(result["changed"] for result in again.results.values())
    assert empty.api("m1", "GET", "/configs") in (None, [])  # the lock was given back


def test_managers_and_workers_change_places_and_the_leader_goes_last(full):
    led = leader(full)
    heir, other = [name for name in ("m1", "m2", "m3") if name != led]
    wanted = {**ALL, led: "worker", other: "worker", "w1": "manager", "w2": "manager"}
    planned = full.run(check=True, **wanted)
    done = full.run(**wanted)
    assert done.steps == planned.steps == ["promote w1", "promote w2", f"demote {other}", f"demote {led}"]
    assert full.nodes(heir) == wanted
    assert full.run(**wanted).steps == []


def test_a_manager_and_a_worker_leave_and_come_back(full):
    wanted = {**ALL, "m3": "absent", "w3": "absent"}
    planned = full.run(check=True, **wanted)
    done = full.run(**wanted)
    assert done.steps == planned.steps
    assert [step for step in done.steps if "w3" in step] == ["drain w3", "leave w3", "remove w3"]
    assert [step for step in done.steps if "m3" in step] == ["drain m3", "demote m3", "leave m3", "remove m3"]
    assert full.nodes("m1") == {name: role for name, role in ALL.items() if name not in ("m3", "w3")}
    assert any(warning.startswith("2 managers") for warning in done.warnings)
    assert full.run(**wanted).steps == []
    assert full.run(**ALL).steps == ["join m3 as a manager", "join w3 as a worker"]


def test_settings_are_updated_and_fixed_ones_are_refused(full):
    changed = {"task_history_limit": 3, "labels": {"tier": "test"}, "cert_expiry": "1440h"}
    assert full.run(check=True, options=changed, **ALL).steps == ["settings"]
    assert full.run(options=changed, **ALL).steps == ["settings"]
    assert full.run(options=changed, **ALL).steps == []
    spec = full.api("m1", "GET", "/swarm")["Spec"]
    assert (spec["Orchestration"]["TaskHistoryRetentionLimit"], spec["Labels"]) == (3, {"tier": "test"})
    assert full.run(options={"labels": {}}, **ALL).steps == ["settings"]
    for fixed in ({"default_addr_pool": ["10.77.0.0/16"]}, {"subnet_size": 25}, {"data_path_port": 4790}):
        with pytest.raises(StackwrightError) as refused:
            full.run(options=fixed, **ALL)
        assert refused.value.error_code == "unchangeable"
        assert next(iter(fixed)) in str(refused.value)


def test_a_node_that_died_is_removed_and_its_machine_comes_back(full):
    """m3's engine is reset: it has forgotten its membership, and the managers have not."""
    full.bed.node("m3").cli(["docker", "swarm", "leave", "--force"])
    done = full.run(**ALL)
    assert done.steps == ["demote m3", "remove m3", "join m3 as a manager"]
    assert full.nodes("m1") == ALL


def test_what_would_lose_quorum_is_refused_with_the_numbers(full):
    full.bed.kill("m3")
    try:
        full.answers["m3"] = {"unreachable": True, "msg": "no route to host"}
        wait_down(full, "m3")
        before = full.api("m1", "GET", "/nodes")
        for role, doing in (("worker", "demoting"), ("absent", "removing")):
            with pytest.raises(StackwrightError) as refused:
                full.run(**{**ALL, "m2": role})
            assert refused.value.error_code == "quorum"
            assert f"3 managers, 1 down: {doing} m2 leaves 1 of 2, and 2 are needed." in str(refused.value)
        after = full.api("m1", "GET", "/nodes")
        assert [node["Spec"] for node in after] == [node["Spec"] for node in before]
        gone = full.run(options={"remove": ["m3"]}, **ALL)
        assert gone.steps == ["demote m3", "remove m3"]
    finally:
        full.bed.start("m3")
    full.answers.clear()
    assert full.run(**ALL).steps == ["forget m3", "join m3 as a manager"]
    assert full.nodes("m1") == ALL


def wait_down(members, name, by="m1"):
    from testbed.commands import wait_for

    def down():
        nodes = members.api(by, "GET", "/nodes")
        found = next(node for node in nodes if node["Description"]["Hostname"] == name)
        reachable = (found.get("ManagerStatus") or {}).get("Reachability")
        return found["Status"]["State"] == "down" and reachable != "reachable"

    wait_for(f"{name} is down", down, 90)


def test_two_swarms_in_one_play_are_named(empty):
    empty.run(m1="manager", w1="worker")
    empty.run(m2="manager", w2="worker")
    ids = [empty.api(name, "GET", "/swarm")["ID"] for name in ("m1", "m2")]
    for wanted in ({"m1": "manager", "m2": "manager"}, {"m1": "manager", "w2": "worker"}):
        with pytest.raises(StackwrightError) as refused:
            empty.run(**wanted)
        assert refused.value.error_code == "two_clusters"
        assert all(identity in str(refused.value) for identity in ids)
    assert empty.nodes("m1") == {"m1": "manager", "w1": "worker"}


def test_bad_plays(empty):
    for wanted, more, code in (
        ({"w1": "worker"}, {}, "no_manager"),
        ({"m1": "manager"}, {"absent": {"m2": "it has failed earlier in this play"}}, "host_unreachable"),
        (
            {"w1": "worker"},
            {"options": {"join_addrs": [f"{empty.bed.node('m1').address}:2377"], "join_token": "SWMTKN-x"}},
            "wrong_token",
        ),
        (
            {"w1": "worker"},
            {"options": {"join_addrs": [f"{empty.bed.node('m1').address}:2377"], "join_token": TOKEN}},
            "managers_unreachable",
        ),
    ):
        with pytest.raises(StackwrightError) as refused:
            empty.run(**more, **wanted)
        assert refused.value.error_code == code
    assert all(empty.api(name, "GET", "/info")["Swarm"]["LocalNodeState"] == "inactive" for name in empty.bed.nodes)


def test_a_token_that_is_not_of_this_swarm(empty):
    empty.run(m1="manager")
    token = empty.api("m1", "GET", "/swarm")["JoinTokens"]["Worker"]
    there = [f"{empty.bed.node('m1').address}:2377"]
    wrong = f"{token.rpartition('-')[0]}-{'a' * 25}"
    with pytest.raises(StackwrightError) as refused:
        empty.run(options={"join_addrs": there, "join_token": wrong}, w1="worker")
    assert refused.value.error_code == "wrong_token"
    assert wrong not in str(refused.value)
    assert empty.run(options={"join_addrs": there, "join_token": token}, w1="worker").steps == ["join w1 as a worker"]
    assert empty.run(options={"join_addrs": there, "join_token": token}, w1="worker").steps == []


def authority(folder):
    """The certificate and the key of a new authority, as objects and as files for docker swarm ca."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    own = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    own = own.not_valid_before(NOW - YEAR).not_valid_after(NOW + 10 * YEAR)
    own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    (folder / "ca.crt").write_bytes(own.public_bytes(Encoding.PEM))
    (folder / "ca.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return own, key


def expire(path, issuer, key):
    """The node gets its certificate once more, from long ago."""
    now = x509.load_pem_x509_certificate(path.read_bytes())
    old = x509.CertificateBuilder(issuer.subject, now.subject, now.public_key(), x509.random_serial_number())
    old = old.not_valid_before(NOW - YEAR).not_valid_after(NOW - YEAR / 2)
    for extension in now.extensions:
        old = old.add_extension(extension.value, extension.critical)
    path.write_bytes(old.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))


@pytest.mark.parametrize("name", ["w1", "m3"])
def test_a_certificate_that_is_not_valid_by_the_clock_is_named_and_its_host_stays(empty, tmp_path, name):
    wanted = {name: ALL[name] for name in ("m1", "m2", "m3", "w1")}
    empty.run(**wanted)
    issuer, key = authority(tmp_path)
    files = ["--ca-cert", str(tmp_path / "ca.crt"), "--ca-key", str(tmp_path / "ca.key")]
    empty.bed.node("m1").cli(["docker", "swarm", "ca", "--rotate", "--quiet", *files])
    certificate = empty.bed.node(name).folder / "data" / "swarm" / "certificates" / "swarm-node.crt"
    new = (tmp_path / "ca.crt").read_bytes()
    wait_for("the new authority", lambda: new in certificate.with_name("swarm-root-ca.crt").read_bytes(), 60)
    empty.bed.kill(name)
    expire(certificate, issuer, key)
    empty.bed.start(name)
    wait_down(empty, name)

    def seen():
        found = {node["ID"]: node["Spec"] for node in empty.api("m1", "GET", "/nodes")}
        return found, empty.api(name, "GET", "/info")["Swarm"]["LocalNodeState"]

    before = seen()
    for check in (True, False):
        with pytest.raises(StackwrightError) as refused:
            empty.run(check=check, **wanted)
        assert refused.value.error_code == "certificate_time"
        assert f"The certificate of {name} in the Swarm is not valid at the time of its clock" in str(refused.value)
        assert "run `docker swarm leave --force` there, then run again" in str(refused.value)
        assert seen() == before and before[1] == "error"
    empty.leave(name)
    assert f"join {name} as a {ALL[name]}" in empty.run(**wanted).steps
    assert empty.nodes("m1") == wanted


class Killed(BaseException):
    """The controller is gone in the middle."""


def killed_after(members, parts):
    """The run ends before its part of this number."""
    left = [parts]

    def before(host, part):
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    members.before = before


@pytest.fixture
def short_lock(monkeypatch):
    """A killed run's lock expires at once, or each of these tests would wait for it."""
    monkeypatch.setattr(manager, "TTL", 3.0)


KILLS = [*range(6, 26)] if LONG else [7, 9, 11]


@pytest.mark.parametrize("parts", KILLS)
def test_a_killed_creation_is_completed_by_the_next_run(empty, parts, short_lock):
    killed_after(empty, parts)
    # Its lock is left as well: a killed run gives nothing back.
    with pytest.raises(Killed):
        empty.run(**ALL)
    empty.before = lambda host, part: None
    empty.run(**ALL)
    assert empty.nodes("m1") == ALL
    assert (
        len({empty.api(name, "GET", "/info")["Swarm"].get("Cluster", {}).get("ID") for name in ("m1", "m2", "m3")}) == 1
    )
    assert empty.run(**ALL).steps == []


@pytest.mark.skipif(not LONG, reason="set STACKWRIGHT_LONG=1: twenty replacements, each killed elsewhere")
@pytest.mark.parametrize("parts", range(6, 26))
def test_a_killed_replacement_is_completed_by_the_next_run(full, parts, short_lock):
    wanted = {**ALL, "m2": "absent", "w1": "manager"}
    killed_after(full, parts)
    try:
        full.run(**wanted)
    except Killed:
        full.before = lambda host, part: None
        full.run(**wanted)
    full.before = lambda host, part: None
    assert full.nodes("m1") == {name: role for name, role in wanted.items() if role != "absent"}
    assert full.run(**wanted).steps == []


@pytest.mark.skipif(not LONG, reason="set STACKWRIGHT_LONG=1: forty changes of membership, each in check mode first")
def test_forty_changes_of_membership(full):
    chance = random.Random(40)
    wanted, done = dict(ALL), 0
    refused = 0
    while done + refused < 40:
        new = {
            name: role if chance.random() < 0.6 else chance.choice(["manager", "worker", "absent"])
            for name, role in wanted.items()
        }
        if new == wanted:
            continue
        if (
            not any(new[name] == "manager" and wanted[name] != "absent" for name in ALL)
            and "manager" not in new.values()
        ):
            with pytest.raises(StackwrightError) as no:
                full.run(check=True, **new)
            with pytest.raises(StackwrightError) as again:
                full.run(**new)
            assert no.value.error_code == again.value.error_code
            assert no.value.error_code in ("quorum", "last_manager")
            refused += 1
            continue
        try:
            planned = full.run(check=True, **new)
        except StackwrightError as error:
            assert error.error_code == "join_address_gone"
            with pytest.raises(StackwrightError):
                full.run(**new)
            stuck = str(error).partition(" can't be promoted")[0].split(", ")
            print("take out first:", new, stuck, flush=True)
            full.run(**{name: "absent" if name in stuck else role for name, role in wanted.items()})
            planned = full.run(check=True, **new)
        real = full.run(**new)
        assert real.steps == planned.steps, (wanted, new)
        by = next(name for name, role in new.items() if role == "manager")
        assert full.nodes(by) == {name: role for name, role in new.items() if role != "absent"}
        assert full.run(**new).steps == []
        print(done, new, real.steps, flush=True)
        wanted, done = new, done + 1


def test_a_worker_is_not_promoted_through_a_manager_that_has_gone(empty):
    """An Engine joins the raft through the address that it was given to join the Swarm, until it is restarted."""
    before = {"w1": "worker", "m1": "worker", "m2": "manager"}
    empty.run(w1="worker", m1="manager")
    assert empty.run(**before).steps == ["join m2 as a manager", "demote m1"]
    for check in (True, False):
        with pytest.raises(StackwrightError) as refused:
            empty.run(check=check, **{**before, "w1": "manager"})
        assert refused.value.error_code == "join_address_gone"
        assert f"w1 joined through {empty.bed.node('m1').address}:2377" in str(refused.value)
        assert empty.run(**before).steps == []
        assert empty.nodes("m2") == before

    both = {**before, "w1": "manager", "m1": "manager"}
    assert empty.run(check=True, **both).steps == ["promote m1", "promote w1"]

    certificate = empty.bed.node("w1").folder / "data" / "swarm" / "certificates" / "swarm-root-ca.crt"
    restart(empty, "w1")
    os.utime(certificate, (0, 0))  # as if it had not joined just now
    assert empty.run(**{**before, "w1": "manager"}).steps == ["promote w1"]


class Keys:
    """A store of unlock keys that remembers what it was asked, and may refuse to be written."""

    def __init__(self):
        self.kept, self.refuses = {}, False

    def of(self, cluster):
        return list(reversed(self.kept.get(cluster, [])))

    def has(self, cluster, key):
        return self.of(cluster)[:1] == [key]

    def check(self):
        if self.refuses:
            raise StackwrightError("The vault can't be written.", "store_unwritable")

    def put(self, cluster, key):
        self.check()
        self.kept.setdefault(cluster, []).append(key)


VAULT = {"store": "vault", "path": None, "vault_id": None}


def restart(members, *names):
    for name in names:
        members.bed.kill(name)
    for name in names:
        members.bed.start(name)


def test_a_restarted_manager_is_unlocked_and_rotated_keys_are_kept(empty):
    three = {name: ALL[name] for name in ("m1", "m2", "m3")}
    options = {"autolock": True, "unlock_key_store": VAULT}
    empty.keys = Keys()
    assert empty.run(options=options, **three).steps[-1].startswith("keep_key")
    cluster = empty.api("m1", "GET", "/swarm")["ID"]
    first = empty.api("m1", "GET", "/swarm/unlockkey")["UnlockKey"]
    assert empty.keys.kept == {cluster: [first]}
    assert empty.run(options=options, **three).steps == []

    empty.keys.refuses = True
    with pytest.raises(StackwrightError) as refused:
        empty.run(options={**options, "rotate": ["unlock_key"]}, **three)
    assert refused.value.error_code == "store_unwritable"
    assert empty.api("m1", "GET", "/swarm/unlockkey")["UnlockKey"] == first

    empty.keys.refuses = False
    done = empty.run(options={**options, "rotate": ["unlock_key", "worker_token"]}, **three)
    second = empty.api("m1", "GET", "/swarm/unlockkey")["UnlockKey"]
    assert empty.keys.kept == {cluster: [first, second]}
    assert first != second
    assert [step.partition(" ")[2] for step in done.steps if step.startswith("rotate")] == [
        "unlock_key",
        "worker_token",
    ]
    shown = str(done.results) + "".join(empty.lines)
    assert not [key for key in (first, second, "SWMTKN") if key in shown]

    restart(empty, *three)  # all managers: only the store has the key
    kept, empty.keys = empty.keys, None
    with pytest.raises(StackwrightError) as refused:
        empty.run(**three)
    assert refused.value.error_code == "swarm_locked"
    wrong = "SWMKEY-1-" + "A" * 43
    with pytest.raises(StackwrightError) as refused:
        empty.run(options={"unlock_key": wrong}, **three)
    assert refused.value.error_code == "wrong_unlock_key"
    assert wrong not in str(refused.value)
    empty.keys = kept
    assert empty.run(options=options, **three).steps == ["unlock m1", "unlock m2", "unlock m3"]
    assert empty.nodes("m1") == three
    restart(empty, "m2")  # another manager has the key
    empty.keys = None
    assert empty.run(**three).steps == ["unlock m2"]
    assert empty.nodes("m1") == three


def test_new_tokens_and_a_new_authority(full):
    before = full.api("m1", "GET", "/swarm")
    assert full.run(check=True, options={"rotate": ["ca"]}, **ALL).steps == ["rotate ca"]
    done = full.run(options={"rotate": ["manager_token", "ca"]}, **ALL)
    after = full.api("m1", "GET", "/swarm")
    assert done.steps == ["rotate manager_token", "rotate ca"]
    assert after["JoinTokens"]["Manager"] != before["JoinTokens"]["Manager"]
    assert after["TLSInfo"]["TrustRoot"] != before["TLSInfo"]["TrustRoot"]
    assert not after["RootRotationInProgress"]
    with pytest.raises(StackwrightError) as refused:
        full.run(options={"rotate": ["unlock_key"], "unlock_key_store": VAULT}, **ALL)
    assert refused.value.error_code == "invalid_options"


@pytest.mark.skipif(
    not LONG, reason="set STACKWRIGHT_LONG=1: two minutes until lost managers are down, and one is back"
)
def test_a_swarm_that_was_forced_to_one_manager_goes_on(empty):
    """After docker swarm init --force-new-cluster by hand, the other managers are entries that are not in the raft."""
    empty.run(**{name: ALL[name] for name in ("m1", "m2", "m3", "w1")})
    for name in ("m2", "m3"):
        empty.bed.kill(name)
    m1 = empty.bed.node("m1")
    m1.cli(["docker", "swarm", "init", "--force-new-cluster", "--advertise-addr", m1.address])

    def states():
        found = empty.api("m1", "GET", "/nodes")
        return {node["Description"]["Hostname"]: node["Status"]["State"] for node in found}

    settled = {"m1": "ready", "m2": "down", "m3": "down", "w1": "ready"}
    wait_for("the others to be down", lambda: states() == settled, 120)
    numbers = raft(empty.api("m1", "GET", "/nodes"))
    assert (numbers["managers"], numbers["needed"], numbers["quorum"], numbers["unreachable"]) == (1, 1, True, [])
    assert empty.run(m1="manager", w2="manager").steps == ["join w2 as a manager"]
    assert empty.run(m1="manager", w2="worker").steps == ["demote w2"]
    # It comes back with the raft of before, is told that it was removed from it, and becomes a manager of the new one.
    empty.bed.start("m2")
    done = empty.run(m1="manager", m2="manager", w1="worker", options={"remove": ["m3"]})
    assert done.steps == ["remove m3"]
    assert empty.nodes("m1") == {"m1": "manager", "m2": "manager", "w1": "worker", "w2": "worker"}
    reach = {n["Description"]["Hostname"]: n.get("ManagerStatus") for n in empty.api("m1", "GET", "/nodes")}
    assert reach["m2"] and reach["m2"]["Reachability"] == "reachable"
    empty.bed.start("m3")
