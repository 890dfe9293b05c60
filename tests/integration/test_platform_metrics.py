"""The metrics stack of the role swarm_platform, with Prometheus and its parts from Debian's packages."""

import json
import os
import sys
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import wait_for
from playbook import Player

pytestmark = pytest.mark.skipif(
    os.environ.get("STACKWRIGHT_LONG") != "1", reason="some minutes and 200 MB of packages: STACKWRIGHT_LONG=1"
)
PORT = 18089
#: Prints the requests that it gets.
RECEIVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("", 8000), Handler).serve_forever()
"""


def test_prometheus_finds_what_runs_and_tells_of_what_does_not(bed, swarm, tmp_path):
    name, node = swarm.name, bed.node("m1")
    player = Player(tmp_path, {"m1": bed.docker_host})
    receiver = {"url": "http://hook:8000/", "send_resolved": False}
    options = {
        "swarm_platform_stack": f"{name}-p",
        "swarm_platform_network": f"{name}-net",
        "swarm_platform_image": bed.images["caddy-2.11"],
        "swarm_platform_folder": str(tmp_path / "admin"),
        "swarm_platform_http_port": PORT,
        "swarm_platform_config": {"apps": {"http": {"metrics": {}}}},
        "swarm_platform_https_port": 0,
        "swarm_platform_metrics": True,
        "swarm_platform_metrics_stack": f"{name}-m",
        "swarm_platform_metrics_network": f"{name}-metrics",
        "swarm_platform_metrics_images": {
            key: bed.images[key.replace("_", "-")]
            for key in ("prometheus", "node_exporter", "alertmanager", "blackbox_exporter")
        },
        "swarm_platform_metrics_interval": "2s",
        "swarm_platform_metrics_docker_socket": bed.docker_host.removeprefix("unix://"),
        "swarm_platform_metrics_alertmanager": {
            "route": {"receiver": "hook", "group_wait": "1s"},
            "receivers": [{"name": "hook", "webhook_configs": [receiver]}],
        },
    }
    application = {
        "image": bed.images["busybox"],
        "command": "sh -c 'mkdir -p /www && echo shop_orders 42 > /www/metrics && exec httpd -f -p 8000 -h /www'",
        "networks": ["metrics"],
        "stop_grace_period": "1s",
        "deploy": {"endpoint_mode": "dnsrr", "labels": {"stackwright.metrics.port": 8000}},
    }
    down = {"image": bed.images["busybox"], "command": "sleep 1d", "stop_grace_period": "1s"}
    hook = {
        "image": bed.images["python"],
        "command": ["python3", "-c", RECEIVER],
        "networks": ["metrics"],
        "stop_grace_period": "1s",
        "deploy": {"endpoint_mode": "dnsrr"},
    }
    shop = {
        "services": {"shop": application, "down": down, "hook": hook},
        "networks": {"metrics": {"external": True, "name": f"{name}-metrics"}},
    }
    tasks = [
        {"ansible.builtin.include_role": {"name": "stackwright.swarm.swarm_platform"}, "vars": options},
        {"compose_stack": {"name": f"{name}-shop", "definition": shop}},
    ]
    run = player.play(*tasks)
    assert run.code == 0, run.output

    def get(path, port=9090, service="prometheus"):
        """What the service answers, asked from inside of its container."""
        found = ["docker", "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={name}-m_{service}"]
        (container,) = node.cli(found).stdout.split()
        done = node.cli(["docker", "exec", container, "wget", "-q", "-O", "-", f"http://127.0.0.1:{port}{path}"])
        return json.loads(done.stdout)

    def value(query):
        """The values of a query by service, node or domain."""
        found = get(f"/api/v1/query?query={urllib.request.quote(query)}")["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def is_up(job):
        return wait_for(lambda: [metric for metric, up in value(f'up{{job="{job}"}}') if up == 1], job, 90)

    for job in ("prometheus", "tasks", "nodes", "node_exporter", "proxy", "services"):
        found = is_up(job)
    assert {one["service"] for one in found} == {f"{name}-shop_shop"}
    assert value("shop_orders") and value("shop_orders")[0][1] == 42
    assert [metric["status"] for metric, _ in value('up{job="nodes"}')] == ["ready"]
    assert value("node_memory_MemTotal_bytes")[0][0]["node"] == value('up{job="nodes"}')[0][0]["node"]
    # What the proxy's health check asks for.
    assert wait_for(lambda: value("caddy_http_requests_total"), "the proxy's requests", 60)
    (expiry,) = wait_for(lambda: value('probe_ssl_earliest_cert_expiry{job="swarm_certificates"} - time()'), "TLS", 90)
    assert 86400 * 30 < expiry[1] < 86400 * 91
    running = {metric["service"]: count for metric, count in value("stackwright:service_tasks:running")}
    assert running[f"{name}-shop_shop"] == running[f"{name}-m_prometheus"] == 1
    again = player.play(*tasks)
    assert not any(result.get("changed") for result in again.of()), json.dumps(again.of())

    # No node takes the next task.
    node.cli(["docker", "service", "update", "-d", "--constraint-add", "node.labels.no==1", f"{name}-shop_down"])
    alert = wait_for(lambda: get("/api/v2/alerts", 9093, "alertmanager"), "an alert at the alertmanager", 180)
    assert {one["labels"]["alertname"] for one in alert} == {"ServiceDown"}
    assert alert[0]["labels"]["service"] == f"{name}-shop_down"
    assert alert[0]["annotations"]["summary"] == f"{name}-shop_down has no running task"
    sent = {"stack_logs": {"name": f"{name}-shop", "services": ["hook"], "until": "ServiceDown", "wait_timeout": 60}}
    run = player.play(sent)
    assert run.code == 0, run.output

    # The proxy and its network go as well.
    absent = {**tasks[0], "vars": {**options, "swarm_platform_state": "absent"}}
    run = player.play({"compose_stack": {"name": f"{name}-shop", "state": "absent"}}, absent)
    assert run.code == 0, run.output
    assert not swarm.objects("services") and not swarm.objects("networks")
