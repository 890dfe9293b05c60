"""A user who has the files and variables that the examples of the documentation name, and plays them."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from documented import COMMON, MODULES, documentation, found, paths, promised
from playbook import Player

#: Stacks of the examples: they have the names that a reader sees, so they are removed by these names.
STACKS = ("shop", "echo", "database", "acme-production-shop")

#: What a release of a task would wait for is not waited for: Swarm holds back the end of an old task in a network for
#: three seconds (start-first goes on before), a shell as the first process ends with its grace period only.
SHOP = """\
services:
  web:
    image: {image}
    command: httpd -f -p 8000
    stop_signal: SIGKILL
    ports: ["8000"]
    environment:
      RELEASE: ${{TAG:-none}}
    deploy: {{update_config: {{parallelism: 0, monitor: 10ms, order: start-first}}}}
    volumes:
      - data:/data
    configs: [page]
  worker:
    image: {image}
    command: sh -c 'echo at work; exec sleep 1d'
    stop_signal: SIGKILL
    environment:
      WORKERS: ${{WORKERS:-1}}
    deploy: {{update_config: {{parallelism: 0, monitor: 10ms, order: start-first}}}}
volumes:
  data:
configs:
  page:
    content: hello
"""
#: The registry of the examples, an overlay without anything to warn of, and one with a problem.
REGISTRY = """\
core:
  web: {image: example/web, version: latest, phase: core}
phases:
  core: {order: 1, timeout_seconds: 60}
"""
ECHO = """\
services:
  web:
    image: {image}
    command: sleep 1d
    stop_signal: SIGKILL
    deploy: {{update_config: {{parallelism: 0, monitor: 10ms, order: start-first}}}}
"""
MONITORING = "services:\n  metrics:\n    image: {image}\n"
REGISTRY_OF_PRODUCTION = 'core: {web: {version: "1.4"}}\n'
REGISTRY_BROKEN = "core: {web: {imge: example/web}}\n"
PRODUCTION = "services:\n  web:\n    deploy:\n      replicas: 2\n"


#: Modules that wait for services.
ROLLOUTS = ("compose_stack", "stack_drift", "stack_rollback", "stack_service")
RETURN = {module: promised(documentation(module, "RETURN")) for module in MODULES}


class Reader:
    """A user who has the files and variables that the examples name, and plays them."""

    def __init__(self, bed, folder, proxy):
        image = bed.images["busybox"]
        shop = SHOP.format(image=image)
        files = {
            "files/shop/compose.yml": shop,
            "files/shop/compose.production.yml": PRODUCTION,
            "files/shop/production.env": "WORKERS=2\n",
            "files/shop/site.conf": "listen 80;\n",
            "files/stacks/echo/compose.yml": ECHO.format(image=image),
            "compose.yml": shop,
            "monitoring.yml": MONITORING.format(image=image),
            "compose/monitoring.yml": MONITORING.format(image=image),
            "shop/services.registry.yaml": REGISTRY,
            "srv/shop/services.registry.yaml": REGISTRY,
            "srv/shop/services.registry.production.yaml": REGISTRY_OF_PRODUCTION,
            "srv/shop/broken.registry.yaml": REGISTRY_BROKEN,
            "srv/audit/audit.jsonl": "",
            "srv/shop/compose.yml": shop.replace("content: hello", "content: hello from the manager"),
        }
        # Two names of one manager: the second host of a play finds the work done.
        hosts = {"manager1": bed.docker_host, "manager2": bed.docker_host}
        self.player = Player(folder, hosts, files)
        (folder / "facts").mkdir()
        self.variables = {
            "registry": bed.registry.address,
            "registry_password": "a password",
            "release": "1.4",
            "master_seed": "a long text of chance",
            "definition": yaml.safe_load(shop),
            "caddy_admin": proxy.url,
            "ali_password_hash": "$2b$10$" + "a" * 53,
            "vault_db_password": "planted database's password",
            "mail_password": "planted mail's password",
            "monitoring_folder": str(folder),
            "ansible_host": bed.node("m1").address,
        }
        self.bed = bed
        self.token = uuid.uuid4().hex
        self.results = {module: [] for module in MODULES}
        self.played = {}

    def play(self, tasks, limit="manager1", **how):
        """Plays tasks; what they answer counts for the test of RETURN, and is all documented there."""
        for number, task in enumerate(tasks):
            task["name"] = f"{number}: {task.get('name', '')}"
        self.player.runs += 1
        play = {
            "hosts": "swarm_managers",
            "gather_facts": False,
            "module_defaults": {
                "group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"},
                **{f"stackwright.swarm.{name}": {"rollout": {"stable_for": 0}} for name in ROLLOUTS},
            },
            "tasks": tasks,
        }
        text = yaml.safe_dump([play], sort_keys=False)
        return self._run(self.player.write(f"play{self.player.runs}.yml", text), tasks, limit=limit, **how)

    def play_text(self, text):
        """Plays a whole playbook as it stands; the manager's address comes from its environment."""
        path = self.player.write("site.yml", text)
        tasks = [task for play in yaml.safe_load(text) for task in play["tasks"]]
        return self._run(path, tasks, environment={"DOCKER_HOST": self.player.hosts["manager1"]})

    def _run(self, path, tasks, **how):
        # The examples' /srv and the facts are folders of this test's, in a mount namespace of the play's own.
        mounts = {"/srv": self.player.folder / "srv", "/etc/ansible/facts.d": self.player.folder / "facts"}
        for target in mounts:
            Path(target).mkdir(parents=True, exist_ok=True)
        run = self.player.playbook(path, mounts=mounts, variables=self.variables, **how)
        assert "planted" not in run.output
        for task in tasks:
            module = next((key for key in task if key.startswith("stackwright.swarm.")), "").rpartition(".")[2]
            if module:
                results = run.of(task=task["name"])
                more = paths(found(results, RETURN[module])) - paths(RETURN[module]) - COMMON
                assert more == set(), f"{module} returned {sorted(more)}, but does not document them"
                self.results[module] += results
        return run


def remove(bed):
    """Removes the examples' stacks, by another way than ours."""
    for stack in STACKS:
        bed.node("m1").cli(["docker", "stack", "rm", stack], check=False)


def forget(bed, stack):
    """Removes a stack's history and kept values, so that its revisions are counted from 1 again."""
    for config in bed.node("m1").api("GET", "/configs"):
        if (config["Spec"]["Labels"] or {}).get("stackwright.stack") == stack:
            bed.node("m1").api("DELETE", f"/configs/{config['ID']}")
