"""The test bed starts real Swarms, and leaves nothing behind."""

from __future__ import annotations

import http.server
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from testbed import Bed, BedError, cgroups, cleanup, for_tests, images, network, processes, quickstart, records
from testbed.commands import run, wait_for
from testbed.paths import BEDS, RUN
from testbed.swarm import StackScope

TWO_ON_A_NETWORK = """
version: "3.8"
services:
  talk:
    image: {image}
    command: [httpd, -f, -p, "8000", -h, /www]
    deploy: {{mode: global, endpoint_mode: dnsrr}}
"""


def prefix(name: str) -> str:
    return for_tests.prefix_of(name)


def left_of(tag: str, folder: Path) -> dict[str, list[str]]:
    """Returns everything on the machine that has a bed's name."""
    rules = run(["iptables-save"]).stdout.splitlines()
    mine = re.compile(re.escape(f"{folder}/"))
    commands = {path: path.read_bytes().replace(b"\0", b" ").decode() for path in Path("/proc").glob("[0-9]*/cmdline")}
    found = {
        "namespaces": network.namespaces(f"swb-{tag}"),
        "links": network.links(f"swb-{tag}") + network.links(f"swv-{tag}"),
        "rules": [rule for rule in rules if f"swb-{tag}" in rule],
        "mounts": [line for line in Path("/proc/mounts").read_text().splitlines() if mine.search(line) or tag in line],
        "processes": [text for path, text in commands.items() if mine.search(text)],
        "cgroups": [str(path) for path in cgroups.find(f"swb-{tag}")],
        "folders": [str(path) for path in (folder, RUN / tag) if path.exists()],
    }
    return {kind: names for kind, names in found.items() if names}


@pytest.fixture
def own_prefix(request):
    """A prefix for a bed of this test, which is always removed afterwards."""
    name = prefix(re.sub(r"[^a-z]+", "-", request.node.name)[5:20].strip("-"))
    yield name
    cleanup.remove(name)


def test_down_leaves_nothing(own_prefix):
    bed = Bed.up(own_prefix, managers=1)
    tag, folder = bed.record.tag, Path(bed.record.folder)
    image = bed.images["busybox"]
    bed.node().cli(["docker", "run", "--detach", "--publish", "80:80", image, "sleep", "1000"])
    assert set(left_of(tag, folder)) == {"namespaces", "links", "rules", "processes", "cgroups", "folders", "mounts"}

    bed.down()

    assert left_of(tag, folder) == {}


def test_up_takes_over_a_healthy_bed_and_replaces_a_broken_one(own_prefix):
    first = Bed.up(own_prefix, registries=())
    assert Bed.up(own_prefix, registries=()).node().keeper == first.node().keeper

    first.kill("m1")
    again = Bed.up(own_prefix, registries=())

    assert again.node().is_up
    assert not processes.is_alive(first.node().keeper)


def test_a_failed_up_leaves_nothing(own_prefix, monkeypatch):
    def fail(self):
        raise BedError("no Swarm today")

    monkeypatch.setattr(Bed, "_form_swarm", fail)

    with pytest.raises(BedError, match="no Swarm today"):
        Bed.up(own_prefix, registries=())

    assert left_of(records.tag_of(own_prefix), BEDS / own_prefix) == {}


def test_what_a_killed_up_had_not_recorded_is_found(own_prefix):
    bed = Bed.up(own_prefix, registries=(), swarm=False)
    bed.record.nodes = {}
    bed.record.save()

    assert cleanup.remove(own_prefix)

    assert left_of(bed.record.tag, Path(bed.record.folder)) == {}


def test_a_second_down_is_harmless(own_prefix):
    assert not cleanup.remove(own_prefix)
    assert not cleanup.remove(own_prefix)


def test_a_foreign_process_with_a_recorded_pid_lives_on(own_prefix):
    bed = Bed.up(own_prefix, registries=(), swarm=False)
    with subprocess.Popen(["sleep", "1000"]) as foreign:
        stale = {**processes.record(foreign.pid), "started": processes.record(foreign.pid)["started"] - 1}
        bed.record.nodes["m2"] = {"role": "manager", "address": "", "keeper": stale, "first": stale}
        bed.record.save()

        bed.down()

        assert foreign.poll() is None
        foreign.send_signal(signal.SIGKILL)


