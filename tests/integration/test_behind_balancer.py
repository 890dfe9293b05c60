"""The platform's proxy behind a balancer that terminates TLS: by the role, with a real balancer, in a real Swarm."""

import http.client
import json
import socket
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import Caddy, free_port, running, wait_for
from playbook import Player
from proxies import IMAGES
from testbed.swarm import StackScope

PREFIX = "balanced"
HOST = "shop.balanced.example.com"
PLAIN = 18150
APP = """\
import http.server, json

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
WEB = """\
services:
  web:
    image: {image}
    command: ["python3", "-c", {app}]
    networks: [shared]
    stop_grace_period: 1s
    deploy:
      endpoint_mode: dnsrr
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: {host}
networks: {{shared: {{external: true, name: {prefix}-net}}}}
"""


def platform(bed, player, folder, version, trusted):
    options = {
        "swarm_platform_stack": PREFIX,
        "swarm_platform_network": f"{PREFIX}-net",
        "swarm_platform_image": bed.images[IMAGES[version]],
        "swarm_platform_folder": str(folder / "platform"),
        "swarm_platform_http_port": PLAIN,
        "swarm_platform_https_port": PLAIN + 1,
        "swarm_platform_rollout": {"stable_for": 0.3},
        "swarm_platform_trusted_proxies": trusted,
    }
    run = player.play({"ansible.builtin.include_role": {"name": "stackwright.swarm.swarm_platform"}, "vars": options})
    assert run.code == 0, run.output


def routes_of(player, folder, text):
    player.write("web.yml", text)
    given = {
        "stack_name": f"{PREFIX}-shop",
        "stack_src": "web.yml",
        "stack_admin": [f"unix://{folder}/platform/admin.sock"],
        "stack_on_unlisted_proxy": "ignore",
        "stack_rollout": {"stable_for": 0.3, "timeout": 120},
    }
    run = player.play({"ansible.builtin.include_role": {"name": "stackwright.swarm.stack"}, "vars": given})
    assert run.code == 0, run.output


class Balancer(Caddy):
    """It has a certificate for everything, and hands all on in plain HTTP; it says so in X-Forwarded-Proto."""

    def __init__(self, version, folder, to):
        self.secure, plain = free_port(), free_port()
        hand_on = {"handler": "reverse_proxy", "upstreams": [{"dial": to}]}
        both = [
            {
                "listen": [f"127.0.0.1:{self.secure}"],
                "routes": [{"handle": [hand_on]}],
                "tls_connection_policies": [{}],
            },
            {"listen": [f"127.0.0.1:{plain}"], "routes": [{"handle": [hand_on]}], "automatic_https": {"disable": True}},
        ]
        policies = [{"subjects": [HOST], "issuers": [{"module": "internal"}]}]
        servers = dict(zip(("secure", "web"), both))
        tls = {"automation": {"policies": policies}, "certificates": {"automate": [HOST]}}
        http = {"http_port": plain, "https_port": self.secure, "servers": servers}
        self.plain = plain
        super().__init__(version, folder, config={"apps": {"http": http, "tls": tls}})

    def _answers(self):
        self.port = self.plain
        return super()._answers()

    def is_ready(self):
        try:
            return self.visit("http")[0] in (200, 308)
        except ssl.SSLError:
            return False  # it makes its certificate

    def visit(self, scheme, headers=None):
        """Follows redirects as a browser does; gives the status, the body, and the schemes that it came by."""
        steps, context = [], ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        while len(steps) < 6:
            steps.append(scheme)
            raw = socket.create_connection(("127.0.0.1", self.secure if scheme == "https" else self.plain), timeout=30)
            connection = http.client.HTTPConnection(HOST, timeout=30)
            connection.sock = context.wrap_socket(raw, server_hostname=HOST) if scheme == "https" else raw
            connection.request("GET", "/x?y=1", headers={"Host": HOST, **(headers or {})})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            if answer.status != 308:
                return answer.status, body, steps
            scheme = urlsplit(answer.headers["Location"]).scheme
            assert answer.headers["Location"].endswith("/x?y=1")
        return 308, b"", steps


@pytest.mark.parametrize("version", IMAGES)
def test_behind_a_balancer_that_terminates_tls(bed, tmp_path, version):
    scope = StackScope(bed, PREFIX)
    scope.remove()
    node = bed.node("m1")
    player = Player(tmp_path, {"m1": bed.docker_host})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((node.address, 9))
        own = probe.getsockname()[0]
    text = WEB.format(image=bed.images["python"], app=json.dumps(APP), host=HOST, prefix=PREFIX)
    try:
        platform(bed, player, tmp_path, version, [])
        routes_of(player, tmp_path, text)
        with running(Balancer(version, tmp_path / "balancer", f"{node.address}:{PLAIN}")) as balancer:
            wait_for(balancer.is_ready, "balancer with a certificate")
            # It is not named: its word counts for nothing, and the redirect goes round and round.
            assert balancer.visit("https")[0] == 308
            platform(bed, player, tmp_path, version, [own])
            status, body, steps = balancer.visit(
                "https", {"X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9"}
            )
            seen = json.loads(body)
            assert (status, steps) == (200, ["https"])
            assert seen["x-forwarded-proto"] == "https"
            assert seen["x-forwarded-for"].startswith("127.0.0.1, "), seen
            # Plain HTTP is redirected once, whatever the visitor says.
            for claim in ({}, {"X-Forwarded-Proto": "https"}):
                status, body, steps = balancer.visit("http", claim)
                assert (status, steps) == (200, ["http", "https"])
            # A deployment and a second run of the platform leave it as it is.
            routes_of(player, tmp_path, text)
            assert balancer.visit("https")[0] == 200
    finally:
        scope.remove()
