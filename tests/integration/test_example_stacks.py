"""The stacks of examples/catalogue whose parts are Debian packages, deployed and healthy. With STACKWRIGHT_LONG=1.

The texts are those of the catalogue, but for the names of images, and for what a test bed's node can't have.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

pytestmark = pytest.mark.skipif(os.environ.get("STACKWRIGHT_LONG") != "1", reason="set STACKWRIGHT_LONG=1")

#: Folder: the stack's name. The queue of `worker` and the parts of `logs` are in no package, or take gigabytes.
STACKS = {
    "static_site": "site",
    "blue_green": "bluegreen",
    "cache": "cached",
    "webapp": "webapp",
    "image_registry": "images",
    "metrics": "metrics",
}
IMAGES = {
    "caddy:2": "caddy",
    "valkey/valkey:8": "redis",
    "postgres:16": "postgres",
    "registry:2": "docker-registry",
    "prom/prometheus": "prometheus",
    "prom/node-exporter": "node-exporter",
    "prom/alertmanager": "alertmanager",
}
#: The application of the examples: it answers at port 8000, and migrates its database.
APP = """\
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"well")

HTTPServer(("", 8000), Handler).serve_forever()
"""
MANAGE = """\
#!/usr/bin/python3
import os, psycopg2
with psycopg2.connect(os.environ["DATABASE_URL"]) as db:
    db.cursor().execute("create table if not exists visits (at timestamp)")
"""


@pytest.fixture
def catalogue(bed, tmp_path):
    """The folders of the examples, with images of the bed's registry."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "app.py").write_text(APP)
    (app / "manage.py").write_text(MANAGE)
    (app / "manage.py").chmod(0o755)
    config = {"Cmd": ["python3", "/app/app.py"], "WorkingDir": "/app"}
    made = bed.images.from_folder(app, "example-app:1", config, base="python", into="app")
    for name in STACKS:
        folder = tmp_path / "site" / name
        shutil.copytree(ROOT / "examples" / "catalogue" / name, folder)
        text = (folder / "compose.yml").read_text()
        text = re.sub(r"image: \$\{REGISTRY\S+", f"image: {made}", text)
        for image, ours in IMAGES.items():
            text = re.sub(rf"(?m)image: {image}(:\S+)?$", f"image: {bed.images[ours]}", text)
        # The command of the image that people use.
        alerts = "[--config.file=/etc/alertmanager/alertmanager.yml, --storage.path=/alertmanager]"
        text = re.sub(r"( +)(image: \S+/alertmanager:1)", rf"\1\2\n\1command: {alerts}", text)
        # A node of the bed has mounts of its own, that nobody shares.
        text = text.replace("        bind:\n          propagation: rslave\n", "")
        # Its kernel may have no IPVS, so virtual IPs carry no traffic there.
        text = re.sub(r"(?m)^    deploy:$", "    deploy:\n      endpoint_mode: dnsrr", text)
        (folder / "compose.yml").write_text(text)
    yield tmp_path / "site"
    for name in STACKS.values():
        bed.node("m1").cli(["docker", "stack", "rm", name], check=False)


def test_they_run(bed, catalogue):
    player = Player(catalogue, {"m1": bed.docker_host})
    labels = {"name": "m1", "labels": {"db": "true", "registry": "true", "metrics": "true"}}
    stacks = [
        {
            "compose_stack": {
                "src": f"{catalogue}/{folder}/compose.yml",
                "values": {"store": "swarm"},
                "variables": {"DOMAIN": f"{STACKS[folder]}.example.com"},
                "rollout": {"timeout": 120},
            }
        }
        for folder in STACKS
    ]
    run = player.play({"swarm_node": labels}, *stacks)
    assert run.code == 0, run.output
    deployed = {result["stack"]: result for result in run.of()[1:]}
    assert sorted(deployed) == sorted(STACKS.values()), run.output
    for name, result in deployed.items():
        assert result["status"] == "healthy", (name, result["services"])
    again = player.play(*stacks)
    assert again.code == 0 and not any(result["changed"] for result in again.of()), again.output
    gone = player.play(*({"compose_stack": {"name": name, "state": "absent"}} for name in STACKS.values()))
    assert gone.code == 0, gone.output
