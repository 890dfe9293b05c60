"""Three managers at one task: the first in order does the work, and the others refer to its result."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest
from ansible import constants
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts import in_order
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.story_action import StoryAction

HOSTS = ["m1", "m2", "m3"]


class Host(StoryAction):
    """One host; ``looked`` is the result of its check, ``tell`` does its work."""

    def __init__(self, name, looked=None, tell=None, late=0.0, before=None, batch=HOSTS):
        self._task = SimpleNamespace(_uuid="u", run_once=False, throttle=0, args={}, check_mode=False)
        self.name, self.late, self.before, self.batch = name, late, before, batch
        self.looked = {"changed": False, "stack": "shop", "cluster_id": "c", **(looked or {})}
        self._tell = tell or (lambda: {"changed": True, "stack": "shop"})
        self.worked = False

    def run_here(self):
        variables = {"inventory_hostname": self.name, "ansible_play_batch": self.batch, "ansible_play_hosts_all": HOSTS}

        def act(meeting):
            time.sleep(self.late)
            if self.before:
                raise self.before
            return self.by_first(meeting, "shop", {"name": "shop"}, {}, variables, self._work)

        return self.in_order(variables, act)

    def _work(self, looked, handed):
        self.worked = True
        return self._tell()

    def _glanced(self, arguments, handed, variables, run):
        return dict(self.looked)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(in_order, "GRACE", 0.5)


def played(*hosts):
    results = {}

    def run(host):
        try:
            results[host.name] = host.run_here()
        except AnsibleConnectionFailure as error:
            results[host.name] = {"unreachable": True, "msg": str(error)}

    threads = [threading.Thread(target=run, args=[host]) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(results) == len(hosts)
    return results


def test_the_first_in_order_works_also_if_it_comes_last():
    hosts = [Host("m1", late=0.3), Host("m2"), Host("m3")]
    results = played(*reversed(hosts))
    assert [host.worked for host in hosts] == [True, False, False]
    assert [results[name].get("done_by") for name in HOSTS] == [None, "m1", "m1"]
    assert [results[name]["changed"] for name in HOSTS] == [True, False, False]


def test_without_the_first_the_next_works():
    hosts = [Host("m2"), Host("m3")]
    results = played(*hosts)
    assert [host.worked for host in hosts] == [True, False] and results["m3"]["done_by"] == "m2"


def lost():
    raise AnsibleConnectionFailure("gone")


@pytest.mark.parametrize(
    "first",
    [
        {"looked": {"failed": True, "error_code": "daemon_unreachable", "msg": "m1 does not answer"}},
        {"tell": lost},
        {"tell": lambda: {"failed": True, "error_code": "worker_died", "msg": "killed"}},
        {"tell": lambda: {"unreachable": True, "changed": True, "msg": "gone"}},
    ],
    ids=["no engine", "connection", "worker", "connection after a change"],
)
def test_where_the_first_can_not_the_next_does(first):
    hosts = [Host("m1", **first), Host("m2"), Host("m3")]
    results = played(*hosts)
    assert [host.worked for host in hosts][1:] == [True, False]
    assert results["m1"].get("failed") or results["m1"].get("unreachable")
    assert results["m3"]["done_by"] == "m2" and not results["m3"].get("failed")


def test_a_failure_of_the_work_is_told_by_the_one_that_did_it():
    failed = {"failed": True, "error_code": "tasks_fail", "msg": "it exits"}
    results = played(*(Host(name, tell=lambda: failed) for name in HOSTS))
    assert [results[name]["failed"] for name in HOSTS] == [True] * 3
    assert [results[name]["msg"] == "it exits" for name in HOSTS] == [True, False, False]
    assert all("m1" in results[name]["msg"] for name in ("m2", "m3"))


def test_what_all_find_out_alike_is_told_by_the_first():
    error = StackwrightError("compose.yml:3: imge", "invalid_compose")
    results = played(*(Host(name, before=error, late=0.2 * (name == "m1")) for name in HOSTS))
    assert ["imge" in results[name]["msg"] for name in HOSTS] == [True, False, False]
    assert {result["error_code"] for result in results.values()} == {"invalid_compose"}
    assert all(result["failed"] for result in results.values())


def test_who_comes_when_all_others_have_failed_neither_works_again_nor_tells_it_again():
    """With one fork, Ansible removes failed hosts from the batch before it runs the next one."""
    failed = {"failed": True, "error_code": "tasks_fail", "msg": "it exits"}
    last = Host("m3", tell=lambda: failed, batch=["m3"])
    for host in (Host("m1", tell=lambda: failed), Host("m2", batch=["m2", "m3"]), last):
        result = played(host)[host.name]
        assert result["failed"] and host.worked == (host.name == "m1")
    error = StackwrightError("compose.yml:3: imge", "invalid_compose")
    told = [
        played(Host(name, before=error, batch=HOSTS[place:]))[name]["msg"]
        for place, name in enumerate(("m1", "m2", "m3"))
    ]
    assert "imge" in told[0] and ["m1" in text for text in told[1:]] == [True, True]


def test_another_failure_is_told_by_its_host():
    error = StackwrightError("compose.yml:3: imge", "invalid_compose")
    other = {"failed": True, "error_code": "not_a_manager", "msg": "m2 is a worker"}
    results = played(Host("m1", before=error), Host("m2", looked=other), Host("m3", before=error))
    assert results["m2"]["msg"] == "m2 is a worker" and "m1" in results["m3"]["msg"]


def test_two_clusters_each_have_one():
    hosts = [Host("m1"), Host("m2", looked={"cluster_id": "d"}), Host("m3")]
    results = played(*hosts)
    assert [host.worked for host in hosts] == [True, True, False] and results["m3"]["done_by"] == "m1"


class Once(Host):
    """A host at a task that runs once per cluster, without the story."""

    def run_here(self):
        variables = {"inventory_hostname": self.name, "ansible_play_batch": self.batch, "ansible_play_hosts_all": HOSTS}
        return self.once_per_cluster("shop", {"name": "shop"}, {}, variables)

    def _glanced(self, arguments, handed, variables, run):
        time.sleep(self.late)
        return dict(self.looked)

    def _followed(self, arguments, handed, variables):
        return self._work({}, {})


def test_other_tasks_are_done_by_the_first_in_order_too():
    change = {"changed": True}
    hosts = [Once("m1", change, late=0.3), Once("m2", change), Once("m3", change)]
    results = played(*reversed(hosts))
    assert [host.worked for host in hosts] == [True, False, False]
    assert [results[name].get("done_by") for name in HOSTS] == [None, "m1", "m1"]


def test_without_work_nobody_waits_for_another():
    hosts = [Once("m1", late=1.5), Once("m2"), Once("m3")]
    begun = time.monotonic()
    assert "done_by" not in played(*hosts[1:])["m3"]
    assert time.monotonic() - begun < 1.4
    assert not any(host.worked for host in hosts)
