"""playbooks/site.yml on three managers with a proxy: one of them deploys all stacks, and few lines tell it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from caddy import VERSIONS, Caddy, running
from playbook import ROOT, Player
from testbed import for_tests
from testbed.swarm import StackScope

NAMES = ("api", "db", "web")
#: What Ansible prints around the lines of the task, on three managers.
AROUND = 18
COMPOSE = """\
services:
  app:
    image: {image}
    command: ["sleep", "{command}"]
    stop_grace_period: 1s
    deploy:
      endpoint_mode: dnsrr
      restart_policy: {{condition: none}}
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: {domain}.example.com
        stackwright.http.routes.0.tls: "off"
"""


@pytest.fixture(scope="module")
def bed():
    with for_tests.bed_for("managers", keep=True, managers=3, workers=0) as made:
        yield made


class Site:
    def __init__(self, bed, scope, proxy, folder):
        self.bed, self.scope, self.proxy = bed, scope, proxy
        self.player = Player(folder, {host: bed.node(host).docker_host for host in ("m1", "m2", "m3")})
        for name in NAMES:
            self.write(name)

    def name(self, stack):
        return f"{self.scope.name}-{stack}"

    def write(self, stack, command="1d"):
        text = COMPOSE.format(image=self.bed.images["busybox"], command=command, domain=stack)
        self.player.write(f"stacks/{self.name(stack)}/compose.yml", text)
        after = [self.name("db")] if stack == "api" else []
        self.player.write(f"stacks/{self.name(stack)}/stack.yml", yaml.safe_dump({"after": after}))

    def run(self, check=False, **given):
        play = yaml.safe_load((ROOT / "playbooks" / "site.yml").read_text())
        play[0]["module_defaults"] = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
        play[0]["vars"].update(
            stack_list="stacks",
            stack_admin=[self.proxy.url],
            stack_on_unlisted_proxy="ignore",
            stack_preflight=False,
            stack_rollout={"stable_for": 0.3, "timeout": 60},
        )
        play[0]["vars"].update({f"stack_{key}": value for key, value in given.items()})
        return self.player.playbook(self.player.write("site.yml", yaml.safe_dump(play, sort_keys=False)), check=check)


@pytest.fixture
def site(bed, tmp_path):
    scope = StackScope(bed, "site")
    scope.remove()
    with running(Caddy(VERSIONS[-1], tmp_path / "caddy")) as proxy:
        yield Site(bed, scope, proxy, tmp_path)
    scope.remove()


def results(run):
    """What the one task gave back, by host."""
    return {line["host"]: line["result"] for line in run.lines if line["task"].endswith("the stack and its routes")}


def told(run, host="m1"):
    return {one["stack"].rpartition("-")[2]: one["result"] for one in results(run)[host]["stacks"]}


def domains(proxy):
    return {
        host
        for route in proxy.routes()
        for match in route.get("match", [])
        for host in match["host"]
        if not host.endswith(".")
    }


def test_all_stacks_and_their_routes(site):
    first = site.run()
    assert first.code == 0, first.output
    found = results(first)
    assert told(first) == dict.fromkeys(NAMES, "changed")
    assert [found[host].get("done_by") for host in ("m1", "m2", "m3")] == [None, "m1", "m1"]
    assert {line.split("]")[0] for line in first.output.splitlines() if line.startswith("[m")} == {"[m1"}
    assert domains(site.proxy) == {f"{name}.example.com" for name in NAMES}
    # The first run looks at all of them, the second knows all of them.
    for _run in range(2):
        again = site.run()
        assert again.code == 0 and told(again) == dict.fromkeys(NAMES, "unchanged"), again.output
        assert not any(result.get("changed") for result in again.of())
        # None of them had a run of its own.
        assert all("seconds" not in one for one in results(again)["m1"]["stacks"]), again.output
        assert [proxy["changes"] for one in results(again)["m1"]["stacks"] for proxy in one["routes_result"]] == [
            []
        ] * 9
        lines = again.output.rstrip("\n").splitlines()
        assert len(lines) == AROUND + 1 + len(NAMES), again.output
    # A route that somebody has removed is that of one stack; the others have theirs.
    site.proxy.put_routes([route for route in site.proxy.routes() if "db.example.com" not in str(route)])
    planned = site.run(check=True)
    assert planned.code == 0 and told(planned)["db"] == "changed", planned.output
    assert "db.example.com" not in domains(site.proxy)
    mended = site.run()
    assert mended.code == 0 and told(mended) == {"api": "unchanged", "db": "changed", "web": "unchanged"}
    assert domains(site.proxy) == {f"{name}.example.com" for name in NAMES}


def test_a_failure_is_told_by_one_manager_and_names_its_stacks(site):
    site.write("db", command="exit")
    run = site.run(rollout={"stable_for": 3, "timeout": 30, "max_restarts": 1})
    assert run.code != 0
    assert told(run) == {"api": "skipped", "db": "failed", "web": "changed"}
    found = results(run)
    assert site.name("db") in found["m1"]["msg"] and "m1" in found["m2"]["msg"] and "\n" not in found["m2"]["msg"]
    assert domains(site.proxy) == {"web.example.com"}


@pytest.mark.parametrize("given", [{"state": "absent"}, {"list": ""}])
def test_no_state_for_all_and_no_empty_list(site, given):
    run = site.run(**given)
    assert run.code != 0 and "Nothing was changed" in run.output, run.output