def test_beds_of_other_checkouts_are_left_alone(own_prefix, monkeypatch):
    bed = Bed.up(own_prefix, registries=(), swarm=False)
    bed.record.root = "/"
    bed.record.save()

    assert bed.record.tag not in [record.tag for record in records.all_here()]


def test_an_unknown_engine_says_which_there_are(own_prefix):
    with pytest.raises(BedError, match=r"unknown engine 1\.0: choose one of 20\.10, 26\.1, 28\.5"):
        Bed.up(own_prefix, engine="1.0")


def test_the_registry_with_a_password_asks_for_it(own_prefix):
    bed = Bed.up(own_prefix, registries=("open", "auth"), swarm=False)
    registry = bed.registries["auth"]
    image = bed.images.publish(images.build("busybox"), "private:1", registry="auth")
    node = bed.node()

    refused = node.cli(["docker", "pull", image], check=False)
    node.cli(["docker", "login", "--username", registry.user, "--password", registry.password, registry.address])
    node.cli(["docker", "pull", image])

    assert "no basic auth credentials" in refused.stderr
    node.cli(["docker", "logout", registry.address])


def test_an_image_from_a_folder_has_its_files_and_command(bed, tmp_path):
    (tmp_path / "hello.txt").write_text("hello\n")
    image = bed.images.from_folder(tmp_path, "hello:1", {"Cmd": ["cat", "/srv/hello.txt"]}, base="busybox", into="srv")

    assert bed.node().cli(["docker", "run", "--rm", image]).stdout == "hello\n"


def test_the_bed_is_of_the_engine_that_was_asked_for(bed):
    assert bed.node().api("GET", "/version")["Version"].startswith(f"{bed.engine}.")


def test_a_command_runs_inside_the_node(bed):
    assert bed.node().run(["hostname"]).stdout == "m1\n"
    assert bed.node().address in bed.node().run(["ip", "-4", "address", "show", "eth0"]).stdout


def test_postgres_keeps_its_data_and_its_password(bed, swarm):
    swarm.deploy(f"""
version: "3.8"
services:
  db:
    image: {bed.images["postgres"]}
    environment: {{POSTGRES_USER: app, POSTGRES_DB: shop, POSTGRES_PASSWORD: "it's $$ecret"}}
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {{test: [CMD, pg_isready, -h, 127.0.0.1], interval: 1s, retries: 30}}
volumes: {{data: {{}}}}
""")

    def ask(statement: str, password: str) -> str:
        (task,) = swarm.wait_running(1)
        container = task["Status"]["ContainerStatus"]["ContainerID"]
        psql = ["psql", "-h", "127.0.0.1", "-U", "app", "-At", "-c", statement, "shop"]
        return swarm.node.cli(["docker", "exec", "-e", f"PGPASSWORD={password}", container, *psql]).stdout.strip()

    ask("CREATE TABLE kept AS SELECT 42 AS answer", "it's $ecret")
    with pytest.raises(BedError, match="password authentication failed"):
        ask("SELECT 1", "wrong")
    before = swarm.tasks()[0]["ID"]
    swarm.node.cli(["docker", "service", "update", "--force", "--detach", f"{swarm.name}_db"])
    swarm.wait("a new task", lambda: swarm.tasks() and all(task["ID"] != before for task in swarm.tasks()))

    assert ask("SELECT answer FROM kept", "it's $ecret") == "42"


@pytest.fixture(scope="module")
def three():
    """One manager and two workers."""
    with Bed.up(prefix("three"), engine=for_tests.engine(), workers=2) as bed:
        yield bed


def test_overlay_traffic_crosses_nodes(three):
    node = three.node("m1")
    compose = node.folder / "talk.yml"
    compose.write_text(TWO_ON_A_NETWORK.format(image=three.images["busybox"]))
    node.cli(["docker", "stack", "deploy", "--compose-file", str(compose), "talk"])
    container = ["docker", "ps", "--quiet", "--filter", "name=talk_talk"]
    wait_for("a task on every node", lambda: all(n.cli(container).stdout for n in three.nodes.values()), 180, 0.2)
    addresses = set()

    def all_seen() -> bool:
        inside = ["docker", "exec", node.cli(container).stdout.strip()]
        found = node.cli([*inside, "nslookup", "tasks.talk."], check=False).stdout
        addresses.update(re.findall(r"Address: (10\.0\.\d+\.\d+)$", found, re.M))
        return len(addresses) == 3

    wait_for("the addresses of three tasks", all_seen, 180, 0.2)
    for address in addresses:
        inside = ["docker", "exec", node.cli(container).stdout.strip()]
        answer = node.cli([*inside, "wget", "-S", "-O-", f"http://{address}:8000/"], check=False)
        assert "HTTP/1.1 404" in answer.stderr, answer.stderr


