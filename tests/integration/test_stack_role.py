"""The role stack: routes follow health, conflicts stop a deployment, and what a proxy lost comes back."""

import json
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import CATCH_ALL, VERSIONS, Caddy, running
from playbook import Player

SERVICE = """\
  {key}:
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
GOOD, BAD = "sleep 1d", "exit 3"


@pytest.fixture
def proxy(tmp_path):
    with running(Caddy(VERSIONS[-1], tmp_path / "caddy")) as started:
        yield started


class Shop:
    """A stack that the role deploys: services by key, each with a domain and whether it runs."""

    def __init__(self, bed, swarm, proxy, folder):
        self.image, self.swarm, self.proxy = bed.images["busybox"], swarm, proxy
        self.player = Player(folder, {"m1": bed.docker_host})

    def deploy(self, how=None, name="", **services):
        """``services``: key=(domain, command)."""
        parts = [
            SERVICE.format(key=key, image=self.image, domain=domain, command=command)
            for key, (domain, command) in services.items()
        ]
        self.player.write("compose.yml", "services:\n" + "".join(parts))
        options = {"stack_name": self.swarm.name + name, "stack_src": "compose.yml", "stack_admin": [self.proxy.url]}
        options["stack_rollout"] = {"stable_for": 0.3, "timeout": 60}
        how = dict(how or {})
        options["stack_rollout"].update(how.pop("rollout", {}))
        options.update(how.pop("options", {}))
        role = {"ansible.builtin.include_role": {"name": "stackwright.swarm.stack"}, "vars": options}
        return self.player.play(role, **how)

    @property
    def domains(self):
        return sorted(route["match"][0]["host"][0] for route in self.proxy.routes() if "match" in route)


@pytest.fixture
def shop(bed, swarm, proxy, tmp_path):
    return Shop(bed, swarm, proxy, tmp_path)


def changed(run):
    return [result for result in run.of() if result.get("changed")]


def test_routes_come_stay_and_come_back_after_a_loss(shop):
    run = shop.deploy({"options": {"stack_metadata": {"release": "1.5"}}}, web=("web.example.com", GOOD))
    assert run.code == 0, run.output
    assert shop.domains == ["web.example.com"]
    again = shop.deploy({"options": {"stack_metadata": "release=1.6"}}, web=("web.example.com", GOOD))
    assert again.code == 0, again.output
    assert not changed(again)
    (known,) = shop.player.play({"stack_info": {"name": shop.swarm.name, "history": True}}).last["stacks"]
    assert [revision["metadata"] for revision in known["revisions"]] == [{"release": "1.5"}]
    shop.proxy.put_routes([CATCH_ALL])
    would = shop.deploy({"check": True, "diff": True}, web=("web.example.com", GOOD))
    assert would.code == 0, would.output
    assert changed(would)
    assert "web.example.com" in would.output
    assert shop.domains == []
    assert shop.deploy(web=("web.example.com", GOOD)).code == 0
    assert shop.domains == ["web.example.com"]
    gone = shop.deploy({"options": {"stack_state": "absent"}}, web=("web.example.com", GOOD))
    assert gone.code == 0, gone.output
    assert shop.domains == []
    assert not shop.swarm.objects("services")


def test_what_stands_in_the_way_is_told_before_anything_changes(shop):
    assert shop.deploy(web=("old.example.com", GOOD)).code == 0
    placed = {"services": {"web": {"deploy": {"placement": {"constraints": ["node.labels.none == there"]}}}}}
    shop.player.write("placed.yml", json.dumps(placed))
    options = {"stack_src": ["compose.yml", "placed.yml"]}
    for check in (False, True):
        run = shop.deploy({"options": options, "check": check}, web=("new.example.com", GOOD))
        assert run.code != 0
        assert run.last["error_code"] == "constraints", run.output
        assert "node.labels.none == there rules out" in run.last["msg"]
        assert check or not changed(run)
    assert shop.domains == ["old.example.com"]
    never = {**options, "stack_preflight_fail_on": "never"}
    planned = shop.deploy({"options": never, "check": True}, web=("new.example.com", GOOD))
    assert planned.code == 0, planned.output
    without = shop.deploy(
        {"options": {**options, "stack_preflight": False}, "check": True}, web=("new.example.com", GOOD)
    )
    assert without.code == 0, without.output
    assert not [result for result in without.of() if "findings" in result]
    assert [result for result in planned.of() if "findings" in result]


@pytest.mark.parametrize("switch", ["after_gate", "before"])
def test_a_deployment_that_fails_leaves_the_routes(shop, switch):
    assert shop.deploy(web=("old.example.com", GOOD)).code == 0
    before = json.dumps(shop.proxy.routes(), sort_keys=True)
    seen = set()
    end = threading.Event()

    def watch():
        while not end.wait(0.05):
            seen.update(shop.domains)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run = shop.deploy({"rollout": {"switch": switch}}, web=("new.example.com", BAD))
    end.set()
    watcher.join()
    assert run.code != 0
    assert "exit" in run.output
    assert json.dumps(shop.proxy.routes(), sort_keys=True) == before, run.output
    assert seen == ({"old.example.com"} if switch == "after_gate" else {"old.example.com", "new.example.com"})


def test_a_service_that_goes_loses_its_route_first(shop):
    assert shop.deploy(web=("web.example.com", GOOD), old=("old.example.com", GOOD)).code == 0
    wrong, order = [], []
    end = threading.Event()

    def watch():
        while not end.wait(0.05):
            # The services first: one that is gone by now must have lost its route by the next call.
            there = {service["Spec"]["Name"].rpartition("_")[2] for service in shop.swarm.objects("services")}
            domains = shop.domains
            state = ("old" in there, "old.example.com" in domains)
            if state not in order:
                order.append(state)
            if state == (False, True):
                wrong.append(domains)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run = shop.deploy(web=("web.example.com", "sleep 2d"))
    end.set()
    watcher.join()
    assert run.code == 0, run.output
    assert not wrong
    assert order == [(True, True), (True, False), (False, False)]
    assert not changed(shop.deploy(web=("web.example.com", "sleep 2d")))


#: Another deployment comes in before the last step of a run.
BETWEEN = """\
import json
import subprocess

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "between"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.work import Work

        real = Work.plan_prune

        def after_another(self):
            with open({path!r}) as handle:
                command, environment = json.load(handle)
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
            assert done.returncode == 0, done.stdout + done.stderr
            return real(self)

        Work.plan_prune = after_another
