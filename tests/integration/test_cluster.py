"""Several managers in one play: one deployment a cluster; and what a node says that can't deploy."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from playbook import Player
from testbed import BedError, for_tests
from testbed.commands import wait_for

COMPOSE = """\
services:
  web:
    image: {image}
    command: sleep 1d
    stop_grace_period: 1s
    deploy:
      replicas: ${{REPLICAS:-1}}
"""


@pytest.fixture(scope="module")
def cluster():
    """Three managers and a worker, and beside them a node that is in no Swarm."""
    with for_tests.bed_for("cluster", managers=3, workers=1) as bed:
        yield bed


@pytest.fixture
def player(cluster, tmp_path):
    hosts = {name: cluster.node(name).docker_host for name in ("m1", "m2", "m3")}
    return Player(tmp_path, hosts, {"compose.yml": COMPOSE.format(image=cluster.images["busybox"])})


def task(**options):
    return {"compose_stack": {"name": "shop", "src": "compose.yml", "rollout": {"timeout": 60}, **options}}


def by_host(played):
    return {line["host"]: line["result"] for line in played.lines}


def answers(node):
    try:
        node.api("GET", "/services", timeout=10)
        return True
    except (OSError, BedError):
        return False


def version(cluster):
    return cluster.node("m1").cli(["docker", "service", "inspect", "shop_web", "--format", "{{.Version.Index}}"]).stdout


@pytest.fixture(autouse=True)
def no_stack_stays(cluster, player):
    yield
    cluster.wait_ready()
    player.play({"compose_stack": {"name": "shop", "state": "absent"}})


def test_a_play_over_all_managers_deploys_once(player, cluster):
    check = player.play(task(), check=True)
    run = player.play(task())
    assert (check.code, run.code) == (0, 0), check.output + run.output
    for played in (check, run):
        results = by_host(played)
        leaders = [host for host, result in results.items() if result["changed"]]
        assert len(leaders) == 1, played.output
        followers = {result["done_by"] for host, result in results.items() if host not in leaders}
        assert followers == set(leaders)
    before = version(cluster)
    again = player.play(task())
    assert again.code == 0, again.output
    assert [result["changed"] for result in by_host(again).values()] == [False] * 3
    assert version(cluster) == before


def test_a_plan_that_was_approved_on_all_managers_is_carried_out_once(player):
    look = {**task(), "check_mode": True, "register": "approved"}
    run = player.play(look, task(plan_id="{{ approved.plan_id }}"))
    assert run.code == 0, run.output
    shown, done = run.lines[:3], run.lines[3:]
    assert len({line["result"]["plan_id"] for line in shown}) == 1
    assert sorted(line["result"]["changed"] for line in done) == [False, False, True]
    # Approved again where nothing is left to do; and out of date once something has changed.
    again = player.play(task(plan_id=shown[0]["result"]["plan_id"]))
    assert again.code == 0, again.output
    stale = player.play(task(plan_id=shown[0]["result"]["plan_id"], variables={"REPLICAS": 2}))
    assert stale.code != 0
    assert {line["result"]["error_code"] for line in stale.lines} == {"plan_stale"}


def test_a_manager_that_is_not_the_leader_deploys(player):
    for host in ("m1", "m2", "m3"):
        run = player.play(task(variables={"REPLICAS": len(host)}), limit=host)
        assert run.code == 0, run.output
    changed = player.play(task(variables={"REPLICAS": 1}), limit="m3")
    assert changed.code == 0, changed.output
    assert by_host(changed)["m3"]["changed"]


def test_the_next_manager_takes_over_where_one_is_dead(player, cluster):
    cluster.kill("m1")
    try:
        wait_for("the managers that are left to have a leader", lambda: answers(cluster.node("m2")), 180)
        run = player.play({**task(), "ignore_errors": True})
        results = by_host(run)
        assert results["m1"]["error_code"] == "daemon_unreachable", run.output
        leaders = [host for host in ("m2", "m3") if results[host].get("changed")]
        assert len(leaders) == 1, run.output
    finally:
        cluster.start("m1")


def test_a_failed_deployment_is_tried_by_one_manager_only(player, cluster):
    broken = COMPOSE.format(image=cluster.images["busybox"]).replace("sleep 1d", "sh -c 'exit 3'")
    player.write("compose.yml", broken)
    run = player.play(task(rollout={"timeout": 30}))
    assert run.code == 2
    results = by_host(run)
    causes = [result["msg"] for result in results.values() if "shop_web" in result["msg"]]
    assert len(causes) == 1, run.output
    assert {result["error_code"] for result in results.values()} == {results["m1"]["error_code"]}


def test_hosts_that_want_different_things_of_one_stack_are_told_so(player):
    run = player.play(task(variables={"REPLICAS": "{{ 1 if inventory_hostname == 'm1' else 2 }}"}))
    assert run.code == 2
    assert "conflict" in {result.get("error_code") for result in by_host(run).values()}


def test_a_worker_says_that_it_is_one(player, cluster):
    run = player.play(task(docker_host=cluster.node("w1").docker_host), limit="m1")
    assert run.code == 2
    assert run.last["error_code"] == "not_a_manager"
    assert "Traceback" not in run.output


def test_a_swarm_without_quorum_says_so_and_nothing_hangs(player, cluster):
    cluster.kill("m2")
    cluster.kill("m3")
    try:
        run = player.play(task(), limit="m1")
        assert run.code == 2, run.output
        assert run.last["error_code"] == "no_quorum"
    finally:
        cluster.start("m2")
        cluster.start("m3")
        cluster.wait_ready()


def test_a_node_outside_any_swarm_says_so(player, cluster, tmp_path):
    with for_tests.bed_for("lonely") as lonely:
        node = lonely.node("m1")
        node.cli(["docker", "swarm", "leave", "--force"])
        run = player.play(task(docker_host=node.docker_host), limit="m1")
        assert run.code == 2
        assert run.last["error_code"] == "not_in_swarm"