def test_a_killed_node_is_down_and_comes_back(three):
    three.kill("w1")
    three.wait_ready({"m1", "w2"})

    three.start("w1")
    three.wait_ready()


def test_a_cut_off_node_is_down_until_its_link_is_mended(three):
    three.node("w2").partition()
    three.wait_ready({"m1", "w1"})
    assert three.node("w2").is_up

    three.node("w2").heal()
    three.wait_ready()


def test_the_swarm_goes_on_without_its_leader(own_prefix):
    bed = Bed.up(own_prefix, managers=3, registries=())
    bed.kill("m1")
    bed.wait_ready({"m2", "m3"})

    bed.node("m2").api("POST", "/configs/create", {"Name": "written", "Data": "eA=="})
    bed.start("m1")
    bed.wait_ready()

    assert [config["Spec"]["Name"] for config in bed.node("m1").api("GET", "/configs")] == ["written"]


class _Engine:
    """A node whose networks are all in use, as a real Engine reports once in a hundred times."""

    name, is_up = "m1", True

    def __init__(self, *networks):
        self.networks = networks
        self.asked = []

    def api(self, method, url, *_more):
        self.asked.append((method, url.partition("?")[0]))
        if method == "DELETE":
            raise BedError(f"DELETE {url}: 409 network n1 is in use by task t1")
        task = {
            "ID": "t1",
            "NodeID": "node1",
            "DesiredState": "complete",
            "Status": {"State": "failed", "Err": "exit (4)"},
            "Spec": {"ContainerSpec": {"Labels": {"com.docker.stack.namespace": "shop"}}},
        }
        if url.startswith("/volumes"):
            return {"Volumes": None}
        return {"/networks": list(self.networks), "/tasks": [task]}.get(url.partition("?")[0], [])


class _OneNode:
    def __init__(self, engine):
        self.engine, self.nodes = engine, {"m1": engine}

    def node(self, _name):
        return self.engine


GHOST = {"Name": "shop_old", "Id": "n2", "Scope": "swarm", "Peers": [{"Name": "m1"}]}


def test_the_demo_takes_a_truncated_answer_for_none():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"abc")

        def log_message(self, *given):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert quickstart.fetch({"page": f"http://127.0.0.1:{server.server_port}/", "domain": ""}) == ""


def test_a_process_that_ends_by_itself_is_ended(monkeypatch):
    """It ends after the check whether it lives, and before the signal."""
    process = processes.record(os.getpid())
    alive = iter([True, False])

    def kill(pid, how):
        raise ProcessLookupError(pid)

    monkeypatch.setattr(processes, "is_alive", lambda process: next(alive))
    monkeypatch.setattr(processes.os, "kill", kill)
    processes.end(process)


def test_a_tear_down_in_vain_says_what_stays_and_why():
    engine = _Engine({"Name": "shop_default", "Id": "n1", "Scope": "swarm"}, GHOST)
    with pytest.raises(BedError) as failed:
        StackScope(_OneNode(engine), "shop").remove(0.1)
    text = str(failed.value)
    assert "network shop_default n1 (DELETE /networks/n1: 409 network n1 is in use by task t1)" in text
    assert "task t1, failed (desired: complete), on node node1: exit (4)" in text
    assert "shop_old" not in text


def test_a_tear_down_does_not_wait_for_what_only_a_node_still_shows():
    engine = _Engine(GHOST)
    scope = StackScope(_OneNode(engine), "shop")
    scope.remove(0)
    assert scope.ghosts() == ["network shop_old n2 on m1"]
    assert not any(method == "DELETE" for method, _url in engine.asked)


