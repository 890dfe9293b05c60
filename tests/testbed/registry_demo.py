"""``make registry-demo``: examples/registry on a private Swarm, deployed phase by phase by playbooks/registry.yml."""

from __future__ import annotations

import json
import os
import re
import shutil

from . import cleanup, engines, images
from .bed import Bed
from .commands import run, wait_for
from .paths import CACHE, ROOT, BedError
from .quickstart import PROXY, QUIET_PIP, fetch, playbook, say, step, write_private

PREFIX = "registry-demo"
STACK = "shop"
EXAMPLE = ROOT / "examples" / "registry"
FOLDER = CACHE / "registry-demo"
APP = "registry-shop"
DOMAIN = "shop.example.com"
#: The images that the registry names, and the recipe of each.
IMAGES = {"postgres:15": "postgres", "memcached:1.6": "memcached", PROXY: "caddy"}


def demo() -> None:
    """Sets up everything, rolls out, and shows the result. Can be repeated. Raises BedError."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with step("Ansible and its Python packages, under .cache/venv"):
        run(["sh", "tests/tools/bootstrap.sh", "run"], cwd=ROOT, timeout=900, env={**os.environ, **QUIET_PIP})
    with step(f"A private Swarm of one node with Docker engine {engines.DEFAULT}, and a registry of images"):
        bed = Bed.up(PREFIX)
    with step("Images from Debian's packages: PostgreSQL, memcached, Caddy, and the shop on Python"):
        for name, recipe in IMAGES.items():
            bed.images.publish(images.build(recipe), name)
        app = images.build_folder(EXAMPLE / "app", APP, {"User": "10001:10001"}, base="python", into="app")
        bed.images.publish(app, app)
    site = {
        "docker_host": bed.docker_host,
        "page": f"http://{bed.node().address}/",
        "domain": DOMAIN,
        "folder": f"{bed.record.run_folder}/caddy",
    }
    registry = FOLDER / "services.registry.yaml"
    shutil.copy(EXAMPLE / "services.registry.yaml", registry)
    _write_settings(site, f"{bed.registry.address}/", app.partition(":")[2])
    with step("The shared network and the proxy (Caddy): ansible-playbook playbooks/bootstrap.yml"):
        playbook(site, "bootstrap", folder=FOLDER)
    say("Rolling out: ansible-playbook playbooks/registry.yml")
    playbook(site, "registry", show=True, folder=FOLDER)
    with step(f"Ordering at {DOMAIN} through the proxy at {site['page']}"):
        wait_for("the shop to answer", lambda: "orders" in fetch(site), 30, 0.2)
        print(f"          {fetch(site, b'order').strip()}")
        wait_for("the worker to pack the order", lambda: re.search(r"packed [1-9]", fetch(site)), 30, 0.5)
        print(f"          {fetch(site).strip()}")
    with step("A second run, which must change nothing"):
        recap = playbook(site, "registry", folder=FOLDER)
        if not re.search(r"\bchanged=0\b", recap):
            raise BedError(f"the second run changed something:\n{recap}")
    print(f"""
  The page        curl -H 'Host: {DOMAIN}' {site["page"]}
  The files       ls {FOLDER.relative_to(ROOT)}/generated
  Change it       edit {registry.relative_to(ROOT)}, then see what a run would do:
                  DOCKER_HOST={bed.docker_host} ansible-playbook playbooks/registry.yml \\
                      -i .cache/registry-demo/inventory.yml -e @.cache/registry-demo/settings.json --check --diff
  Clean up        make registry-demo-down
""")


def demo_down() -> None:
    """Removes everything that ``demo`` created, except the caches of packages and images."""
    with step("Removing the private Swarm and the demo's files"):
        cleanup.remove(PREFIX)
        shutil.rmtree(FOLDER, ignore_errors=True)


def _write_settings(site: dict[str, str], prefix: str, tag: str) -> None:
    settings = {
        "services_registry_name": STACK,
        "services_registry_src": str(FOLDER / "services.registry.yaml"),
        "services_registry_dest": str(FOLDER / "generated"),
        "services_registry_variables": {"IMAGES": prefix, "TAG": tag, "DOMAIN": DOMAIN},
        "services_registry_values": {"store": "host_facts", "path": str(FOLDER / "facts.d")},
        "services_registry_shared_networks": ["public"],
        "services_registry_proxies": ["localhost"],
        "stack_admin": [f"unix://{site['folder']}/admin.sock"],
        "swarm_platform_image": prefix + PROXY,
        "swarm_platform_folder": site["folder"],
    }
    write_private(FOLDER / "settings.json", json.dumps(settings, indent=2))
    (FOLDER / "inventory.yml").write_text(
        "swarm_managers:\n  hosts:\n    localhost:\n      ansible_connection: local\n"
        f"      ansible_python_interpreter: {CACHE}/venv/bin/python\n"
    )
