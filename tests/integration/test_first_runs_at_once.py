"""First deployments of one stack at the same time, each in a process of its own: they end with one set of values.

On three managers 50 of them, each through one of the managers; on one node 8.
"""

import base64
import json
import multiprocessing
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from core import Core, deploy_stack

#: How many at once, by the number of managers.
MANY = {1: 8, 3: 50}
COMPOSE = """\
services:
  db:
    image: {image}
    command: httpd -f -p 8000
    stop_grace_period: 1s
    environment:
      USER: "{{{{ generate_user }}}}"
      PASSWORD: "{{{{ generate_secure_password }}}}"
    secrets: [token]
    deploy: {{endpoint_mode: dnsrr, update_config: {{parallelism: 0, monitor: 10ms}}}}
secrets: {{token: {{content: "{{{{ generate_base64(24) }}}}"}}}}
"""


def run(docker_host, stack, folder, text, told):
    """One deployment; puts its error, or the versions of the values that it used."""
    core = Core(docker_host, stack, folder)
    options = {"values": {"store": "swarm"}, "lock_timeout": 500, "timeout": 300, "keep_revisions": 100}
    try:
        result = core._run(deploy_stack, core.compile(text), options)
        told.put(("", sorted((value["name"], value["version"]) for value in result["kept_values"])))
    except Exception as error:  # whatever it is, the test shows it
        told.put((f"{type(error).__name__}: {error}", []))


def test_they_end_with_one_set_of_values(bed, swarm, tmp_path, record_property):
    managers = [node.docker_host for node in bed.nodes.values() if node.role == "manager"]
    many = MANY[len(managers)]
    text = COMPOSE.format(image=bed.images["busybox"])
    forked = multiprocessing.get_context("fork")
    told = forked.Queue()
    processes = [
        forked.Process(target=run, args=(managers[number % len(managers)], swarm.name, tmp_path, text, told))
        for number in range(many)
    ]
    for process in processes:
        process.start()
    ended = [told.get(timeout=560) for _process in processes]
    for process in processes:
        process.join(30)
    assert [error for error, _values in ended if error] == []
    used = {tuple(values) for _error, values in ended}
    assert len(used) == 1, used
    configs = [
        config
        for config in bed.node("m1").api("GET", "/configs")
        if config["Spec"]["Name"].startswith(f"stackwright.values.{swarm.name}.")
    ]
    try:
        (config,) = configs
        kept = json.loads(base64.b64decode(config["Spec"]["Data"]))["values"]
        assert {name: len(entry["versions"]) for name, entry in kept.items()} == {
            "db/USER": 1,
            "db/PASSWORD": 1,
            "secrets/token": 1,
        }
        (service,) = swarm.objects("services")
        env = dict(entry.split("=", 1) for entry in service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"])
        assert env == {key: kept[f"db/{key}"]["versions"][0]["value"] for key in ("USER", "PASSWORD")}
        assert len(swarm.objects("secrets")) == 1
    finally:
        for config in configs:
            bed.node("m1").api("DELETE", f"/configs/{config['ID']}")
    record_property("values: first runs at once, one set of values", many)
