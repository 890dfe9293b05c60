"""Golden cases: tests/unit/cases/preflight/CASE.yml is a Swarm and a Compose file, CASE.txt has the findings.

STACKWRIGHT_WRITE_GOLDEN=1 writes CASE.txt where it is missing; review it before it is committed.
"""

import copy
import os
from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.registry import registry_of
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import own_services
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import in_order, sentence
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.image_checks import asked
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.trim import needs_vips, trimmed
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.verdict import judge
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source

CASES = Path(__file__).resolve().parents[2] / "cases" / "preflight"
NAMESPACE = "com.docker.stack.namespace"
MIB = 1024 * 1024


class NoFiles:
    def read(self, path, below=None):
        raise FileNotFoundError(path)


def compiled(text):
    return compile_stack(
        CompileRequest([Source("compose.yml", text)], name="shop", variables={"KEY": "planted"}), NoFiles()
    )


def node(name, given):
    """A node of the Engine from a short description; memory in MiB."""
    role = given.get("role", "manager" if name.startswith("m") else "worker")
    os_, _slash, architecture = given.get("platform", "linux/x86_64").partition("/")
    resources = {"NanoCPUs": int(given.get("cpus", 4) * 1e9), "MemoryBytes": given.get("memory", 4096) * MIB}
    resources["GenericResources"] = [
        {"DiscreteResourceSpec": {"Kind": kind, "Value": value}} if isinstance(value, int) else named(kind, value)
        for kind, value in given.get("generic", {}).items()
    ]
    plugins = [{"Type": "Log", "Name": n} for n in ("json-file", *given.get("log", ()))]
    plugins += [{"Type": "Volume", "Name": n} for n in ("local", *given.get("volume", ()))]
    found = {
        "ID": f"id-{name}",
        "Spec": {"Role": role, "Availability": given.get("availability", "active"), "Labels": given.get("labels", {})},
        "Status": {"State": given.get("state", "ready"), "Addr": given.get("address", "10.0.0.1")},
        "Description": {
            "Hostname": name,
            "Platform": {"OS": os_, "Architecture": architecture},
            "Resources": resources,
            "Engine": {
                "EngineVersion": given.get("engine", "28.5.2"),
                "Labels": given.get("engine_labels", {}),
                "Plugins": plugins,
            },
        },
    }
    if role == "manager":
        found["ManagerStatus"] = {"Reachability": given.get("reachability", "reachable")}
    return found


def named(kind, value):
    return {"NamedResourceSpec": {"Kind": kind, "Value": value}}


def live(name, given, number):
    """A service and its tasks: ``ports`` like 80/tcp host, ``memory`` in MiB for each, ``tasks`` their nodes."""
    ports = []
    for text in given.get("ports", ()):
        port, mode = text.split()
        published, protocol = port.split("/")
        ports.append({"PublishedPort": int(published), "TargetPort": 80, "Protocol": protocol, "PublishMode": mode})
    labels = {NAMESPACE: given["stack"]} if given.get("stack") else {}
    labels["com.docker.stack.image"] = given.get("image", "nginx:1")
    template = {"ContainerSpec": {"Image": given.get("image", "nginx:1")}}
    template["Resources"] = {"Reservations": {"MemoryBytes": given.get("memory", 0) * MIB}}
    spec = {"Name": name, "Labels": labels, "TaskTemplate": template, "EndpointSpec": {"Ports": ports}}
    service = {"ID": f"service-{number}", "Spec": spec, "Endpoint": {}}
    tasks = [
        {
            "ID": f"task-{number}-{at}",
            "ServiceID": service["ID"],
            "NodeID": f"id-{where}",
            "Spec": template,
            "Status": {"State": given.get("state", "running")},
        }
        for at, where in enumerate(given.get("tasks", ()))
    ]
    return service, tasks


