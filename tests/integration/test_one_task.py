"""playbooks/deploy.yml on three managers: who does the work, and what is shown."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from caddy import VERSIONS, Caddy, running
from playbook import ROOT, Player
from testbed import for_tests
from testbed.swarm import StackScope

#: A run without changes; what each part adds is in the tests.
LINES = 18
#: How a service goes on the way: as many lines as that takes.
PROGRESS = re.compile(r"\[m\d\] \S+: \d+/\d+ running")
COMPOSE = """\
services:
  web:
    image: {image}
    command: ["sh", "-c", "{command}"]
    stop_grace_period: 1s
    deploy:
      endpoint_mode: dnsrr
      restart_policy: {{condition: none}}
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: {domain}
        stackwright.http.routes.0.tls: "off"
"""


@pytest.fixture(scope="module")
def bed():
    with for_tests.bed_for("managers", keep=True, managers=3, workers=0) as made:
        yield made


class Site:
    """Three managers, and the proxy of each of them."""

    def __init__(self, bed, name, proxy, folder):
        self.bed, self.name, self.proxy = bed, name, proxy
        hosts = {host: bed.node(host).docker_host for host in ("m1", "m2", "m3")}
        self.player = Player(folder, hosts)

    def playbook(self, name, **given):
        """The playbook as it is, on this site."""
        play = yaml.safe_load((ROOT / "playbooks" / name).read_text())
        play[0]["module_defaults"] = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
        play[0]["vars"].update(stack_name=self.name, stack_admin=[self.proxy.url], stack_on_unlisted_proxy="ignore")
        play[0]["vars"].update({f"stack_{key}": value for key, value in given.items()})
        return self.player.playbook(self.player.write(name, yaml.safe_dump(play, sort_keys=False)))

    def deploy(
        self, domain="one.example.com", command="sleep 1d", compose=None, forks=5, limit=None, check=False, **given
    ):
        text = compose or COMPOSE.format(image=self.bed.images["busybox"], command=command, domain=domain)
        self.player.write("compose.yml", text)
        play = yaml.safe_load((ROOT / "playbooks" / "deploy.yml").read_text())
        play[0]["module_defaults"] = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
        play[0]["vars"].update(
            stack_name=self.name,
            stack_src="compose.yml",
            stack_admin=[self.proxy.url],
            stack_on_unlisted_proxy="ignore",
            stack_rollout={"stable_for": 0.3, "timeout": 60},
        )
        play[0]["vars"].update({f"stack_{key}": value for key, value in given.items()})
        play[0]["vars"]["ansible_remote_tmp"] = str(self.player.folder / "remote")
        path = self.player.write("deploy.yml", yaml.safe_dump(play, sort_keys=False))
        return self.player.playbook(path, environment={"ANSIBLE_FORKS": str(forks)}, limit=limit, check=check)


@pytest.fixture
def site(bed, tmp_path):
    scope = StackScope(bed, "one-task")
    scope.remove()
    with running(Caddy(VERSIONS[-1], tmp_path / "caddy")) as proxy:
        yield Site(bed, scope.name, proxy, tmp_path)
    scope.remove()


def lines_of(run):
    """What is printed, without progress."""
    lines = run.output.rstrip("\n").splitlines()
    return [line for line in lines if not PROGRESS.match(line)]


def of_task(run):
    """The result of the role's one task on each host."""
    return {
        line["host"]: {**line["result"], "failed": line["status"] == "failed"}
        for line in run.lines
        if line["task"].endswith("the stack and its routes")
    }


@pytest.mark.parametrize("forks", [5, 1])
def test_the_first_manager_does_it_and_few_lines_tell_it(site, forks):
    first = site.deploy(forks=forks)
    assert first.code == 0, first.output
    told = of_task(first)
    assert told["m1"]["changed"] and "done_by" not in told["m1"]
    assert [told[host].get("done_by") for host in ("m2", "m3")] == ["m1", "m1"]
    assert not any(told[host]["changed"] for host in ("m2", "m3"))
    shown = [line for line in first.output.splitlines() if line.startswith("[m")]
    assert {line.split("]")[0] for line in shown} == {"[m1"}, first.output
    assert len([line for line in shown if line.startswith("[m1] service: ")]) == 1
    assert len([line for line in shown if line.startswith("[m1] route: ")]) == 1
    again = site.deploy(forks=forks)
    assert again.code == 0 and not any(result.get("changed") for result in again.of()), again.output
    assert len(lines_of(again)) == LINES, again.output
    assert again.code == 0 and of_task(again)["m2"]["done_by"] == "m1"


def test_a_proxy_that_is_as_it_was_is_not_looked_at_as_a_whole(site):
    for _run in range(2):
        assert site.deploy().code == 0
    looks = "remote/stackwright-*/seen-*.json"
    records = {path: path.stat().st_ino for path in site.player.folder.glob(looks)}
    assert len(records) == 4, "three of the services, by Engine, and one of the proxy that all three see"
    again = site.deploy()
    told = of_task(again)["m1"]
    assert again.code == 0 and [one["proxy"] for one in told["routes_result"]] == ["m1", "m2", "m3"]
    assert {path: path.stat().st_ino for path in site.player.folder.glob(looks)} == records
    # Somebody takes the route away, by hand.
    site.proxy.put_routes([])
    mended = site.deploy()
    assert mended.code == 0 and of_task(mended)["m1"]["changed"], mended.output
    assert b"one.example.com" in site.proxy.raw()
    # And another domain is another look, though the proxy is as it was.
    other = site.deploy(domain="two.example.com")
    assert other.code == 0 and b"two.example.com" in site.proxy.raw()