def test_no_two_tests_have_one_stack_name():
    ids = [f"tests/integration/test_gate.py::test_what_can_not_heal_fails_early[{name}]" for name in ("job", "image")]
    ids += ["tests/integration/test_a.py::test_x", "tests/integration/test_b.py::test_x", "a::test_x_" + "y" * 99]
    names = [for_tests.name_of(one, 22) for one in ids]
    assert len(set(names)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", name) for name in names), names


def test_a_bed_that_is_stuck_is_told_and_replaced_and_the_run_goes_on(pytester_folder):
    """A separate run of pytest, with beds that need no Engine."""
    done = pytest_in(pytester_folder)
    assert "4 passed" in done.stdout, done.stdout
    assert (pytester_folder / "log").read_text().split() == ["up", "module", "down", "up", "module", "down"]
    assert "test bed: pytest (engine 20.10) is stuck: the network x stays" in done.stdout
    assert "It is replaced after test_them.py::test_it[1]" in done.stdout


def test_tests_that_share_a_fixture_of_their_module_stay_on_one_worker(pytester_folder):
    done = pytest_in(pytester_folder, "-n", "3", "--dist", "loadgroup")
    assert "4 passed" in done.stdout, done.stdout
    assert len(set((pytester_folder / "workers").read_text().split())) == 1


def test_a_group_that_tests_name_is_theirs_and_counts_as_one(pytester_folder):
    (pytester_folder / "test_them.py").write_text(
        "import pytest\n@pytest.fixture(scope='module')\ndef shared(): pass\n"
        "group = lambda name, of: pytest.param(name, marks=pytest.mark.xdist_group(of))\n"
        "@pytest.mark.parametrize('name', [group('a', 'x.y'), group('b', 'y.z'), group('c', 'x.y'), 'd'])\n"
        "def test_it(shared, name): pass\n"
    )
    (pytester_folder / "durations.txt").write_text("3.00s call     test_them.py::test_it[b]@y.z\n")
    done = pytest_in(pytester_folder, "-vv", "-n", "1", "--dist", "loadgroup", "--no-loadscope-reorder")
    names = re.findall(r"PASSED test_them.py::test_it(\S+)", done.stdout)
    assert names == ["[b]@y.z", "[a]@x.y", "[c]@x.y", "[d]@test_them.py"], done.stdout


def test_what_takes_longest_begins_first(pytester_folder):
    (pytester_folder / "test_others.py").write_text("def test_fast(): pass\n\n\ndef test_slow(): pass\n")
    (pytester_folder / "durations.txt").write_text(
        "7.50s call     test_others.py::test_slow\n"
        "3.00s setup    test_them.py::test_it[0]@test_them.py\n4.00s call     test_them.py::test_it[2]\n"
    )
    done = pytest_in(pytester_folder, "-vv", "-n", "1", "--dist", "loadgroup", "--no-loadscope-reorder")
    names = re.findall(r"PASSED test_\w+\.py::(\w+)", done.stdout)
    assert names == ["test_slow", *["test_it"] * 4, "test_fast"], done.stdout


def pytest_in(folder, *options):
    """Runs pytest over the tests in ``folder`` in a separate process. Returns its result."""
    return run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *options],
        check=False,
        cwd=folder,
        env={key: value for key, value in os.environ.items() if not key.startswith(("STACKWRIGHT_", "PYTEST_"))},
    )


@pytest.fixture
def pytester_folder(tmp_path):
    (tmp_path / "conftest.py").write_text(
        f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r})
from pathlib import Path
import pytest
from testbed import BedError, bed, for_tests, swarm
from testbed.for_tests import *

def log(what):
    with open({str(tmp_path / "log")!r}, "a") as handle:
        print(what, file=handle)

class Fake:
    prefix, engine, nodes = "pytest", "20.10", {{}}
    wait_ready = lambda self: None
    down = lambda self: log("down")
    is_healthy = lambda self: True
    node = lambda self, name: None
    @classmethod
    def up(cls, prefix, **how):
        log("up")
        return cls()

for_tests.Bed = Fake
for_tests.DURATIONS = Path({str(tmp_path / "durations.txt")!r})
for_tests.DURATIONS.touch()
swarm.StackScope.ghosts = lambda self: []

@pytest.fixture(scope="session")
def bed():
    with for_tests.bed_for() as made:
        yield made

@pytest.fixture(scope="module")
def of_the_module(bed, worker_id):
    log("module")
    with open({str(tmp_path / "workers")!r}, "a") as handle:
        print(worker_id, file=handle)

@pytest.fixture
def scope(bed, request, of_the_module):
    with for_tests.scope_for(bed, request) as made:
        yield made
"""
    )
    (tmp_path / "test_them.py").write_text(
        """
import pytest
from testbed import BedError

@pytest.mark.parametrize("number", range(4))
def test_it(scope, number):
    def remove():
        if number == 1:
            raise BedError("the network x stays")
    scope.remove = remove
"""
    )
    return tmp_path
