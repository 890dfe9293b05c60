"""The documentation is run: every example of every module and filter, the playbooks of the README, and the keys of
results against RETURN. The texts of the examples are played as they stand."""

import copy
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from caddy import VERSIONS, Caddy, running
from documented import COMMON, FILTERS, MODULES, documentation, filter_examples, found, paths, promised, readme_plays
from playbook import Player

#: Returned only where putting a stack back fails as well, which test_transaction.py brings about.
#: ``read``, and what caddy_route_values hands on, is seen by nobody: it comes under no_log only.
#: What proxies are owed, and on which nodes they run, is seen in test_proxies_come_and_go.py.
RARE = ("cause", "rollback_error", "holder", "read", "owed", "proxies", "handed_routes", "live_services", "told")
#: Of secrets, configs and networks that are in use: test_loose_objects.py.
RARE += ("used_by", "outdated", "differences")
#: After a run that was killed: test_after_a_run_that_died.py.
RARE += ("interrupted",)
#: What other tests see: test_parts.py, test_stack_service.py, and the unit tests of what a revision keeps.
ELSEWHERE = {
    "plan.dependents",
    "exit_code",
    "lines",
    "stacks.revisions.files.text",
    "stacks.revisions.commit.branch",
    "stacks.revisions.commit.id",
    # test_volumes.py
    *(f"stacks.revisions.snapshots.{key}" for key in ("volume", "snapshot", "dest", "node")),
    # test_pull_before.py
    "failures.image",
    # Of jobs on a schedule: test_cron.py.
    "stacks.services.runs",
    *(f"stacks.services.runs.{key}" for key in ("slot", "started", "state", "seconds", "exit_code", "error")),
}
#: Of one module: what its own tests bring about, and no example (test_one_task.py, test_node_prune.py,
#: test_swarm_node.py, and the unit tests of plugin_utils/registry).
OF_ITS_TESTS = {
    "compose_stack": ("routes_result", "would_change"),
    "stack_glance": ("proxy",),
    "stack_rollback": ("snapshots",),
    "node_prune": ("removed", "left", "error_code"),
    # Only of services with the label: test_autoscale.py.
    "stack_load": ("services", "error_code"),
    "stack_notification": ("error_code",),
    "services_registry_import": ("not_carried", "findings", "error_code"),
    "services_registry_info": ("definition", "rollback", "error_code"),
    "swarm_report": ("unanswered", "error_code"),
    "swarm_raft": (
        "path",
        "sha256",
        "bytes",
        "created",
        "encryption",
        "removed",
        "seconds",
        "missing",
        "removed_nodes",
    ),
    "swarm_bundle": ("restore", "snapshots"),  # test_bundle.py
    "swarm_rebalance": ("error_code", "done_by"),
    # test_volumes.py
    "volume_copy": ("error_code",),
    "volume_restore": ("error_code",),
    "volume_snapshot": ("error_code",),
}

#: So many revisions are there before the examples of a module.
RELEASES = {"stack_info": 2, "stack_rollback": 3}

#: Stacks of the examples: they have the names that a reader sees, so they are removed by these names.
STACKS = ("shop", "echo", "database", "acme-production-shop")

