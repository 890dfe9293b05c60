"""Rollouts of services with nothing set but what Swarm needs: no request is lost, and none is carried out twice.

The log of the services has to say what the visitors say. STACKWRIGHT_LONG=1 makes the figures of docs/guides/routes.md.
"""

import os
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import wait_for
from core import Core
from load import Counted
from proxies import Proxies

ROLLOUTS = int(os.environ.get("STACKWRIGHT_ROLLOUTS", "50")) if os.environ.get("STACKWRIGHT_LONG") == "1" else 2
RELEASE = Path(__file__).parent / "release"
#: How each service is updated: replicas, order, whether it has a health check.
KINDS = {
    "two-checked": (2, "start-first", True),
    "two": (2, "start-first", False),
    "one": (1, "start-first", True),
    "two-stopped": (2, "stop-first", True),
}
ALONE = {"alone": (1, "stop-first", True)}
WEB = """\
  {key}:
    image: {image}
    environment: {{RELEASE: "{release}", LOG: /log}}
    volumes: ["{folder}:/log"]
    networks: [shared]
    deploy:
      replicas: {replicas}
      endpoint_mode: dnsrr
      update_config: {{order: {order}, parallelism: 1, monitor: 1s}}
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: {key}.rollouts.example.com
"""
CHECK = """\
    healthcheck:
      test: [CMD-SHELL, "wget -q -O /dev/null http://127.0.0.1:8000/"]
      interval: 1s
      timeout: 5s
      retries: 10
"""


@pytest.fixture(scope="module")
def proxies(bed, tmp_path_factory):
    """A proxy of each version on the same network."""
    made = Proxies(bed, tmp_path_factory.mktemp("proxies"))
    yield made
    made.remove()


class Site:
    """The services of ``kinds`` as one stack behind the proxies, and their visitors."""

    def __init__(self, bed, swarm, proxies, folder, kinds):
        self.image = bed.images.from_folder(RELEASE, "release:2", {"Cmd": ["python3", "/app/app.py"]}, "python", "app")
        self.proxies, self.core, self.kinds = proxies, Core(bed.docker_host, swarm.name, folder), kinds
        self.log = folder / "log"
        self.log.mkdir()

    def deploy(self, release):
        parts = []
        for key, (replicas, order, checked) in self.kinds.items():
            given = {"key": key, "image": self.image, "release": release, "folder": self.log}
            parts.append(WEB.format(replicas=replicas, order=order, **given) + (CHECK if checked else ""))
        network = f"networks: {{shared: {{external: true, name: {self.proxies.network}}}}}\n"
        text = "services:\n" + "".join(parts) + network
        self.core.deploy(text, timeout=300, stable_for=0)
        self.proxies.switch(self.core.stack, self.core.compile(text)["routes"])

    def visitors(self):
        return [
            (version, key, Counted((self.proxies.address, port), f"{key}.rollouts.example.com", f"{version}-{key}"))
            for version, port in self.proxies.ports.items()
            for key in self.kinds
        ]

    def seen(self):
        return Counter(line for path in self.log.iterdir() for line in path.read_text().splitlines())


def was_held(version, loss):
    """Whether a request was lost only after it had been held, as on a machine so busy that a start takes longer."""
    kind, _when, how = loss
    # Caddy 2.6 can't send a body again that it has begun to read: such a POST is told to the visitor.
    if version == "2.6" and kind.startswith("POST"):
        return True
    held = re.match(r"50[234] after (\d+)", how)
    return bool(held) and int(held.group(1)) >= 10


def rolled(bed, swarm, proxies, folder, kinds):
    """So many rollouts under load; gives the site and its visitors."""
    site = Site(bed, swarm, proxies, folder, kinds)
    site.deploy(0)
    visitors = site.visitors()
    try:
        for _version, _key, one in visitors:
            one.__enter__()
        for release in range(1, ROLLOUTS + 1):
            site.deploy(release)
        wait_for(lambda: all(str(ROLLOUTS) in one.tally.releases for *_what, one in visitors), "last release")
    finally:
        for _version, _key, one in visitors:
            one.__exit__()
        proxies.switch(swarm.name, [])
    for version, key, one in visitors:
        print(f"\nCaddy {version} {key}: {ROLLOUTS} rollouts, {dict(one.tally.done)}, lost {one.tally.lost}")
    return site, visitors


def test_rollouts_lose_and_double_no_request(bed, swarm, proxies, tmp_path):
    site, visitors = rolled(bed, swarm, proxies, tmp_path, KINDS)
    answered = Counter(visit for *_what, one in visitors for visit in one.tally.answered)
    assert site.seen() == answered  # none twice, and none that was told to be lost
    for version, key, one in visitors:
        # Without a health check, Swarm replaces both tasks before either listens, if it takes long to start.
        assert [loss for loss in one.tally.lost if key != "two" or not was_held(version, loss)] == [], (version, key)
    assert min(one.tally.done.total() for *_what, one in visitors) > 10 * ROLLOUTS


def test_a_single_task_that_is_stopped_first_loses_no_get(bed, swarm, proxies, tmp_path):
    site, visitors = rolled(bed, swarm, proxies, tmp_path, ALONE)
    for version, _key, one in visitors:
        assert [loss for loss in one.tally.lost if not was_held(version, loss)] == [], version
    assert max(site.seen().values()) == 1
