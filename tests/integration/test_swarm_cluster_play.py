"""swarm_cluster through ansible-playbook: twelve steps in one play, six hosts with five forks, no secret anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from members import Members
from playbook import Player, python
from testbed import for_tests

MANAGERS, WORKERS = ["m1", "m2", "m3"], ["w1", "w2", "w3"]
CLUSTER = "stackwright.swarm.swarm_cluster"
KEY = {"store": "vault", "path": "keys.yml"}
#: What each task says, and whether it is to be a check; ``fails`` is its error_code.
STEPS = [
    ("check the creation", {}, {"check_mode": True}),
    ("create", {"autolock": True, "unlock_key_store": KEY}, {}),
    ("nothing to do", {"autolock": True}, {}),
    (
        "check a role",
        {"role": "{{ 'worker' if inventory_hostname == 'm3' else omit }}"},
        {"check_mode": True, "diff": True},
    ),
    ("change a role", {"role": "{{ 'worker' if inventory_hostname == 'm3' else omit }}"}, {}),
    (
        "rotate",
        {
            "role": "{{ 'worker' if inventory_hostname == 'm3' else omit }}",
            "rotate": ["worker_token", "unlock_key"],
            "unlock_key_store": KEY,
        },
        {},
    ),
    ("leave", {"state": "{{ 'absent' if inventory_hostname in ['w3', 'm3'] else 'present' }}"}, {}),
    ("left out", {}, {"when": "inventory_hostname not in ['w3', 'm3']"}),
    ("unchangeable", {"subnet_size": 20}, {"fails": "unchangeable"}),
    (
        "addresses",
        {"advertise_addr": "{{ '192.0.2.1' if inventory_hostname == 'w1' else address }}"},
        {"fails": "unchangeable"},
    ),
    ("unknown role", {"worker_groups": ["nobody"]}, {"fails": "unknown_role"}),
    ("all leave", {"state": "absent"}, {"fails": "last_manager"}),
]


@pytest.fixture(scope="module")
def six():
    with for_tests.bed_for("cluster", keep=True, managers=3, workers=3, swarm=False) as bed:
        members = Members(bed)
        members.reset()
        yield members
        members.reset()


def written(player, members):
    hosts = {
        name: {"docker_host": members.bed.node(name).docker_host, "address": members.bed.node(name).address}
        for name in MANAGERS + WORKERS
    }
    groups = {
        "swarm_managers": {"hosts": dict.fromkeys(MANAGERS)},
        "swarm_nodes": {"hosts": hosts},
    }
    shared = {"ansible_connection": "local", "ansible_python_interpreter": python()}
    player.write("inventory.yml", yaml.safe_dump({"all": {"vars": shared, "children": groups}}))
    tasks = []
    for name, options, how in STEPS:
        own = {"docker_host": "{{ docker_host }}", "advertise_addr": "{{ address }}", "dispatcher_heartbeat": "1s"}
        keywords = {key: value for key, value in how.items() if key != "fails"}
        more = {"ignore_errors": True} if "fails" in how else {}
        tasks.append({"name": name, CLUSTER: {**own, **options}, **keywords, **more})
    play = {"hosts": "swarm_managers:swarm_nodes", "gather_facts": False, "tasks": tasks}
    return player.write("play.yml", yaml.safe_dump([play], sort_keys=False))


def test_other_hosts_are_asked_with_their_own_defaults_and_a_promotion_into_nothing_is_refused(six, tmp_path):
    """module_defaults name each host's Engine; managers that are not in the play are asked through theirs."""
    player = Player(tmp_path, {})
    written(player, six)
    number = iter(range(99))

    def play(hosts, module, check=False, **options):
        own = {"docker_host": "{{ docker_host }}"}
        defaults = {"group/stackwright.swarm.swarm": own, CLUSTER: {"advertise_addr": "{{ address }}"}}
        task = {f"stackwright.swarm.{module}": options}
        play = {"hosts": hosts, "gather_facts": False, "module_defaults": defaults, "tasks": [task]}
        done = player.playbook(player.write(f"play{next(number)}.yml", yaml.safe_dump([play])), check=check)
        return done.code, {line["host"]: line["result"] for line in done.lines}, done.output

    code, told, output = play("m1:w3", "swarm_init", check=True)  # the alias makes every host a manager
    assert code == 0 and {host: result["wanted"] for host, result in told.items()} == {"m1": "manager", "w3": "manager"}
    assert output.count('Use swarm_cluster with "role: manager" instead') == 1, output
    code, told, output = play("m1:w1", "swarm_cluster", dispatcher_heartbeat="1s")
    assert code == 0 and six.nodes("m1") == {"m1": "manager", "w1": "worker"}, output
    six.run(m1="worker", m2="manager", w1="worker")
    # m1, m2 and m3 are in swarm_managers, and not in this play.
    code, told, output = play("w2", "swarm_cluster")
    assert code == 0 and told["w2"]["changed"], output
    assert six.nodes("m2") == {"m1": "worker", "m2": "manager", "w1": "worker", "w2": "worker"}
    for check in (True, False):
        code, told, output = play("m2", "swarm_node", check=check, name="w1", role="manager")
        assert code != 0 and told["m2"]["error_code"] == "join_address_gone", output
        assert f"w1 joined through {six.bed.node('m1').address}:2377" in told["m2"]["msg"]
    code, told, output = play("m2", "swarm_node", name="w2", role="manager")
    assert code == 0 and told["m2"]["role"] == "manager", output
    assert not [line for line in told["m2"]["notices"] if "could not read through which" in line]
    assert six.nodes("m2") == {"m1": "worker", "m2": "manager", "w1": "worker", "w2": "manager"}
    six.reset()


