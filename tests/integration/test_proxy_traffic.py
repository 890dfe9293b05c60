"""Proxies of both versions inside the Swarm, and real traffic through them: rollouts, losses, stacks side by side.

STACKWRIGHT_LONG=1 makes the figures of docs/guides/routes.md: 50 rollouts.
"""

import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import wait_for
from core import Core
from load import Visitors, Websocket
from playbook import Player
from proxies import Proxies

ROLLOUTS = 50 if os.environ.get("STACKWRIGHT_LONG") == "1" else 2
RELEASE = Path(__file__).parent / "release"
WEB = """\
  {key}:
    image: {image}
    environment: {{RELEASE: "{release}"}}
    stop_grace_period: 20s
    networks: [shared]
    healthcheck:
      test: [CMD-SHELL, "wget -q -O /dev/null http://127.0.0.1:8000/"]
      interval: 1s
      timeout: 5s
      retries: 10
    deploy:
      replicas: {replicas}
      endpoint_mode: dnsrr
      restart_policy: {{condition: any, delay: 0s}}
      update_config: {{order: start-first, parallelism: 2, monitor: 1s}}
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: {key}.traffic.example.com
        stackwright.http.routes.0.tls: "off"
        stackwright.http.routes.0.upstream: {upstream}
"""


@pytest.fixture(scope="module")
def proxies(bed, tmp_path_factory):
    """A proxy of each version on the same network."""
    made = Proxies(bed, tmp_path_factory.mktemp("proxies"))
    yield made
    made.remove()


class Site:
    """A stack of web services behind the proxies."""

    def __init__(self, bed, swarm, proxies, folder):
        image = bed.images.from_folder(RELEASE, "release:1", {"Cmd": ["python3", "/app/app.py"]}, "python", "app")
        self.image, self.proxies, self.core = image, proxies, Core(bed.docker_host, swarm.name, folder)

    def deploy(self, release, **services):
        """``services``: key=(replicas, upstream); or key=release of it where it is not ``release``."""
        parts = []
        for key, (replicas, upstream, *own) in services.items():
            shown = own[0] if own else release
            parts.append(WEB.format(key=key, image=self.image, release=shown, replicas=replicas, upstream=upstream))
        network = f"networks: {{shared: {{external: true, name: {self.proxies.network}}}}}\n"
        text = "services:\n" + "".join(parts) + network
        self.core.deploy(text, timeout=120, stable_for=0)
        self.proxies.switch(self.core.stack, self.core.compile(text)["routes"])


@pytest.fixture
def site(bed, swarm, proxies, tmp_path):
    made = Site(bed, swarm, proxies, tmp_path)
    yield made
    proxies.switch(swarm.name, [])


def test_rollouts_lose_no_request(site, proxies):
    """Two replicas, replaced again and again; each time a stream and an upload are under way."""
    services = {"web": (2, "tasks"), "chat": (1, "service", "only")}
    site.deploy(0, **services)
    ports = list(proxies.ports.values())
    chats = [Websocket((proxies.address, port), "chat.traffic.example.com") for port in ports]
    visitors = [Visitors((proxies.address, port), "web.traffic.example.com", 2, 1) for port in ports]
    with visitors[0], visitors[1]:
        for release in range(1, ROLLOUTS + 1):
            slow = [thread for one in visitors for thread in one.slow()]
            site.deploy(release, **services)
            for thread in slow:
                thread.join(90)
        wait_for(lambda: all(str(ROLLOUTS) in one.tally.releases for one in visitors), "answer of the last release")
    for version, one in zip(proxies.ports, visitors):
        done = dict(one.tally.done)
        print(f"\nCaddy {version}: {ROLLOUTS} rollouts, {done}, lost {one.tally.lost}")
        assert one.tally.lost == []
        assert "reopened" not in done
        assert done["stream"] == done["upload"] == ROLLOUTS
        assert min(done["get"], done["post"]) > 20 * ROLLOUTS
    assert [chat.echo("still here") for chat in chats] == ["still here", "still here"]
    # A change of routes on 2.11 leaves them open as well.
    site.deploy(ROLLOUTS, **services, more=(1, "service"))
    assert chats[-1].echo("after a change") == "after a change"
    for chat in chats:
        chat.close()


