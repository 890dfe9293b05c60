"""stack_preflight on three managers at the same time, with a fake module: the effect of findings on each host."""

import copy
import re
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible import constants

from ansible_collections.stackwright.swarm.plugins.action import stack_preflight
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import ERROR, WARNING, finding
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.preflighted import stopped

HOSTS = ["m1", "m2", "m3"]
PREFLIGHT = Path(stack_preflight.__file__).parents[1] / "module_utils"
#: Every code that a source of findings names.
SOURCES = [*(PREFLIGHT / "preflight").glob("*.py"), PREFLIGHT / "tasks" / "node_preflight.py"]
CODES = sorted(
    {code for path in SOURCES for code in re.findall(r'(?:ERROR|WARNING|level|"\]),\s*"([a-z_]+)",', path.read_text())}
    | {"constraints", "platform", "plugin", "host_port", "resources", "port_in_use", "ingress_port_in_use"}
)


class Host(stack_preflight.ActionModule):
    """One host; ``answers`` by part of the module's work."""

    def __init__(self, name, answers, hosts=HOSTS, fail_on="error", uuid="u"):
        self._task = SimpleNamespace(_uuid=uuid, run_once=False, throttle=0, args={})
        self.name, self.answers, self.fail_on, self.hosts = name, answers, fail_on, hosts

    def run_here(self):
        hosts = {"ansible_play_batch": self.hosts, "ansible_play_hosts": self.hosts}
        return self.act({}, {"inventory_hostname": self.name, **hosts})

    def checked(self, spec):
        return {
            "name": "shop",
            "src": None,
            "definition": {},
            "fail_on": self.fail_on,
            "min_free_mib": 0,
            "warn_free_mib": 0,
        }

    def connection_arguments(self, options):
        return {}

    def _desired(self, options, variables):
        return {"stack": {"name": "shop", "id": "i", "hash": "h"}, "networks": [], "services": []}

    def _call(self, arguments, handed, variables):
        return copy.deepcopy({"calls": 1, "changed": False, **self.answers[handed["part"]]})


def answers(name, cluster=(), node=(), look=(), swarm="c"):
    about = {"node": name, "node_id": f"id-{name}", "cluster_id": swarm, "manager": True, "local": True, "api": ""}
    port = {"service": "web", "where": "", "level": ERROR, "port": [80, "tcp"], "mode": "host"}
    facts = {f"id-{host}": {"name": host, "ports": [port], "binds": []} for host in HOSTS}
    return {
        "look": {**about, "findings": list(look)},
        # Whoever looks at the cluster looks at its own node as well.
        "cluster": {"findings": [*cluster, *node], "cluster": {}, "facts": facts},
        "node": {"findings": list(node)},
    }


def run(monkeypatch, folder, hosts):
    """Returns the results of hosts that run at the same time."""
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(folder))
    monkeypatch.setattr(stack_preflight, "PREFLIGHT", {})
    done = {}

    def one(host):
        done[host.name] = host.run_here()

    threads = [threading.Thread(target=one, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return done


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("level", [ERROR, WARNING])
def test_a_finding_about_the_cluster_fails_every_host(monkeypatch, tmp_path, code, level):
    found = finding(level, code, "m.", service="web")
    done = run(monkeypatch, tmp_path, [Host(name, answers(name, cluster=[found]), fail_on=level) for name in HOSTS])
    assert [result.get("failed") for result in done.values()] == [True] * 3
    assert {result["error_code"] for result in done.values()} == {code}
    (leader,) = [host for host, result in done.items() if result["findings"]]
    for host in set(HOSTS) - {leader}:
        assert done[host]["stopped_by"] == leader
        assert re.fullmatch(
            rf"1 preflight check failed on the Swarm: {code}. See the result of {leader}.", done[host]["msg"]
        )
    left = stopped(str(tmp_path), "shop", {"ansible_play_hosts_all": HOSTS, "ansible_play_hosts": HOSTS[:1]})
    assert left["c"].error_code == code


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("part", ["node", "look"])
def test_a_finding_about_a_node_fails_every_host_of_its_cluster(monkeypatch, tmp_path, code, part):
    found = finding(ERROR, code, "m.", node="m2")
    hosts = [Host(name, answers(name, **({part: [found]} if name == "m2" else {}))) for name in HOSTS]
    elsewhere = Host("other", answers("other", swarm="d"))
    for host in [*hosts, elsewhere]:
        host.hosts = [*HOSTS, "other"]
    done = run(monkeypatch, tmp_path, [*hosts, elsewhere])
    assert {host: bool(result.get("failed")) for host, result in done.items()} == {
        "m1": True,
        "m2": True,
        "m3": True,
        "other": False,
    }
    assert done["m2"]["findings"] and not done["m1"]["findings"]
    assert re.fullmatch(rf"1 preflight check failed on [\w ]+: {code}. See the result of m2.", done["m1"]["msg"])
    assert [result["ok"] for _host, result in sorted(done.items())] == [False, False, False, True]


def test_warnings_stop_nobody(monkeypatch, tmp_path):
    found = finding(WARNING, "no_ipvs", "m.")
    hosts = [Host(name, answers(name, cluster=[found], node=[found])) for name in HOSTS]
    done = run(monkeypatch, tmp_path, hosts)
    assert not any(result.get("failed") for result in done.values())
    assert all(result["ok"] for result in done.values())


def test_who_never_fails_still_tells_that_it_is_not_well(monkeypatch, tmp_path):
    found = finding(ERROR, "constraints", "m.")
    done = run(monkeypatch, tmp_path, [Host(n, answers(n, cluster=[found]), fail_on="never") for n in HOSTS])
    assert not any(result.get("failed") or result["ok"] for result in done.values())


@pytest.mark.parametrize("code", ["daemon_unreachable", "no_quorum", "timeout", "engine_error"])
def test_a_manager_that_can_not_look_is_followed_by_the_next(monkeypatch, tmp_path, code):
    broken = answers("m1")
    broken["cluster"] = {"findings": [finding(ERROR, code, "m.", node="m1")]}
    done = run(monkeypatch, tmp_path, [Host("m1", broken)])
    assert done["m1"]["error_code"] == code
    done.update(run(monkeypatch, tmp_path, [Host(name, answers(name)) for name in ("m2", "m3")]))
    (leader,) = [host for host in ("m2", "m3") if "done_by" not in done[host]]
    assert not [host for host in ("m2", "m3") if done[host].get("failed")], done
    assert leader
