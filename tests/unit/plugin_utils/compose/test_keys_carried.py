"""The table of keys is correct: a carried key changes the field in its row, any other key gets a notice or problem.

For each row without rows below it, a test compiles a project with this key, and the same project without it.
"""

import copy
import re

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import CARRIED, NOTICE, REFUSED
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import KEYS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

BASE = {
    "services": {"web": {"image": "nginx"}, "db": {"image": "postgres"}},
    "configs": {"thing": {"content": "a"}},
    "secrets": {"thing": {"external": True}},
    "volumes": {"thing": {}, "other": {}},
    "networks": {"thing": {}, "default": {}},
}
#: The other keys that a key needs to have an effect, by the beginning of the pattern.
BESIDE = {
    "services.*.configs[]": {"source": "thing", "target": "/t"},
    "services.*.deploy.resources.reservations.generic_resources[].discrete_resource_spec": {"kind": "a", "value": 1},
    "services.*.depends_on.*": {"condition": "service_started"},
    "services.*.healthcheck": {"test": "true"},
    "services.*.ports[]": {"target": 80},
    "services.*.secrets[]": {"source": "thing", "target": "/t"},
    "services.*.ulimits.*": {"soft": 1, "hard": 1},
    "services.*.volumes[]": {"type": "volume", "source": "thing", "target": "/t"},
    "services.*.volumes[].bind": {},
    "networks.*.ipam.config[]": {"subnet": "10.0.0.0/24"},
}
#: Kinds of mounts that have their own block of options.
MOUNTS = {"bind": "/s", "cluster": "thing", "image": "nginx", "tmpfs": None}
SAMPLES = {
    "command": ["a"],
    "entrypoint": ["a"],
    "test": ["CMD", "b"],
    "dns": ["1.2.3.4"],
    "subnet": "10.9.0.0/24",
    "gateway": "10.0.0.1",
    "ip_range": "10.0.0.128/25",
    "aux_addresses": {"a": "10.0.0.9"},
    "extra_hosts": ["a=1.2.3.4"],
    "environment": {"A": "b"},
    "labels": {"a": "b"},
    "options": {"a": "b"},
    "driver_opts": {"a": "b"},
    "sysctls": {"a": "1"},
    "annotations": {"a": "b"},
    "storage_opt": {"size": "1G"},
    "aliases": ["other"],
    "group_add": ["9"],
    "cap_add": ["SYS_TIME"],
    "cap_drop": ["MKNOD"],
    "dns_opt": ["ndots:1"],
    "dns_search": ["a.b"],
    "devices": ["/dev/a"],
    "security_opt": ["a"],
    "device_cgroup_rules": ["c 1:3 r"],
    "external_links": ["a"],
    "link_local_ips": ["1.2.3.4"],
    "volumes_from": ["a"],
    "post_start": [{"command": "a"}],
    "pre_start": [{"command": "a"}],
    "pre_stop": [{"command": "a"}],
    "models": ["m"],
    "provider": {"type": "a"},
    "blkio_config": {"weight": 10},
    "constraints": ["node.role == worker"],
    "mode": 256,
    "spread": "node.labels.a",
    "condition": "on-failure",
    "failure_action": "continue",
    "order": "start-first",
    "endpoint_mode": "dnsrr",
    "restart": "always",
    "isolation": "process",
    "protocol": "udp",
    "stop_signal": "SIGINT",
    "platform": "linux/amd64",
    "propagation": "shared",
    "recursive": "disabled",
    "selinux": "z",
    "consistency": "cached",
    "ulimits": {"a": 1},
    "soft": 5,
    "hard": 5,
    "target": "/other",
    "network_mode": "host",
    "driver": "other",
    "uid": "7",
    "gid": "7",
    "max_failure_ratio": 0.5,
}
#: Values of keys whose kind does not define a valid value.
BY_PATTERN = {
    "services.*.deploy.mode": "global",
    "services.*.depends_on.*.restart": True,
    "services.*.ports[].mode": "host",
    "services.*.ports[].target": 81,
    "services.*.volumes[].type": "bind",
    "services.*.volumes[].source": "other",
    "networks.*.enable_ipv4": False,
    "services.*.volumes[].image": {"subpath": "a"},
    "services.*.configs[].source": "other",
    "services.*.secrets[].source": "other",
    "services.*.credential_spec.config": "thing",
    "services.*.volumes[].bind.create_host_path": True,
}
INTEGERS = re.compile(
    r"(pids|replicas|scale|parallelism|max_attempts|retries|value|published|priority|gw_priority|oom_score_adj|pids_limit"
    r"|cpu_\w+|mem_swappiness|max_replicas_per_node)$"
)
BOOLEANS = re.compile(
    r"(init|tty|stdin_open|read_only|privileged|disable|nocopy|attachable|internal|enable_ipv[46]|oom_kill_disable"
    r"|use_api_socket)$"
)
SIZES = re.compile(r"(memory|size|mem_limit|mem_reservation|memswap_limit|shm_size)$")
DURATIONS = re.compile(r"((start_)?interval|timeout|start_period|stop_grace_period|delay|monitor|window)$")
#: Rows that another test covers, or that can't change the result of one small project.
ELSEWHERE = {
    "services.*.image": "every case has one",
    "services.*.networks": "its keys have rows",
    "configs.*.file": "it needs a file",
    "configs.*.environment": "it needs a variable",
    "secrets.*.file": "it needs a file",
    "secrets.*.environment": "it needs a variable",
    "secrets.*.content": "the value is not in the desired state's specs",
}