def test_a_task_that_dies_costs_at_most_what_it_was_answering(bed, site, proxies):
    site.deploy(0, web=(1, "service"))
    visitors = [Visitors((proxies.address, port), "web.traffic.example.com", 2, 0) for port in proxies.ports.values()]
    node = bed.node("m1")
    name = f"label=com.docker.swarm.service.name={site.core.stack}_web"
    with visitors[0], visitors[1]:
        wait_for(lambda: all(one.tally.done["get"] > 20 for one in visitors), "traffic")
        (old,) = node.cli(["docker", "ps", "-q", "--filter", name]).stdout.split()
        node.cli(["docker", "kill", old])
        counts = [one.tally.done["get"] for one in visitors]
        wait_for(
            lambda: all(one.tally.done["get"] > count + 50 for one, count in zip(visitors, counts)), "traffic again", 40
        )
    for version, one in zip(proxies.ports, visitors):
        print(f"\nCaddy {version}: {dict(one.tally.done)}, lost {one.tally.lost}")
        # A request that was sent is not sent again: each of the two connections may have had one under way.
        assert len(one.tally.lost) <= 2


def test_an_update_of_the_proxy_finishes_what_has_begun(bed, site, proxies):
    site.deploy(0, web=(1, "service"))
    for version, port in proxies.ports.items():
        visitor = Visitors((proxies.address, port), "web.traffic.example.com", 0, 0)
        slow = visitor.slow()
        time.sleep(0.5)  # so that they are under way
        began = time.monotonic()
        bed.node("m1").cli(["docker", "service", "update", "--force", "--detach", proxies.service(version)])
        for thread in slow:
            thread.join(60)
        assert visitor.tally.lost == []
        assert dict(visitor.tally.done) == {"stream": 1, "upload": 1}

        def answers(port=port):
            return proxies.get(port, "web.traffic.example.com")[0] == 200

        wait_for(answers, "the routes of the new task", 180)
        print(f"\nCaddy {version}: answers again after {time.monotonic() - began:.1f} s")


def test_two_stacks_of_the_same_names_reach_their_own(bed, swarm, proxies, tmp_path):
    """Both have a ``web`` and a ``db`` on the shared network; each web shows what its own db says."""
    player = Player(tmp_path, {"m1": bed.docker_host})
    player.write("compose.yml", PAIR)
    tasks = []
    for name in ("one", "two"):
        tasks.append(
            {
                "ansible.builtin.include_role": {"name": "stackwright.swarm.stack"},
                "vars": {
                    "stack_name": f"{swarm.name}-{name}",
                    "stack_src": "compose.yml",
                    "stack_variables": {"IMAGE": bed.images["busybox"], "OWNER": name},
                    "stack_shared_networks": [proxies.network],
                    "stack_admin": proxies.admin,
                    "stack_rollout": {"stable_for": 0.3},
                },
            }
        )
    run = player.play(*tasks)
    assert run.code == 0, run.output
    for port in proxies.ports.values():
        for name in ("one", "two") * 5:
            assert proxies.get(port, f"{name}.pair.example.com", "/cgi-bin/ask") == (200, f"the db of {name}")


PAIR = """\
services:
  db:
    image: ${IMAGE}
    command: sh -c "echo the db of ${OWNER} > /www/index.html && exec httpd -f -p 5000 -h /www"
    stop_grace_period: 1s
    deploy: {endpoint_mode: dnsrr}
  web:
    image: ${IMAGE}
    command:
      - sh
      - -c
      - |
        mkdir -p /www/cgi-bin
        { echo '#!/bin/sh'; echo 'echo; wget -q -O - http://db:5000/'; } > /www/cgi-bin/ask
        chmod +x /www/cgi-bin/ask
        exec httpd -f -p 8000 -h /www
    stop_grace_period: 1s
    depends_on: [db]
    deploy:
      endpoint_mode: dnsrr
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: ${OWNER}.pair.example.com
        stackwright.http.routes.0.tls: "off"
"""
