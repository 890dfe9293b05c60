"""The changes of membership for a snapshot: a case for each in tests/unit/cases/membership."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.forecast import after, forecast, settled
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import Host, Node, World
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.quorum import even_warning, needed
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import Goal, next_step, phantoms

FOLDER = Path(__file__).resolve().parents[2] / "cases" / "membership"
CASES = {
    f"{path.stem}: {name}": case
    for path in sorted(FOLDER.glob("*.yml"))
    for name, case in yaml.safe_load(path.read_text()).items()
}
EXPIRED = "x509: certificate has expired or is not yet valid"
SPEC = {"Orchestration": {"TaskHistoryRetentionLimit": 5}, "EncryptionConfig": {"AutoLockManagers": False}}


def node(identity, words):
    said = dict(word.partition("=")[::2] for word in words.split())
    role = "manager" if {"manager", "leader"} & set(said) else "worker"
    down = "down" in said
    manager = role == "manager"
    return Node(
        identity,
        said.get("name", identity),
        role,
        "down" if down else "ready",
        availability="drain" if "drain" in said else "active",
        address=f"10.0.0.{said.get('at', identity)}",
        listed=manager and "unlisted" not in said,
        reachable=manager and not down,
        leader="leader" in said,
        leaving=said.get("name", identity) if "leaving" in said else "",
        busy=int(said.get("busy", 0)),
        age=float(said.get("age", 0)),
    )


def host(name, wanted, words):
    """Returns the host, and its node if the managers know it."""
    address = f"10.0.0.{name}"
    base = Host(name, wanted, name, addresses=(address,))
    special = {
        "none": base,
        "error": replace(base, state="error", error="no route to host"),
        "expired": replace(base, state="error", error=EXPIRED, cluster_id="c1"),
        "pending": replace(base, state="pending"),
        "locked": replace(base, state="locked"),
        "removed": replace(base, state="active", node_id=f"r-{name}", cluster_id="c1"),
        "other": replace(base, state="active", node_id=f"o-{name}", cluster_id="c2", control=wanted == "manager"),
        "foreign": replace(base, state="active", node_id=f"f-{name}"),
        "leaderless": replace(base, state="active", node_id=f"l-{name}", cluster_id="c1", error="it has no leader"),
    }
    if words in special:
        return special[words], None
    own = node(name, words)
    up = own.is_manager and own.reachable
    return replace(base, state="active", node_id=name, control=up, cluster_id="c1" if up else ""), own


def read(case):
    pairs = [host(name, *(part.strip() for part in text.split("|"))) for name, text in case["hosts"].items()]
    nodes = [own for _host, own in pairs if own is not None]
    nodes += [node(name, words) for name, words in case.get("others", {}).items()]
    live = case.get("nodes") != "none" and any(own.leader for own in nodes)
    given = dict(case.get("goal", {}))
    given["remove"] = tuple(given.get("remove", ()))
    missing = case.get("missing", {})
    goal = Goal(missing=missing, unsure={name: why for name, why in missing.items() if name[0] == "m"}, **given)
    hosts = tuple(one for one, _own in pairs)
    return World(hosts, tuple(nodes) if live else (), "c1" if live else "", SPEC if live else None), goal


def short(step):
    return step.text.partition(":")[0]


@pytest.mark.parametrize("name", CASES)
def test_the_steps_are_as_announced(name):
    case = CASES[name]
    world, goal = read(case)
    if "error" in case:
        with pytest.raises(StackwrightError) as refused:
            forecast(world, goal)
        assert refused.value.error_code == case["error"]
        assert case["says"] in str(refused.value)
        return
    steps, end = forecast(world, goal)
    assert [short(step) for step in steps] == case["steps"]
    managers = sum(own.is_manager for own in end.nodes)
    assert case.get("warns", "") in (even_warning(managers) if managers else "")
    assert [own.id for own in phantoms(end, goal)] == case.get("phantoms", [])
    assert bool(case.get("ends")) == (not end.cluster_id and not any(one.is_member for one in end.hosts)) or not steps


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.get("steps")])
def test_a_run_that_ends_anywhere_is_continued_by_the_next(name):
    world, goal = read(CASES[name])
    steps, _end = forecast(world, goal)
    world = settled(world)
    for number, step in enumerate(steps):
        assert [short(item) for item in forecast(world, goal)[0]] == [short(item) for item in steps[number:]]
        world = after(world, step, goal)
    assert next_step(world, goal) is None


def kept_quorum(world):
    up = world.managers
    return not up or sum(up.values()) >= needed(len(up))


@pytest.mark.parametrize(
    ("through", "others", "steps"),
    [
        ("10.0.0.m9:2377", {}, None),  # a machine that is not of the play, or has gone
        ("[fd00::9]:2377", {}, None),
        ("10.0.0.w2:2377", {"w2": "worker"}, None),
        ("10.0.0.m1:2377", {}, ["promote w1"]),
        ("10.0.0.w2:2377", {"w2": "manager"}, ["promote w2", "promote w1"]),
        ("", {}, ["promote w1"]),
    ],
)
def test_a_promotion_goes_through_a_manager_that_is_there(through, others, steps):
    wanted = {"m1": "manager", "w1": "manager", **others}
    case = {"hosts": {name: f"{role} | {'leader' if name == 'm1' else 'worker'}" for name, role in wanted.items()}}
    world, goal = read(case)
    stuck = [replace(one, joins_by=through) if one.host == "w1" else one for one in world.hosts]
    world = replace(world, hosts=tuple(stuck))
    if steps is None:
        with pytest.raises(StackwrightError) as refused:
            forecast(world, goal)
        assert (refused.value.error_code, through in str(refused.value)) == ("join_address_gone", True)
    else:
        assert [short(step) for step in forecast(world, goal)[0]] == steps


@pytest.mark.slow
def test_no_plan_ever_loses_quorum():
    """Random worlds: each plan keeps quorum after each of its steps and reaches its goal, or is refused."""
    chance = random.Random(17)
    planned = refused = 0
    for _round in range(1500):
        hosts, nodes = [], []
        for number in range(chance.randint(1, 7)):
            role = chance.choice(["manager", "manager", "worker", "none"])
            down = " down" if chance.random() < 0.2 else ""
            words = role if role == "none" else f"{role}{down}{' drain leaving' if chance.random() < 0.1 else ''}"
            wanted = chance.choice(["manager", "manager", "worker", "absent"])
            one, own = host(f"n{number}", wanted, words)
            if not down or chance.random() < 0.5:
                hosts.append(one)
            if own is not None:
                nodes.append(own)
        first = next((own for own in nodes if own.reachable), None)
        if first is None or not hosts:
            continue
        nodes[nodes.index(first)] = replace(first, leader=True)
        world = World(tuple(hosts), tuple(nodes), "c1", SPEC)
        goal = Goal(remove=tuple(own.id for own in nodes if own.is_down and chance.random() < 0.3))
        if not kept_quorum(world):
            continue
        try:
            steps, end = forecast(world, goal)
        except StackwrightError as error:
            assert error.error_code in ("quorum", "last_manager", "node_up", "no_manager"), error
            refused += 1
            continue
        planned += bool(steps)
        for step in steps:
            world = after(world, step, goal)
            assert kept_quorum(world), steps
        for one in end.hosts:
            assert (end.node_of(one).role if end.node_of(one) else "absent") == one.wanted
    assert planned > 200
    assert refused > 200