def test_the_twelve_steps_and_no_secret_anywhere(six, tmp_path):
    player = Player(tmp_path, {})
    password = player.write("password", "the password of the vault")
    path = written(player, six)
    done = player.playbook(path, verbosity=4, environment={"ANSIBLE_VAULT_PASSWORD_FILE": str(password)})
    assert done.code == 0, done.output[-3000:]

    def told(task):
        return {line["host"]: line["result"] for line in done.lines if line["task"] == task}

    def changed(task):
        return sorted(host for host, result in told(task).items() if result.get("changed"))

    assert changed("check the creation") == changed("create") == MANAGERS + WORKERS
    assert {name: len(told(name)) for name, _options, _how in STEPS} == {
        name: 4 if "when" in how else 6 for name, _options, how in STEPS
    }
    assert changed("nothing to do") == changed("left out") == []
    assert max(result["calls"] for result in told("nothing to do").values()) <= 2
    assert changed("check a role") == changed("change a role") == ["m3"]
    assert told("check a role")["m3"]["diff"] == {"before": "m3: manager\n", "after": "m3: worker\n"}
    assert [action["action"] for action in told("rotate")["m1"]["actions"]] == ["rotate", "rotate", "keep_key"]
    assert {"w3", "m3"} <= set(changed("leave"))
    assert [action["action"] for action in told("leave")["w3"]["actions"]] == ["drain", "leave"]
    for name, _options, how in STEPS:
        if "fails" in how:
            assert {result["error_code"] for result in told(name).values()} == {how["fails"]}, name
            assert not any(result.get("changed") for result in told(name).values())
    assert six.nodes("m1") == {"m1": "manager", "m2": "manager", "w1": "worker", "w2": "worker"}
    joins = six.api("m1", "GET", "/swarm")["JoinTokens"].values()
    secrets = [*joins, six.api("m1", "GET", "/swarm/unlockkey")["UnlockKey"], "SWMTKN-1-", "SWMKEY-1-"]
    assert len(secrets) == 5
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 3
    texts = [done.output, *(path.read_bytes().decode("utf-8", "replace") for path in files)]
    assert not [secret for secret in secrets if any(secret in text for text in texts)]
