"""A proxy of each version of Caddy inside the Swarm, deployed by the role swarm_platform."""

from __future__ import annotations

import http.client
import random
from pathlib import Path

from caddy import wish
from playbook import Player
from testbed.swarm import StackScope

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.admin import Admin
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.fleet import Retry
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.guarded_update import update
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.transport import Transport
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock

IMAGES = {"2.6": "caddy", "2.11": "caddy-2.11"}
PREFIX = "traffic"


class Proxies:
    """``ports`` and ``admin`` of each version; all share ``network``."""

    def __init__(self, bed, folder: Path) -> None:
        self.bed, self.address = bed, bed.node("m1").address
        self.network = f"{PREFIX}-net"
        self.ports = {version: 18100 + number for number, version in enumerate(IMAGES)}
        self._folders = {version: folder / version for version in IMAGES}
        self.admin = [f"unix://{one}/admin.sock" for one in self._folders.values()]
        self._scope = StackScope(bed, PREFIX)
        self._scope.remove()
        player = Player(folder, {"m1": bed.docker_host})
        run = player.play(*(self._role(number, version) for number, version in enumerate(IMAGES)))
        assert run.code == 0, run.output

    def _role(self, number: int, version: str) -> dict:
        options = {
            "swarm_platform_stack": f"{PREFIX}-{number}",
            "swarm_platform_network": self.network,
            "swarm_platform_network_external": number > 0,
            "swarm_platform_image": self.bed.images[IMAGES[version]],
            "swarm_platform_folder": str(self._folders[version]),
            "swarm_platform_http_port": self.ports[version],
            "swarm_platform_https_port": 0,
            "swarm_platform_rollout": {"stable_for": 0.3},
        }
        return {"ansible.builtin.include_role": {"name": "stackwright.swarm.swarm_platform"}, "vars": options}

    def service(self, version: str) -> str:
        return f"{PREFIX}-{list(IMAGES).index(version)}_caddy"

    def switch(self, stack: str, routes: list) -> None:
        """What caddy_route does, without Ansible."""
        clock = SystemClock()
        for address in self.admin:
            admin = Admin(Transport(endpoint(address), 30), Retry(clock, random.random, 5))
            update(admin, wish(stack, *routes), False, Retry(clock, random.random, 60))

    def get(self, port: int, host: str, path: str = "/") -> tuple[int, str]:
        """Status and text; 0 where nothing answers."""
        connection = http.client.HTTPConnection(self.address, port, timeout=20)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode().strip()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def remove(self) -> None:
        self._scope.remove()