SHOP = """\
services:
  web:
    image: {image}
    command: httpd -f -p 8000
    stop_grace_period: 1s
    ports: ["8000"]
    environment:
      RELEASE: ${{TAG:-none}}
    deploy: {{update_config: {{parallelism: 0, monitor: 10ms}}}}
    volumes:
      - data:/data
    configs: [page]
  worker:
    image: {image}
    command: sh -c 'echo at work; exec sleep 1d'
    stop_grace_period: 1s
    environment:
      WORKERS: ${{WORKERS:-1}}
    deploy: {{update_config: {{parallelism: 0, monitor: 10ms}}}}
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
ECHO = "services: {{web: {{image: {image}, command: sleep 1d, stop_grace_period: 1s}}}}\n"
MONITORING = "services:\n  metrics:\n    image: {image}\n"
REGISTRY_OF_PRODUCTION = 'core: {web: {version: "1.4"}}\n'
REGISTRY_BROKEN = "core: {web: {imge: example/web}}\n"
PRODUCTION = "services:\n  web:\n    deploy:\n      replicas: 2\n"


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
        self.results = {module: [] for module in MODULES}
        self.played = {}

    def play(self, tasks, limit="manager1", **how):
        """Plays tasks; what they answer counts for the test of RETURN."""
        for number, task in enumerate(tasks):
            task["name"] = f"{number}: {task.get('name', '')}"
        self.player.runs += 1
        play = {
            "hosts": "swarm_managers",
            "gather_facts": False,
            "module_defaults": {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}},
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
                self.results[module] += run.of(task=task["name"])
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


@pytest.fixture(scope="module")
def reader(bed, tmp_path_factory):
    remove(bed)
    bed.node("m1").cli(["docker", "network", "create", "--driver", "overlay", "public"], check=False)
    with running(Caddy(VERSIONS[-1], tmp_path_factory.mktemp("caddy"))) as proxy:
        yield Reader(bed, tmp_path_factory.mktemp("examples"), proxy)
    remove(bed)
    for stack in STACKS:
        forget(bed, stack)
    bed.node("m1").cli(["docker", "network", "rm", "public"], check=False)


def deploy_shop():
    return copy.deepcopy(documentation("compose_stack", "EXAMPLES")[0])


def is_ours(task):
    """Whether a second run of it changes nothing; ``restart`` is documented as always changed."""
    again = "restart" in (task.get("stackwright.swarm.compose_stack") or {})
    ours = {"stackwright.swarm.compose_stack", "stackwright.swarm.caddy_route"} & set(task)
    return bool(ours) and not task.get("check_mode") and not again


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module(reader, module):
    tasks, run = play_examples(reader, module)
    assert run.code == 0, run.output
    assert len(run.lines) == len(tasks)
    for task, after, line in zip(tasks, tasks[1:], run.lines[1:]):
        if is_ours(task) and is_ours(after) and task["name"].split(":")[1:] == after["name"].split(":")[1:]:
            assert not line["result"]["changed"], line


def play_examples(reader, module):
    """Plays the examples of a module, after what they need; once."""
    if module not in reader.played:
        tasks = tasks_of(reader, module)
        reader.played[module] = tasks, reader.play(tasks)
    return reader.played[module]


def tasks_of(reader, module):
    examples = documentation(module, "EXAMPLES")
    if module == "swarm_raft":
        examples = examples[:1]  # the others stop the bed's Engine: test_raft_backup.py
    tasks = [] if module == "compose_stack" else [deploy_shop()]
    if module == "stack_values":
        forget(reader.bed, "shop")
    if module in RELEASES:
        forget(reader.bed, "shop")
        tasks = [deploy_shop() for _revision in range(RELEASES[module])]
        for number, task in enumerate(tasks, 1):
            task["name"] += f" as release {number}"
            task["stackwright.swarm.compose_stack"]["variables"] = {"TAG": f"revision {number}"}
    if module in ("stack_drift", "stack_info"):
        hand = {"name": "shop", "service": "web", "replicas": 2}
        tasks.append({"name": "somebody scales it", "stackwright.swarm.stack_service": hand})
    for task in examples:
        tasks.append(task)
        if is_ours(task):
            tasks.append(copy.deepcopy(task))  # a second run changes nothing
    return tasks


def test_the_examples_of_the_lookup(reader):
    forget(reader.bed, "shop")
    kept = {"name": "shop", "store": "host_facts", "values": {"db/POSTGRES_PASSWORD": "{{ vault_db_password }}"}}
    examples = documentation("stack_value", "EXAMPLES", "lookup")
    run = reader.play([{"name": "a value", "stackwright.swarm.stack_values": kept}, *examples])
    assert run.code == 0, run.output
    assert len(run.lines) == 1 + len(examples)
    assert (reader.player.folder / "password").read_text() == reader.variables["vault_db_password"]


GENERATORS = [name for name in FILTERS if name.startswith("generate_")]


def test_the_examples_of_the_generators(reader):
    tasks = [task for name in GENERATORS for task in filter_examples(name)]
    runs = [reader.play(copy.deepcopy(tasks)) for _number in range(2)]
    made = []
    for run in runs:
        assert run.code == 0, run.output
        made.append([line["result"]["ansible_facts"] for line in run.lines])
        assert len(made[-1]) == len(tasks)
    for task, first, second in zip(tasks, *made):
        assert (first == second) == ("master_seed" in str(task)), task


@pytest.mark.parametrize("name", sorted({*FILTERS} - {*GENERATORS}))
def test_the_examples_of_a_filter(reader, name):
    run = reader.play([{**deploy_shop(), "register": "shop"}, *filter_examples(name)])
    assert run.code == 0, run.output
    assert len(run.lines) == 1 + len(filter_examples(name))
    assert all(line["result"]["msg"] for line in run.lines[1:])


def test_the_playbooks_of_the_readme(reader):
    plays = readme_plays()
    assert plays
    for text in plays:
        run = reader.play_text(text)
        assert run.code == 0, run.output
        again = reader.play_text(text)
        assert again.code == 0, again.output
        assert not any(result["changed"] for result in again.of())


@pytest.fixture(scope="module")
def every_result(reader):
    """Results of all kinds: beside those of the examples, failures, check mode, and two managers of one cluster."""
    for module in MODULES:
        play_examples(reader, module)

    def ours(module="compose_stack", **options):
        return {"name": f"{module} {sorted(options)}", f"stackwright.swarm.{module}": {"name": "echo", **options}}

    def image(command):
        service = {"image": "{{ registry }}/busybox:1", "command": command, "stop_grace_period": "1s"}
        return {"services": {"web": {**service, "build": "."}}}

    def tried(task):
        return {**task, "ignore_errors": True}

    def kept(command):
        service = {"image": "{{ registry }}/busybox:1", "stop_grace_period": "1s", "volumes": ["data:/data"]}
        return {"services": {"web": {**service, "command": ["sh", "-c", command]}}, "volumes": {"data": {}}}

    # The volume makes a revision that was good fail when one goes back to it.
    once = "test ! -e /data/no && exec sleep 1d"
    reader.play([ours(definition=kept(once)), ours(definition=kept("touch /data/no; exec sleep 1d"))])
    reader.play([tried(ours("stack_rollback", rollout={"timeout": 8})), tried(ours("stack_rollback", to=99999))])
    reader.play([ours(definition=kept("exec sleep 2d"))])
    reader.play([ours("stack_rollback")], limit="swarm_managers", diff=True)
    # What was good runs no more, once somebody has changed the volume.
    reader.play([ours(definition=kept("test -e /data/no && exec sleep 3d"))])
    by_hand(reader.bed, "echo_web", "--args", "sh -c 'rm /data/no; exec sleep 4d'")
    reader.play([tried(ours("stack_drift", heal=True, rollout={"timeout": 8}))])
    by_hand(reader.bed, "echo_web", "--args", "sh -c 'touch /data/no; exec sleep 5d'")
    reader.play([tried(ours("stack_drift", fail_on_drift=True))])
    reader.play([ours("stack_drift", heal=True)], limit="swarm_managers", diff=True)
    reader.play([ours(definition=image("sleep 1d"))], limit="swarm_managers")
    reader.play([ours(definition=image("sleep 2d"))], check=True, diff=True)
    reader.play(
        [
            tried(ours(definition="services: {web: {imge: nginx}}")),
            tried(ours(definition=image("false"), rollout={"timeout": 8})),
            tried(ours(definition=image("false"), rollout={"timeout": 8, "on_failure": "keep"})),
        ]
    )
    reader.play([tried(ours("stack_health", wait=True, wait_timeout=2))], limit="swarm_managers")
    reader.play(
        [
            ours(state="absent"),
            tried(ours("stack_info", docker_host="unix:///nonexistent/docker.sock")),
            tried(ours("stack_logs", tail=0)),
            tried(
                {"name": "foreign", "stackwright.swarm.stack_cleanup": {"name": "shop", "volume_names": ["echo_data"]}}
            ),
            tried(ours("stack_values", state="regenerated", names=["NOT_THERE"])),
            tried(ours("stack_preflight", definition="services: {web: {imge: nginx}}")),
            tried({"stackwright.swarm.swarm_info": {"docker_host": "unix:///nonexistent/docker.sock"}}),
            tried({"stackwright.swarm.swarm_cluster": {"docker_host": "unix:///nonexistent/docker.sock"}}),
            *(tried(task) for task in tasks_of_objects()),
            tried({"stackwright.swarm.stack_routes": {"docker_host": "unix:///nonexistent/docker.sock"}}),
            tried(
                {
                    "stackwright.swarm.caddy_route_values": {
                        "docker_host": "unix:///nonexistent/docker.sock",
                        "routes": [],
                    }
                }
            ),
            tried({"stackwright.swarm.caddy_server": {"admin": ["unix:///nonexistent/caddy.sock"]}}),
            *(tried(task) for task in tasks_of_routes()),
        ]
    )
    of_registry = {"src": "/srv/shop/services.registry.yaml", "dest": "/srv/shop/generated"}
    broken = {**of_registry, "src": "/srv/shop/broken.registry.yaml"}
    # Its compose.yml is somebody's.
    edited = {**of_registry, "dest": "/srv/shop"}
    reader.play(
        [{"name": "again", "stackwright.swarm.services_registry_compose": of_registry}]
        + [
            tried({"name": "wrong", "stackwright.swarm.services_registry_compose": given}) for given in (broken, edited)
        ],
        diff=True,
    )
    # One replica has the port, so there is no node for a second one.
    port = image("sleep 1d")
    port["services"]["web"]["ports"] = [{"target": 80, "published": 18080, "mode": "host"}]
    reader.play([ours(definition=port), tried(ours("stack_service", service="web", replicas=2))])
    reader.play([ours("stack_service", service="web", replicas=0)], limit="swarm_managers", diff=True)
    job = {"image": "{{ registry }}/busybox:1", "command": "echo done", "deploy": {"mode": "replicated-job"}}
    job["restart"] = "no"
    reader.play([ours(definition={"services": {"job": job}}), ours("stack_service", service="job", state="run")])
    where = {"store": "swarm"}
    reader.play([ours("stack_values", state="present", values={"web/KEY": "a value"}, **where)])
    reader.play([ours("stack_values", state="present", values={"web/KEY": "another"}, **where)], limit="swarm_managers")
    reader.play([ours("stack_cleanup", volumes=True)], limit="swarm_managers")
    node = {"name": "m1", "labels": {"rank": 1}}
    reader.play([{"name": "a label", "stackwright.swarm.swarm_node": node}], limit="swarm_managers", diff=True)
    reader.play([{"name": "the Swarm", "stackwright.swarm.swarm_cluster": {}}], limit="swarm_managers", diff=True)
    nowhere = image("true")
    nowhere["services"]["web"]["deploy"] = {"placement": {"constraints": ["node.labels.none == x"]}}
    reader.play([tried(ours("stack_preflight", definition=nowhere))], limit="swarm_managers")
    return reader.results


def by_hand(bed, service, *options):
    """What somebody changes with docker's own command, up to its end."""
    bed.node("m1").cli(["docker", "service", "update", "--quiet", *options, service])