def leaves(fate):
    """Returns the rows with a fate that have no rows below them."""
    for key, row in sorted(KEYS.items(), key=lambda item: item[0]):
        below = any(other.startswith((key + ".", key + "[")) for other in KEYS)
        if row.fate == fate and not below and key not in ELSEWHERE and "." in key:
            yield key


def sample(pattern):
    key = pattern.rpartition(".")[2]
    if pattern in BY_PATTERN:
        return BY_PATTERN[pattern]
    if key in SAMPLES:
        return SAMPLES[key]
    if key == "cpus":
        return 0.5
    for kind, value in ((INTEGERS, 3), (BOOLEANS, True), (SIZES, "64m"), (DURATIONS, "7s")):
        if kind.match(key):
            return value
    return "text"


def project(pattern, with_key):
    """Returns BASE with the keys around a key, and optionally the key itself."""
    tree = copy.deepcopy(BASE)
    if pattern.startswith("secrets.*"):
        tree["secrets"]["thing"] = {"driver": "some"}
    if "template_driver" in pattern or pattern.startswith("networks"):
        tree["services"]["web"]["networks"] = ["thing"]
    if pattern.startswith("volumes.*"):
        tree["services"]["web"]["volumes"] = ["thing:/t"]
    for section in ("configs", "secrets"):
        if pattern == f"services.*.{section}[].source":
            tree[section]["other"] = {"external": True}
    node, path = tree, ""
    parts = pattern.replace("[]", ".[]").split(".")
    for before, part, following in zip(["", *parts], parts, [*parts[1:], None]):
        path = f"{path}[]" if part == "[]" else f"{path}.{part}".lstrip(".")
        if following is None:
            if with_key:
                node[part] = sample(pattern)
            elif "credential_spec" in pattern:
                del tree["services"]["web"]["credential_spec"]
            break
        name = {"services": "web", "depends_on": "db"}.get(before, "thing")
        if part == "[]":
            node.append({})
            node = node[0]
        else:
            key = name if part == "*" else part
            empty = [] if following == "[]" else {}
            if not isinstance(node.get(key), type(empty)):
                node[key] = empty
            node = node[key]
        if isinstance(node, dict):
            node.update(copy.deepcopy(BESIDE.get(path, {})))
            block = pattern.removeprefix("services.*.volumes[].").partition(".")[0]
            if path == "services.*.volumes[]" and block in MOUNTS:
                node.update({"type": block, "source": MOUNTS[block]})
                if MOUNTS[block] is None:
                    del node["source"]
    return tree


def compiled(tree):
    return compile_stack(CompileRequest([Source("compose.yml", tree)], name="shop"), MemoryFiles({}))


def fields(value):
    """Returns the names of all fields of plain data, each with its values."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield key, below
            yield from fields(below)
    elif isinstance(value, list):
        for below in value:
            yield from fields(below)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", list(leaves(CARRIED)))
def test_carried(pattern):
    after, before = compiled(project(pattern, True)), compiled(project(pattern, False))
    lost = [n for n in after["notices"] if n["code"] == "no_effect" and n not in before["notices"]]
    assert lost == [], f"{pattern} is said to be carried"
    after.pop("notices"), before.pop("notices")
    assert after != before, f"{pattern} changes nothing"
    name = re.match(r"[A-Za-z.\[\]0-9]+", KEYS[pattern].text).group().replace("[]", "").rstrip(".").rpartition(".")[2]
    values = [[value for key, value in fields(tree) if key.lower() == name.lower()] for tree in (after, before)]
    assert values[0] != values[1], f"{pattern} does not change the field {name}"


@pytest.mark.parametrize("pattern", list(leaves(NOTICE)))
def test_no_effect(pattern):
    notices = compiled(project(pattern, True))["notices"]
    key = pattern.rpartition(".")[2]
    assert [n for n in notices if n["key"].endswith("." + key) and n["code"] == "no_effect" and n["hint"]], notices


@pytest.mark.parametrize("pattern", list(leaves(REFUSED)))
def test_refused(pattern):
    with pytest.raises(ComposeError) as caught:
        compiled(project(pattern, True))
    assert "unsupported" in [problem.code for problem in caught.value.problems]
