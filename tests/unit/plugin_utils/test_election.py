import multiprocessing

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.election import Outcome, task_key, turn


def test_the_first_leads_and_the_others_read_its_outcome(tmp_path):
    with turn(str(tmp_path), "task/shop/cluster", "m1") as first:
        assert first.outcome is None
        first.settle(Outcome("m1", "d"))
    with turn(str(tmp_path), "task/shop/cluster", "m2") as second:
        assert second.outcome is not None
        assert second.outcome.host == "m1"


def test_other_clusters_and_stacks_have_leaders_of_their_own(tmp_path):
    with turn(str(tmp_path), "a", "m1") as first:
        first.settle(Outcome("m1", "d"))
    with turn(str(tmp_path), "b", "m2") as other:
        assert other.outcome is None


def test_a_failed_deployment_is_not_tried_again_by_another_manager(tmp_path):
    with turn(str(tmp_path), "a", "m1") as first:
        first.settle(Outcome("m1", "d", failed=True, error_code="health_gate_failed"))
    with turn(str(tmp_path), "a", "m2") as second:
        assert second.outcome is not None
        assert second.outcome.failed


@pytest.mark.parametrize("code", ["daemon_unreachable", "no_quorum", "not_a_manager", "host_unreachable"])
def test_another_manager_takes_over_where_the_leader_could_not_act(tmp_path, code):
    with turn(str(tmp_path), "a", "m1") as first:
        first.settle(Outcome("m1", "d", failed=True, error_code=code))
    with turn(str(tmp_path), "a", "m2") as second:
        assert second.outcome is None


def test_a_host_that_retries_leads_again(tmp_path):
    with turn(str(tmp_path), "a", "m1") as first:
        first.settle(Outcome("m1", "d", failed=True, error_code="health_gate_failed"))
    with turn(str(tmp_path), "a", "m1") as again:
        assert again.outcome is None


def test_a_leader_that_raises_leaves_no_outcome(tmp_path):
    with pytest.raises(KeyboardInterrupt), turn(str(tmp_path), "a", "m1"):
        raise KeyboardInterrupt
    with turn(str(tmp_path), "a", "m2") as second:
        assert second.outcome is None


def _contend(folder, host, leaders):
    with turn(folder, "a", host) as mine:
        if mine.outcome is None:
            leaders.append(host)
            mine.settle(Outcome(host, "d"))


@pytest.mark.slow
def test_of_many_processes_at_once_exactly_one_leads(tmp_path):
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager:
        leaders = manager.list()
        workers = [context.Process(target=_contend, args=(str(tmp_path), f"m{n}", leaders)) for n in range(12)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(leaders) == 1


def once(folder, host, failed=False, code=""):
    """Runs one turn of a host. Returns the leader, and whether it failed."""
    with turn(str(folder), "a", host) as mine:
        if mine.outcome is None:
            mine.settle(Outcome(host, "d", failed, code))
            return host, failed
        return mine.outcome.host, mine.outcome.failed


def test_each_item_of_a_loop_has_one_leader_whoever_comes_when(tmp_path):
    assert [once(tmp_path, "m1") for _item in range(3)] == [("m1", False)] * 3
    # With forks=1 the others come when the first has done all.
    assert [once(tmp_path, "m2") for _item in range(3)] == [("m1", False)] * 3
    assert once(tmp_path, "m2") == ("m2", False)
    assert [once(tmp_path, "m1"), once(tmp_path, "m3")] == [("m2", False), ("m1", False)]


def test_a_host_that_tries_again_does_not_meet_the_failure_that_it_knows(tmp_path):
    assert once(tmp_path, "m1", failed=True, code="health_gate_failed") == ("m1", True)
    assert once(tmp_path, "m2") == ("m1", True)
    assert once(tmp_path, "m2") == ("m2", False)
    assert once(tmp_path, "m1") == ("m2", False)


def test_a_failure_that_was_tried_again_since_is_no_news(tmp_path):
    once(tmp_path, "m1", failed=True, code="health_gate_failed")
    once(tmp_path, "m1")
    assert once(tmp_path, "m2") == ("m1", False)


def test_a_leader_that_was_killed_while_it_wrote_left_nothing(tmp_path):
    once(tmp_path, "m1")
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:20])
    assert once(tmp_path, "m2") == ("m2", False)


class Task:
    _uuid = "u"


def test_the_items_of_a_loop_are_told_apart():
    def key(item):
        return task_key(Task, {"ansible_loop_var": "it", "it": item})

    assert key({"a": 1}) == key({"a": 1})
    assert len({key("web"), key("db"), key({"a": 1}), task_key(Task, {}), task_key(Task, {"it": 1})}) == 4
