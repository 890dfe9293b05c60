"""Routes with passwords for a proxy on a worker: a manager reads them, and nothing shows them."""

import base64
import json
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from caddy import VERSIONS, Caddy, running
from playbook import Player
from testbed import for_tests
from testbed.swarm import StackScope

#: The bcrypt hash of "open sesame", as a Compose file has it.
HASH = "$$2a$$04$$iSGyF7xbNq19f1uAiN0E0e71sgLwbgXmx/Ycetng37pDA0DpgOx0W"
NAME = "worker-proxy"
COMPOSE = f"""\
x-env:
  SITE: "{{{{ generate_domain }}}}"
services:
  web:
    image: ${{IMAGE}}
    command: sleep 1d
    stop_grace_period: 1s
    deploy:
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: shop.example.com
        stackwright.http.routes.0.auth: "ali:{HASH}"
        stackwright.http.routes.0.headers.request.Authorization: Bearer the-inner-token
        stackwright.http.routes.0.headers.request.Cookie: ""
        stackwright.http.routes.0.headers.response.Set-Cookie: the-outer-token
        stackwright.http.routes.1.domain: ${{SITE}}
        stackwright.http.routes.1.redirect_to: https://shop.example.com
"""


@pytest.fixture(scope="module")
def pair():
    with for_tests.bed_for("proxy", keep=True, managers=1, workers=1) as made:
        yield made


def test_a_manager_reads_what_a_proxy_on_a_worker_needs(pair, tmp_path):
    manager, worker = pair.node("m1").docker_host, pair.node("w1").docker_host
    with running(Caddy(VERSIONS[-1], tmp_path / "caddy")) as proxy:
        scope = StackScope(pair, NAME)
        scope.remove()
        player = Player(tmp_path, {"m1": manager}, {"compose.yml": COMPOSE})
        here = {"name": "w1", "groups": "swarm_proxies", "ansible_connection": "local"}
        here["ansible_python_interpreter"] = sys.executable
        options = {
            "stack_name": NAME,
            "stack_src": "compose.yml",
            "stack_variables": {"IMAGE": pair.images["busybox"]},
            "stack_values": {"store": "host_facts", "path": str(tmp_path / "facts.d")},
            "stack_admin": [proxy.url],
            "stack_rollout": {"stable_for": 0.3},
        }
        play = {
            "hosts": "m1",
            "gather_facts": False,
            "module_defaults": {
                "group/stackwright.swarm.swarm": {"docker_host": manager},
                # The proxy's node is a worker.
                "stackwright.swarm.caddy_route": {"docker_host": worker},
                "stackwright.swarm.stack_preflight": {"docker_host": worker},
            },
            "tasks": [
                {"ansible.builtin.add_host": here},
                {"ansible.builtin.include_role": {"name": "stackwright.swarm.stack"}, "vars": options},
            ],
        }
        path = player.write("worker.yml", yaml.safe_dump([play], sort_keys=False))
        shown = ""
        for how in ({"check": True, "diff": True}, {"diff": True, "verbosity": 3}, {"diff": True}):
            run = player.playbook(path, **how)
            assert run.code == 0, run.output
            shown += run.output + json.dumps(run.lines)
        assert not [result for result in run.of() if result.get("changed") and "add_host" not in result]
        for secret in ("$2a$", "the-inner-token", "the-outer-token"):
            assert secret not in shown
        assert proxy.get("shop.example.com")[0].status == 401
        word = base64.b64encode(b"ali:open sesame").decode()
        assert proxy.get("shop.example.com", headers={"Authorization": "Basic " + word})[0].status in (502, 503)
        assert "the-inner-token" in json.dumps(proxy.routes())
        scope.remove()
