"""Proxies that hang, die, are new or come back, and domains that change hands: role stack and playbook routes."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

import caddy
from caddy import CATCH_ALL, CUT, VERSIONS, Caddy, Service, running
from playbook import ROOT, Player

SERVICE = """\
services:
  web:
    image: {image}
    command: ["sleep", "1d"]
    environment: {{REVISION: "{revision}"}}
    stop_grace_period: 1s
    deploy:
      # Routes are what is looked at here: no task has to start for them.
      replicas: 0
      endpoint_mode: dnsrr
      labels:
        stackwright.http.port: {port}
{labels}"""
ROUTE = """\
        stackwright.http.routes.{number}.domain: {domain}
        stackwright.http.routes.{number}.tls: "off"
"""


KILLER = """\
import os
import signal

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "killer"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.work import Work

        real = Work.{step}

        def killed(self, *given, **more):
            if {when}:
                os.kill(os.getppid(), signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)
            return real(self, *given, **more)

        Work.{step} = killed
"""


class Site:
    """Stacks behind two proxies, each on a host of the inventory of its own."""

    def __init__(self, bed, swarm, proxies, folder):
        self.bed, self.swarm, self.proxies = bed, swarm, dict(proxies)
        self.image = bed.images["busybox"]
        self.player = Player(folder, {"m1": bed.docker_host})
        inventory = yaml.safe_load((folder / "inventory.yml").read_text())
        inventory["swarm_proxies"] = {
            "hosts": {name: {"admin_url": proxy.url} for name, proxy in self.proxies.items()},
            "vars": inventory["swarm_managers"]["vars"],
        }
        self.player.write("inventory.yml", yaml.safe_dump(inventory))
        self.variables = {
            # Real proxies have one path on each node; these two are on one machine.
            "stack_admin": {name: [proxy.url] for name, proxy in self.proxies.items()},
            "stack_on_unlisted_proxy": "ignore",
            "stack_rollout": {"stable_for": 0.3, "timeout": 60},
        }

    def deploy(self, name, *domains, revision=1, check=False, port=8000, environment=None, **options):
        labels = "".join(ROUTE.format(number=number, domain=domain) for number, domain in enumerate(domains))
        text = SERVICE.format(image=self.image, revision=revision, labels=labels, port=port)
        self.player.write(f"{name}.yml", text)
        given = {"stack_name": f"{self.swarm.name}-{name}", "stack_src": f"{name}.yml", **self.variables, **options}
        role = {"ansible.builtin.include_role": {"name": "stackwright.swarm.stack"}, "vars": given}
        return self.shown(self.player.play(role, check=check, environment=environment))

    @staticmethod
    def shown(run):
        if run.code:
            print(run.output[-3000:])
        return run

    def routes(self, check=False, **variables):
        # A file, and not extra variables: what is said of a proxy belongs to its host.
        play = yaml.safe_load((ROOT / "playbooks" / "routes.yml").read_text())
        play[0]["vars"] = {**self.variables, **variables}
        play[0]["module_defaults"] = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
        return self.player.playbook(self.player.write("routes.yml", yaml.safe_dump(play)), check=check)

    def domains(self, proxy):
        return sorted(route["match"][0]["host"][0] for route in self.proxies[proxy].routes() if "match" in route)


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What the proxies take for /etc/hosts: they are outside of the Swarm, whose names mean nothing there."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    real = caddy.caddy

    def wrapped(version):
        path = tmp_path / f"caddy-{version}"
        inside = f'mount --bind {hosts} /etc/hosts && exec {real(version)} "$@"'
        path.write_text(f"#!/bin/sh\nexec unshare --mount sh -c '{inside}' sh \"$@\"\n")
        path.chmod(0o755)
        return path

    monkeypatch.setattr(caddy, "caddy", wrapped)
    return hosts


@pytest.fixture
def site(bed, swarm, tmp_path, names):
    proxies = [(f"p{number}", Caddy(version, tmp_path / f"p{number}")) for number, version in enumerate(VERSIONS)]
    with running(*(proxy for _name, proxy in proxies)):
        yield Site(bed, swarm, proxies, tmp_path)
    # The record belongs to the Swarm, not to a stack.
    for secret in swarm.node.api("GET", "/secrets"):
        if secret["Spec"]["Name"] == "stackwright.routes":
            swarm.node.api("DELETE", f"/secrets/{secret['ID']}")


def timed(run):
    began = time.monotonic()
    done = run()
    return done, time.monotonic() - began


def test_a_proxy_that_hangs_is_gone_without_by_option_and_gets_later_what_it_has_missed(site):
    assert site.deploy("a", "a.example.com").code == 0
    usual, usually = timed(lambda: site.deploy("b", "b.example.com"))
    assert usual.code == 0, usual.output
    hung = site.proxies["p1"]
    os.kill(hung.process.pid, signal.SIGSTOP)
    try:
        # Without the option nothing is changed, and the message says which host it is, and which option.
        stopped, took = timed(lambda: site.deploy("b", "new.example.com", revision=2))
        assert stopped.code != 0
        assert "proxy of p1" in stopped.output and "stack_on_lost_proxy" in stopped.output, stopped.output
        assert site.domains("p0") == ["a.example.com", "b.example.com"]
        done, took = timed(lambda: site.deploy("b", "new.example.com", revision=2, stack_on_lost_proxy="warn"))
        assert done.code == 0, done.output
        print(f"a deployment takes {usually:.1f} s, with a proxy that hangs {took:.1f} s")
        assert site.domains("p0") == ["a.example.com", "new.example.com"]
        gone = site.deploy("a", stack_state="absent", stack_on_lost_proxy="warn")
        assert gone.code == 0, gone.output
    finally:
        os.kill(hung.process.pid, signal.SIGCONT)
    assert site.domains("p1") == ["a.example.com", "b.example.com"]
    would = site.routes(check=True)
    assert would.code == 0 and any(result.get("changed") for result in would.of()), would.output
    assert site.domains("p1") == ["a.example.com", "b.example.com"]
    assert site.routes().code == 0
    assert site.domains("p1") == ["new.example.com"] == site.domains("p0")
    again = site.routes()
    assert again.code == 0 and not any(result.get("changed") for result in again.of()), again.output


def test_two_proxies_that_hang_cost_together_what_one_costs(site):
    usual, usually = timed(lambda: site.deploy("a", "a.example.com"))
    assert usual.code == 0, usual.output
    for proxy in site.proxies.values():
        os.kill(proxy.process.pid, signal.SIGSTOP)
    try:
        done, took = timed(lambda: site.deploy("a", "new.example.com", revision=2, stack_on_lost_proxy="warn"))
        assert done.code == 0, done.output
        print(f"a deployment takes {usually:.1f} s, with two proxies that hang {took:.1f} s")
        # Each is tried once, and for its share: how long the rest takes is not what is looked at here.
        tried = [one for result in done.of() for one in result.get("routes_result", []) if "error_code" in one]
        assert [(one["proxy"], one["error_code"]) for one in tried] == [
            (name, "admin_timeout") for name in site.proxies
        ]
        assert all("(5 s)" in one["msg"] for one in tried), tried
    finally:
        for proxy in site.proxies.values():
            os.kill(proxy.process.pid, signal.SIGCONT)
    assert site.routes().code == 0
    assert site.domains("p0") == site.domains("p1") == ["new.example.com"]


def test_a_proxy_that_is_down_during_a_cleanup_is_owed_the_removal(site):
    assert site.deploy("a", "a.example.com").code == 0
    p1 = site.proxies["p1"]
    text = (ROOT / "playbooks" / "cleanup.yml").read_text()
    play = yaml.safe_load(text)
    name = f"{site.swarm.name}-a"
    # The node of the manager has p1: each node has one proxy there, with its socket.
    play[0]["vars"] = {"stack_admin": p1.url, "stack_name": name, "stack_confirm": name}
    play[0]["module_defaults"] = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
    play[0]["hosts"] = "swarm_managers"
    os.kill(p1.process.pid, signal.SIGSTOP)
    try:
        path = site.player.write("cleanup.yml", yaml.safe_dump(play))
        refused = site.player.playbook(path)
        assert refused.code != 0 and "admin_timeout" in refused.output, refused.output
        play[0]["vars"]["stack_on_lost_proxy"] = "warn"
        done = site.player.playbook(site.player.write("cleanup.yml", yaml.safe_dump(play)))
        assert done.code == 0, done.output
        assert "have missed the removal of the routes" in done.output
    finally:
        os.kill(p1.process.pid, signal.SIGCONT)
    owed = site.player.play({"stack_routes": {}}).last["owed"]
    assert [(one["proxy"], one["name"], one["gone"]) for one in owed] == [("m1", name, True)]


def test_a_host_that_can_not_be_reached_during_a_cleanup_is_owed_the_removal(site):
    assert site.deploy("a", "a.example.com").code == 0
    inventory = yaml.safe_load((site.player.folder / "inventory.yml").read_text())
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    inventory["swarm_proxies"] = {"hosts": {"gone": away}}
    site.player.write("inventory.yml", yaml.safe_dump(inventory))
    play = yaml.safe_load((ROOT / "playbooks" / "cleanup.yml").read_text())
    name = f"{site.swarm.name}-a"
    play[0]["vars"] = {"stack_admin": "/nowhere", "stack_name": name, "stack_confirm": name}
    play[0]["module_defaults"] = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
    play[0]["hosts"] = "swarm_managers:swarm_proxies"
    done = site.player.playbook(site.player.write("cleanup.yml", yaml.safe_dump(play)))
    assert "unreachable=1" in done.output and "have missed the removal of the routes" in done.output, done.output
    owed = site.player.play({"stack_routes": {}}, limit="m1").last["owed"]
    assert [(one["proxy"], one["name"], one["gone"]) for one in owed] == [("gone", name, True)]


def test_a_proxy_that_is_new_gets_all_routes_with_the_next_run_of_any_stack(site):
    assert site.deploy("a", "a.example.com", stack_proxies=["p0"]).code == 0
    assert site.deploy("b", "b.example.com", stack_proxies=["p0"]).code == 0
    assert site.domains("p1") == []
    would = site.deploy("b", "b.example.com", check=True)
    assert would.code == 0, would.output
    assert "a.example.com" in str([result.get("routes_result") for result in would.of()])
    assert site.domains("p1") == []
    run = site.deploy("b", "b.example.com")
    assert run.code == 0, run.output
    assert site.domains("p1") == ["a.example.com", "b.example.com"]
    again = site.deploy("b", "b.example.com")
    assert again.code == 0 and not any(result.get("changed") for result in again.of()), again.output
    # Killed, and there again without its state: by the playbook.
    for proxy in site.proxies.values():
        proxy.kill()
        proxy.start()
    assert site.domains("p0") == []
    run, took = timed(site.routes)
    assert run.code == 0, run.output
    print(f"the playbook routes takes {took:.1f} s")
    assert site.domains("p0") == site.domains("p1") == ["a.example.com", "b.example.com"]


def test_a_proxy_that_dies_during_a_deployment_and_a_host_that_is_gone(site):
    assert site.deploy("a", "a.example.com").code == 0
    assert site.deploy("b", "b.example.com").code == 0
    dead = site.proxies["p1"]
    dead.kill()
    done = site.deploy("b", "new.example.com", stack_on_lost_proxy="warn")
    assert done.code == 0, done.output
    dead.start()
    dead.put_routes([CATCH_ALL, *(route for route in site.proxies["p0"].routes() if "a.example.com" in str(route))])
    # It is owed the routes of b: the next run of a brings them.
    run = site.deploy("a", "a.example.com")
    assert run.code == 0, run.output
    assert site.domains("p1") == ["a.example.com", "new.example.com"]
    inventory = yaml.safe_load((site.player.folder / "inventory.yml").read_text())
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    inventory["swarm_proxies"]["hosts"]["p1"].update(away)
    site.player.write("inventory.yml", yaml.safe_dump(inventory))
    lost = site.routes()
    assert lost.code != 0 and "proxy of p1" in lost.output, lost.output
    done = site.deploy("b", "other.example.com", stack_on_lost_proxy="warn")
    assert done.code == 0, done.output
    assert site.domains("p0") == ["a.example.com", "other.example.com"]
    # So is a manager, the first one: another one reads the Swarm.
    inventory["swarm_managers"]["hosts"]["gone"] = {**away, "docker_host": "unix:///gone"}
    site.player.write("inventory.yml", yaml.safe_dump(inventory))
    site.proxies["p0"].put_routes([CATCH_ALL])
    done = site.routes(stack_on_lost_proxy="warn")
    assert done.code == 0, done.output
    assert site.domains("p0") == ["a.example.com", "other.example.com"]


class Asking(threading.Thread):
    """Asks each proxy for a domain all the time, and counts what is not an answer of a service.

    Each request has a connection of its own. Caddy may cut one that comes in the moment of a reload:
    these are counted for themselves, and are not more than the reloads.
    """

    def __init__(self, site, host):
        super().__init__(daemon=True)
        self.site, self.host, self.end = site, host, threading.Event()
        self.asked, self.lost, self.cut, self.from_ = 0, [], [], []

    def run(self):
        while not self.end.wait(0.005):
            for proxy in self.site.proxies.values():
                self.asked += 1
                try:
                    response, _body = proxy.get(self.host, tries=1)
                except CUT as error:
                    self.cut.append(repr(error))
                    continue
                if response.status != 200:
                    self.lost.append(response.status)
                elif response.headers["X-From"] not in self.from_:
                    self.from_.append(response.headers["X-From"])

    def _reloads(self):
        return sum(proxy.reloads() for proxy in self.site.proxies.values())

    def __enter__(self):
        self.before = self._reloads()
        self.start()
        return self

    def __exit__(self, *_what):
        self.end.set()
        self.join()
        reloads = self._reloads() - self.before
        print(f"{self.host}: {self.asked} requests, {len(self.lost)} lost; {reloads} reloads cut {len(self.cut)}")
        assert len(self.cut) <= reloads, self.cut


def test_a_domain_is_handed_over_without_a_lost_request_and_back(site, names):
    one, other = Service("a"), Service("b")
    with running(one, other):
        names.write_text("".join(f"127.0.0.1 {site.swarm.name}-{key}_web\n" for key in "ab"))
        assert site.deploy("a", "x.example.com", "own.example.com", port=one.port).code == 0
        refused = site.deploy("b", "x.example.com", port=other.port)
        assert refused.code != 0 and "route_conflict" in refused.output, refused.output
        with Asking(site, "x.example.com") as asking:
            taken = site.deploy("b", "x.example.com", port=other.port, stack_takes=["x.example.com"])
            assert taken.code == 0, taken.output
        assert asking.from_ == ["a", "b"]
        assert asking.lost == []
        for proxy in site.proxies:
            assert site.domains(proxy) == ["own.example.com", "x.example.com"]
        # A is told, and goes on without it.
        name = f"{site.swarm.name}-a"
        drift = site.player.play({"stack_drift": {"name": name}})
        assert drift.last["drift_lines"] and "x.example.com" in drift.last["drift_lines"][0], drift.output
        run = site.deploy("a", "x.example.com", "own.example.com", port=one.port, revision=2)
        assert run.code == 0 and "has taken x.example.com" in run.output, run.output
        again = site.deploy("b", "x.example.com", port=other.port)
        assert again.code == 0 and not any(result.get("changed") for result in again.of()), again.output
        assert not any(result.get("changed") for result in site.routes().of())
        # And back, with nobody's files changed.
        with Asking(site, "x.example.com") as asking:
            back = {"stack_takes": ["x.example.com"], "port": one.port, "revision": 2}
            run = site.deploy("a", "x.example.com", "own.example.com", **back)
            assert run.code == 0, run.output
        assert asking.from_ == ["b", "a"] and asking.lost == []


def test_routes_of_a_domain_that_was_handed_over_since_are_not_taken_back(site):
    assert site.deploy("a", "x.example.com", "own.example.com").code == 0
    assert site.deploy("a", "x.example.com", "own.example.com", "more.example.com", revision=2).code == 0
    assert site.deploy("b", "x.example.com", stack_takes=["x.example.com"]).code == 0
    play = yaml.safe_load((ROOT / "playbooks" / "rollback.yml").read_text())
    play[0]["vars"] = {**site.variables, "stack_name": f"{site.swarm.name}-a"}
    play[0]["module_defaults"] = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
    back = site.shown(site.player.playbook(site.player.write("rollback.yml", yaml.safe_dump(play))))
    assert back.code == 0, back.output
    assert f"has taken x.example.com from {site.swarm.name}-a" in back.output
    for proxy in site.proxies.values():
        found = {route["match"][0]["host"][0]: route["@id"] for route in proxy.routes() if "match" in route}
        assert sorted(found) == ["own.example.com", "x.example.com"]
        assert "-b_web" in found["x.example.com"]


def test_two_stacks_swap_their_domains_without_a_lost_request(site, names):
    one, other = Service("a"), Service("b")
    with running(one, other):
        names.write_text("".join(f"127.0.0.1 {site.swarm.name}-{key}_web\n" for key in "ab"))
        assert site.deploy("a", "x.example.com", port=one.port).code == 0
        assert site.deploy("b", "y.example.com", port=other.port).code == 0
        with Asking(site, "x.example.com") as x, Asking(site, "y.example.com") as y:
            steps = (
                ("a", ["x.example.com", "y.example.com"], one, {"stack_takes": ["y.example.com"]}),
                ("b", ["x.example.com"], other, {"stack_takes": ["x.example.com"]}),
                ("a", ["y.example.com"], one, {}),
            )
            for turn, (key, domains, service, takes) in enumerate(steps):
                run = site.deploy(key, *domains, port=service.port, revision=turn + 2, **takes)
                assert run.code == 0, run.output
        assert (x.from_, y.from_) == (["a", "b"], ["b", "a"])
        assert x.lost == y.lost == []
        for key, domain, service in (("a", "y.example.com", one), ("b", "x.example.com", other)):
            again = site.deploy(key, domain, port=service.port, revision=4 if key == "a" else 3)
            assert again.code == 0 and not any(result.get("changed") for result in again.of()), again.output


@pytest.mark.parametrize(
    ("step", "when"),
    [
        pytest.param("deploy", "True", id="deploy"),
        pytest.param("book", "'takes' in more", id="record"),
        pytest.param("proxy", "not given[2]", id="switch"),
        pytest.param("proxy", "not given[2] and given[0] == 'p1'", id="switch of the second"),
    ],
)
def test_a_run_that_is_killed_between_compare_and_switch_is_finished_by_the_next(site, step, when):
    assert site.deploy("a", "x.example.com").code == 0
    # As killed: nothing of the play runs after what comes before this task.
    assert site.deploy("b", "b.example.com").code == 0
    site.player.write("callback_plugins/killer.py", KILLER.format(step=step, when=when))
    environment = {"ANSIBLE_CALLBACKS_ENABLED": "results,killer"}
    given = {"stack_takes": ["x.example.com"], "revision": 2}
    killed = site.deploy("b", "b.example.com", "x.example.com", environment=environment, **given)
    assert killed.code == -signal.SIGKILL, killed.output
    assert site.domains("p1") == site.domains("p1") == ["b.example.com", "x.example.com"]
    run = site.deploy("b", "b.example.com", "x.example.com", **given)
    assert run.code == 0, run.output
    for proxy in site.proxies.values():
        found = {route["match"][0]["host"][0]: route["@id"] for route in proxy.routes() if "match" in route}
        assert sorted(found) == ["b.example.com", "x.example.com"] and "-b_web" in found["x.example.com"]
    again = site.deploy("b", "b.example.com", "x.example.com", revision=2)
    assert again.code == 0 and not any(result.get("changed") for result in again.of()), again.output