def swarm(case):
    observed = {
        "nodes": [node(name, given or {}) for name, given in case["nodes"].items()],
        "services": [],
        "tasks": [],
    }
    for number, (name, given) in enumerate(case.get("live", {}).items()):
        service, tasks = live(name, given, number)
        observed["services"].append(service)
        observed["tasks"] += tasks
    observed["networks"] = [
        {"Name": name, "Id": name, "Scope": given.get("scope", "swarm"), "Labels": {NAMESPACE: given.get("stack", "")}}
        for name, given in case.get("networks", {}).items()
    ]
    for kind in ("configs", "secrets"):
        observed[kind] = [
            {"ID": name, "Spec": {"Name": name, "Labels": {NAMESPACE: stack} if stack else {}}}
            for name, stack in case.get(kind, {}).items()
        ]
    return observed


def answers(case, images):
    """By image: the code of a refusal, a list of platforms, or ``silent``."""
    found = {}
    for image in images:
        given = case.get("images", {}).get(image, [])
        if given == "silent":
            continue
        parts = [platform.partition("/") for platform in given] if isinstance(given, list) else []
        platforms = [{"OS": os_, "Architecture": architecture} for os_, _slash, architecture in parts]
        found[image] = {"refused": given} if isinstance(given, str) else {"image": f"{image}@x", "platforms": platforms}
    return found


def told(case):
    desired = trimmed(compiled(case["file"])) if "file" in case else EMPTY
    observed = swarm(case)
    before = copy.deepcopy((desired, observed))
    images = asked(desired, own_services("shop", observed), case.get("resolve_image", "changed"))
    judged = judge(desired, observed, images, answers(case, images), registry_of)
    assert (desired, observed) == before, "the judge has changed its input"
    yield from (f"{item['level']} {item['code']}: {sentence(item)}" for item in in_order(judged.findings))
    for facts in judged.facts.values():
        for item in facts["ports"]:
            port = "/".join(map(str, item["port"]))
            yield f"look on {facts['name']}: port {port} {item['mode']} for {item['service']}, {item['level']}"
        for item in facts["binds"]:
            yield f"look on {facts['name']}: path {item['source']} for {item['service']}, {item['level']}"


EMPTY = {"stack": {"name": ""}, "waves": [], "networks": [], "configs": [], "secrets": [], "services": []}


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.yml")))
def test_what_a_preflight_says(case):
    text = "".join(f"{line}\n" for line in told(yaml.safe_load((CASES / f"{case}.yml").read_text())))
    golden = CASES / f"{case}.txt"
    if os.environ.get("STACKWRIGHT_WRITE_GOLDEN") and not golden.exists():
        golden.write_text(text)
    assert text == golden.read_text()


SECRETS = """
services:
  web:
    image: nginx:1
    environment: {PASSWORD: planted}
    command: [run, planted]
    labels: {token: planted}
    logging: {driver: syslog, options: {key: planted}}
    volumes: ["data:/data"]
    configs: [page]
    secrets: [key]
volumes:
  data: {driver: nfs, driver_opts: {o: password=planted}}
configs:
  page: {content: planted}
secrets:
  key: {environment: KEY}
"""


def test_nothing_that_may_be_secret_leaves_the_controller():
    assert "planted" in str(compiled(SECRETS))
    assert "planted" not in str(trimmed(compiled(SECRETS)))


@pytest.mark.parametrize(
    ("service", "vips"),
    [
        ("{image: nginx:1}", True),
        ("{image: nginx:1, deploy: {endpoint_mode: dnsrr}}", False),
        ("{image: nginx:1, network_mode: host}", False),
        ("{image: nginx:1, deploy: {endpoint_mode: dnsrr}, ports: []}", False),
        ("{image: nginx:1, deploy: {endpoint_mode: dnsrr}, ports: [{target: 80, published: 80, mode: host}]}", False),
    ],
)
def test_which_stacks_need_virtual_addresses(service, vips):
    assert needs_vips(trimmed(compiled(f"services:\n  web: {service}"))) is vips


GUIDE = Path(__file__).resolve().parents[4] / "docs" / "guides" / "preflight.md"


def test_the_guide_knows_every_code():
    lines = [line for path in CASES.glob("*.txt") for line in path.read_text().splitlines()]
    codes = {line.split()[1].rstrip(":") for line in lines if line.startswith(("error", "warning"))}
    assert len(codes) > 20
    guide = GUIDE.read_text()
    assert {code for code in codes if f"`{code}`" not in guide} == set()