def tasks_of_objects():
    """Each module of nodes and of loose objects, with a name that can't be."""
    bad = {"name": "-", "data": "x"}
    return [
        {"name": "no node", "stackwright.swarm.swarm_node": {"name": "nobody"}},
        {"name": "no password", "stackwright.swarm.swarm_raft": {"state": "saved", "path": "backups"}},
        {"name": "no bundle", "stackwright.swarm.swarm_bundle": {"state": "verified", "path": "nowhere"}},
        {"name": "no stack", "stackwright.swarm.stack_export": {"name": ["nobody"], "dest": "exported"}},
        {"name": "no secret", "stackwright.swarm.swarm_secret": bad},
        {"name": "no config", "stackwright.swarm.swarm_config": bad},
        {"name": "no network", "stackwright.swarm.swarm_network": {"name": "ingress"}},
    ]


def tasks_of_routes():
    """Routes of two stacks that claim the same, one that the proxy refuses, and a replica that is not there."""
    here, missing = "{{ caddy_admin }}", "unix:///nonexistent/caddy.sock"

    def route(stack, *admin, **more):
        routes = [{"domain": "a.example.com", "upstream": "web", "port": 80, **more}]
        options = {"admin": list(admin), "stack": stack, "routes": routes}
        return {"name": f"routes of {stack} {more}", "stackwright.swarm.caddy_route": options}

    return [
        route("one", here),
        route("two", here),
        route("three", here, domain="b.example.com", health={"uri": "/%zz"}),
        route("one", here, missing, port=81),
        {"name": "no proxy", "stackwright.swarm.caddy_route_info": {"admin": [missing]}},
    ]


@pytest.mark.parametrize("module", MODULES)
def test_results_have_what_return_says_and_nothing_else(every_result, module):
    keys = promised(documentation(module, "RETURN"))
    seen = found(every_result[module], keys)
    rare = (*RARE, *OF_ITS_TESTS.get(module, ()))
    unseen = {path for path in paths(keys) - paths(seen) - ELSEWHERE if path.partition(".")[0] not in rare}
    assert unseen == set(), "documented, but never returned"
    assert paths(seen) - paths(keys) - COMMON == set(), "returned, but not documented"