"""


@pytest.mark.parametrize(
    "other", [{"web": "sleep 2d", "old": GOOD}, {"web": GOOD, "new": GOOD}], ids=["changed", "more services"]
)
def test_the_last_step_removes_nothing_of_a_deployment_that_came_in_between(shop, other):
    assert shop.deploy(web=("web.example.com", GOOD), old=("old.example.com", GOOD)).code == 0
    parts = [
        SERVICE.format(key=key, image=shop.image, domain=f"{key}.example.com", command=command)
        for key, command in other.items()
    ]
    shop.player.write("other.yml", "services:\n" + "".join(parts))
    task = {"name": shop.swarm.name, "src": "other.yml", "rollout": {"stable_for": 0.3, "timeout": 60}}
    command, environment, _results = shop.player.command(shop.player.written([{"compose_stack": task}]))
    path = shop.player.write("between.json", json.dumps([command, environment]))
    shop.player.write("callback_plugins/between.py", BETWEEN.format(path=str(path)))
    environment = {"ANSIBLE_CALLBACKS_ENABLED": "results,between"}
    run = shop.deploy({"environment": environment}, web=("web.example.com", GOOD))
    assert run.code != 0 and "ran in between" in run.output, run.output
    assert run.last["error_code"] == "conflict" and run.last["changed"]
    names = {service["Spec"]["Name"].rpartition("_")[2] for service in shop.swarm.objects("services")}
    assert names == set(other)


def test_conflicts_stop_a_deployment_before_it_begins(shop):
    assert shop.deploy(name="-a", web=("web.example.com", GOOD)).code == 0
    here = json.dumps(shop.proxy.routes(), sort_keys=True)
    services = len(shop.swarm.objects("services"))
    # Another stack's labels, also where its proxy is not asked.
    run = shop.deploy({"options": {"stack_proxies": []}}, name="-b", web=("web.example.com", GOOD))
    assert run.code != 0
    assert run.last["error_code"] == "route_conflict"
    assert f"stack '{shop.swarm.name}-a'" in run.last["msg"]
    # A route that only the proxy knows.
    foreign = {"match": [{"host": ["by-hand.example.com"]}], "handle": [{"handler": "static_response"}]}
    shop.proxy.put_routes([foreign, *shop.proxy.routes()])
    run = shop.deploy(name="-b", web=("by-hand.example.com", GOOD))
    assert run.code != 0
    assert "route_conflict" in run.output
    assert len(shop.swarm.objects("services")) == services
    shop.proxy.put_routes(shop.proxy.routes()[1:])
    assert json.dumps(shop.proxy.routes(), sort_keys=True) == here


def test_cleanup_removes_the_routes_first_and_routes_of_who_is_gone_are_taken_by_option(bed, shop):
    assert shop.deploy(web=("web.example.com", GOOD)).code == 0
    # Somebody removes the stack behind our back; the domain shall go to another one.
    bed.node("m1").cli(["docker", "stack", "rm", shop.swarm.name])
    refused = shop.deploy(name="-new", web=("web.example.com", GOOD))
    assert refused.code != 0
    assert f"stack '{shop.swarm.name}' (service {shop.swarm.name}_web), which no longer exists" in refused.output
    assert "stack_take_over" in refused.output
    taken = shop.deploy({"options": {"stack_take_over": "gone"}}, name="-new", web=("web.example.com", GOOD))
    assert taken.code == 0, taken.output
    assert [route["@id"].split(":")[2] for route in shop.proxy.routes()[:-1]] == [f"{shop.swarm.name}-new_web"]
    page = shop.deploy({"options": {"stack_maintenance": True}}, name="-new", web=("web.example.com", GOOD))
    assert page.code == 0, page.output
    assert shop.proxy.get("web.example.com")[0].status == 503
    playbook = Path(__file__).resolve().parents[2] / "playbooks" / "cleanup.yml"
    name = f"{shop.swarm.name}-new"
    variables = {"stack_name": name, "stack_confirm": name, "stack_hosts": "m1", "stack_admin": shop.proxy.url}
    gone = shop.player.playbook(playbook, variables=variables, environment={"DOCKER_HOST": bed.docker_host})
    assert gone.code == 0, gone.output
    assert shop.domains == []