def test_as_many_lines_as_there_is_to_tell(site):
    # The preflight finds that the nodes of a test bed are not the hosts of the play.
    first = site.deploy(preflight=False)
    # The plan, each change, the service, and the route. A change that ends before anyone looks has no line.
    assert LINES + 2 + 1 + 1 <= len(lines_of(first)) <= LINES + 2 + 2 + 1 + 1, first.output
    shown = [line for line in first.output.splitlines() if re.match(r"(ok|changed): ", line)]
    assert shown[0] == "changed: [m1]", "the one that did it is shown first"
    second = site.deploy(preflight=False, domain="two.example.com", command="sleep 2d")
    assert LINES + 1 + 1 + 2 <= len(lines_of(second)) <= LINES + 1 + 1 + 1 + 2, second.output


@pytest.mark.parametrize("forks", [5, 1])
def test_a_failure_is_told_once_and_first(site, forks):
    assert site.deploy(preflight=False).code == 0
    run = site.deploy(domain="two.example.com", command="exit 3", preflight=False, forks=forks)
    assert run.code != 0
    lines = lines_of(run)
    # The cause first. From ansible-core 2.19 on, Ansible adds a block to each kind of error: one for the other hosts.
    blocks = [line for line in lines if line.startswith("[ERROR]")]
    assert "did not become healthy" in blocks[0] and len(blocks) == 2 and "failed on m1" in blocks[1], run.output
    fatal = [line for line in lines if line.startswith("fatal: ")]
    assert sorted(line[7:11] for line in fatal) == ["[m1]", "[m2]", "[m3]"] and "[m1]" in fatal[0], run.output
    # In place of the results and of the last task: the plan, the change and its undoing, then the blocks and the hosts.
    assert len(lines) == LINES - 3 - 3 + 1 + 1 + 2 + 10 + 8 + 3, run.output
    told = of_task(run)
    assert all(result["failed"] for result in told.values()) and len(told) == 3, run.output
    assert "exit" in told["m1"]["msg"]
    for host in ("m2", "m3"):
        assert told[host]["msg"].count("\n") == 0 and "m1" in told[host]["msg"]
    assert not site.proxy.routes()[0]["match"][0]["host"][0].startswith("two")


@pytest.mark.parametrize("forks", [5, 1])
def test_what_all_would_tell_alike_one_tells(site, forks):
    run = site.deploy(compose="services: {web: {imge: nginx}}", forks=forks)
    told = of_task(run)
    assert run.output.index("imge") < run.output.index("failed on m1"), run.output
    assert len(told) == 3 and all(result["failed"] for result in told.values()), run.output
    assert [host for host, result in told.items() if "imge" in result["msg"]] == ["m1"], run.output
    assert all("m1" in told[host]["msg"] for host in ("m2", "m3")), told


def test_a_manager_that_is_away_is_not_waited_for(site):
    inventory = yaml.safe_load((site.player.folder / "inventory.yml").read_text())
    inventory["swarm_managers"]["hosts"]["m1"]["docker_host"] = "unix:///nowhere.sock"
    site.player.write("inventory.yml", yaml.safe_dump(inventory))
    run = site.deploy(proxies=["m2"])
    told = of_task(run)
    assert told["m1"]["error_code"] == "daemon_unreachable", run.output
    assert told["m2"]["changed"] and told["m3"]["done_by"] == "m2", run.output


def test_check_mode_plans_once(site):
    run = site.deploy(check=True)
    told = of_task(run)
    assert run.code == 0 and told["m1"]["changed"] and told["m3"]["done_by"] == "m1", run.output
    assert told["m2"]["plan_id"] == told["m1"]["plan_id"]


def test_drift_is_told_once(site):
    assert site.deploy().code == 0
    none = site.playbook("drift.yml")
    assert none.code == 0 and len(lines_of(none)) == 21, none.output
    cli = ["docker", "service", "scale", "--detach", f"{site.name}_web=2"]
    site.bed.node("m1").cli(cli)
    found = site.playbook("drift.yml")
    assert found.code != 0 and found.output.count("has drifted: ") == 2, found.output  # Ansible tells a cause twice
    assert len([line for line in lines_of(found) if line.startswith("fatal: ")]) == 1, found.output
    shown = [line for line in lines_of(found) if "replicas 1 → 2" in line and line.startswith("        ")]
    assert len(shown) == 1, found.output
    healed = site.playbook("drift.yml", heal=True, rollout={"stable_for": 0.3, "timeout": 60})
    assert healed.code == 0, healed.output
    (work,) = [line for line in healed.output.splitlines() if line.startswith("changed: ")]
    assert work == "changed: [m1]"
    again = site.playbook("drift.yml")
    assert again.code == 0 and len(lines_of(again)) == 21, again.output


def test_a_rollback_is_told_once(site):
    assert site.deploy().code == 0
    assert site.deploy(domain="two.example.com", command="sleep 2d").code == 0
    back = site.playbook("rollback.yml", rollout={"stable_for": 0.3, "timeout": 60})
    assert back.code == 0, back.output
    assert "one.example.com" in str(site.proxy.routes())
    passive = [line for line in lines_of(back) if re.match(r"(\w+): \[m[23]\]", line)]
    assert sorted(passive) == ["ok: [m2]", "ok: [m3]"], back.output
    assert [line for line in back.output.splitlines() if line.startswith("changed: ")][0] == "changed: [m1]"
    assert len([line for line in back.output.splitlines() if "HEALTHY deploy" in line]) == 2, back.output
