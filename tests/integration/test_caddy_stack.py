"""From labels to the proxy: compose_stack on a real Swarm, and its routes in a real Caddy beside it."""

import base64
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import VERSIONS, Caddy, running
from playbook import Player

#: The bcrypt hash of "open sesame", as a Compose file has it.
HASH = "$2a$04$iSGyF7xbNq19f1uAiN0E0e71sgLwbgXmx/Ycetng37pDA0DpgOx0W"
COMPOSE = """\
x-env:
  SITE: "{{{{ generate_domain }}}}"
services:
  web:
    image: {image}
    command: sleep 1d
    stop_grace_period: 1s
    deploy:
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: shop.example.com
        stackwright.http.routes.0.auth: "ali:{hash}"
        stackwright.http.routes.0.headers.request.Authorization: Bearer the-inner-token
        stackwright.http.routes.1.domain: ${{SITE}}
        stackwright.http.routes.1.redirect_to: https://shop.example.com
"""


@pytest.fixture
def proxy(tmp_path):
    with running(Caddy(VERSIONS[-1], tmp_path / "caddy")) as started:
        yield started


@pytest.fixture
def player(bed, tmp_path):
    return Player(tmp_path, {"m1": bed.docker_host})


def tasks(bed, swarm, proxy, player):
    text = COMPOSE.format(image=bed.images["busybox"], hash=HASH.replace("$", "$$"))
    player.write("compose.yml", text)
    return [
        {
            "compose_stack": {
                "name": swarm.name,
                "src": "compose.yml",
                "values": {"store": "host_facts", "path": str(player.folder / "facts.d")},
            },
            "register": "shop",
        },
        {
            "caddy_route": {
                "admin": [proxy.url],
                "stack": "{{ shop.stack_id }}",
                "routes": "{{ shop.routes }}",
            }
        },
    ]


def test_routes_of_labels_reach_the_proxy_and_secrets_nothing_else(bed, swarm, proxy, player):
    both = tasks(bed, swarm, proxy, player)
    would = player.play(*both, check=True, diff=True)
    assert would.code == 0, would.output
    assert would.last["changed"]
    assert len(proxy.routes()) == 1
    run = player.play(*both, diff=True, verbosity=3)
    assert run.code == 0, run.output
    assert len(run.last["routes"]) == 2
    again = player.play(*both, diff=True)
    assert [result["changed"] for result in again.of()] == [False, False]
    for found in (would, run, again):
        shown = found.output + json.dumps(found.lines)
        assert "$2a$" not in shown
        assert "the-inner-token" not in shown
    assert proxy.get("shop.example.com")[0].status == 401
    assert "the-inner-token" in json.dumps(proxy.routes())
    word = base64.b64encode(b"ali:open sesame").decode()
    # The service can't be reached from here: that the proxy tries is what is seen.
    assert proxy.routes()[0]["@id"].split(":")[2] == f"{swarm.name}_web"
    response = proxy.get("shop.example.com", headers={"Authorization": "Basic " + word})[0]
    assert response.status in (502, 503)
    (site,) = (route["match"][0]["host"][0] for route in proxy.routes()[:-1] if "static" in json.dumps(route))
    assert proxy.get(site)[0].headers["Location"] == "https://shop.example.com/"


def test_labels_of_a_service_that_is_not_there(bed, swarm, proxy, player):
    route = {
        "base_path": "/",
        "service": f"{swarm.name}_web",
        "from_labels": {"domain": "stackwright.http.routes.0.domain"},
    }
    route.update(upstream="web", port=80)
    task = {"caddy_route": {"admin": [proxy.url], "stack": "shop", "routes": [route]}}
    run = player.play(task)
    assert run.last["error_code"] == "not_found"
    assert "Deploy the stack first" in run.last["msg"]
    assert len(proxy.routes()) == 1
    would = player.play(task, check=True)
    assert would.last["changed"]
