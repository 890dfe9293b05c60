"""What a registry becomes: tests/unit/cases/registry_files/CASE (services.registry.yaml, and below out/ each file)."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jsonschema
import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source as ComposeSource
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.keywords import fits
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry import schema as registry_schema
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import checked
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.files import generate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.header import is_edited, is_ours
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.probes import TOOLS

CASES = Path(__file__).resolve().parents[2] / "cases" / "registry_files"
NAME = "services.registry.yaml"


def files_of(text):
    registry, findings = checked([Source(NAME, text if isinstance(text, bytes) else text.encode())])
    files = generate(registry, findings, NAME)
    findings.finish()
    return files


def service(body, **more):
    """The one service of a registry, as a YAML reader sees its file."""
    text = "core:\n  web:\n    image: example/web\n    version: '1'\n" + "".join(
        f"    {line}\n" for line in body.splitlines()
    )
    text += "".join(f"{name}: {value}\n" for name, value in more.items())
    return yaml.safe_load(files_of(text)["compose/core.yml"])["services"]["web"]


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_case(case):
    out = CASES / case / "out"
    expected = {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("*") if path.is_file()}
    assert files_of((CASES / case / NAME).read_bytes()) == expected


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_each_file_of_a_case_is_ours_and_a_stack_can_be_compiled_of_them(case):
    files = files_of((CASES / case / NAME).read_bytes())
    assert all(is_ours(text) and not is_edited(text) for text in files.values())
    assert all(is_edited(text.replace("e", "E")) for text in files.values())
    request = CompileRequest(
        [ComposeSource("/p/compose.yml")],
        name="shop",
        variables={"DOMAIN": "example.com", "DB_PASSWORD": "x", "SESSION_KEY": "y"},
    )
    memory = {f"/p/{path}": text for path, text in {**files, "settings.yml": "debug: false"}.items()}
    desired = compile_stack(request, MemoryFiles(memory))
    registry, _findings = checked([Source(NAME, (CASES / case / NAME).read_bytes())])
    inactive = {
        name for name, entry in registry.services.items() if entry.keys.get("profiles") or entry.keys.get("tags")
    }
    assert {entry["key"] for entry in desired["services"]} == set(registry.services) - inactive


def test_the_schema_is_one_for_editors_too():
    """jsonschema finds a registry of ours as good as we do, and the schema itself is valid."""
    import json

    text = (Path(registry_schema.__file__).parent / registry_schema.SCHEMA_FILE).read_text()
    jsonschema.Draft202012Validator.check_schema(json.loads(text))
    validator = jsonschema.Draft202012Validator(json.loads(text))
    for case in CASES.parent.glob("registry*/*"):
        try:
            tree = yaml.safe_load((case / NAME).read_bytes())
        except (yaml.YAMLError, ValueError):
            continue
        assert validator.is_valid(tree) == fits(tree, registry_schema.schema()), case.name


def test_health_checks():
    docker = service("health_check: {type: docker, interval: 30s, timeout: 10s, retries: 3, start_period: 1m}")
    assert docker["healthcheck"] == {"interval": "30s", "timeout": "10s", "retries": 3, "start_period": "1m"}
    assert "healthcheck" not in service("health_check: {type: docker}")
    assert (
        service("health_check: {type: exec, command: pg_isready -U app}")["healthcheck"]["test"] == "pg_isready -U app"
    )
    found = service("health_check: {type: exec, command: [pg_isready, -U, app]}")["healthcheck"]["test"]
    assert found == ["CMD", "pg_isready", "-U", "app"]


def test_a_check_without_a_tool_is_done_by_the_proxy():
    routed = service(
        "subdomain: shop\nport: 8000\nhealth_check: {type: http, port: 8000, path: /healthz, interval: 15s}"
    )
    labels = routed["deploy"]["labels"]
    assert labels["stackwright.http.routes.0.health.uri"] == "/healthz"
    assert labels["stackwright.http.routes.0.health.interval"] == "15s"
    assert "healthcheck" not in routed


def test_restart_gpu_and_resources():
    assert service('restart: "no"')["deploy"]["restart_policy"] == {"condition": "none"}
    assert "deploy" not in service("restart: always")
    own = service('restart: "no"\ndeploy: {restart_policy: {condition: on-failure}}')
    assert own["deploy"]["restart_policy"] == {"condition": "on-failure"}
    gpu = [{"discrete_resource_spec": {"kind": "NVIDIA-GPU", "value": 2}}]
    devices = "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 2, capabilities: [gpu]}]}}}"
    for text in ("gpu: 2", "gpu: {count: 2}", devices, f"gpu: true\n{devices}"):
        assert service(text)["deploy"]["resources"]["reservations"] == {"generic_resources": gpu}, text
    assert "deploy" not in service("gpu: false")
    limits = service("resources: {memory: 512M, cpus: 0.50, reservations: {memory: 256M}}")["deploy"]["resources"]
    assert limits == {"limits": {"memory": "512M", "cpus": "0.50"}, "reservations": {"memory": "256M"}}


def test_dependencies_stay_a_list_where_that_says_all():
    more = "core2: {db: {image: example/db, version: '1'}}"
    text = "core:\n  web:\n    image: a\n    version: '1'\n    depends_on: %s\n" + more
    for given, wanted in (
        ("[db]", ["db"]),
        ("{db: {condition: service_started}}", ["db"]),
        ("{db: {condition: service_healthy}}", {"db": {"condition": "service_healthy"}}),
        ("{db: {restart: true}}", {"db": {"restart": True, "condition": "service_started"}}),
    ):
        found = yaml.safe_load(files_of(text % given)["compose/core.yml"])
        assert found["services"]["web"]["depends_on"] == wanted


def test_the_proxy_has_all_domains_and_applications_have_none():
    text = """
networks: {front: }
core:
  caddy: {image: caddy, version: "2", subdomain: www, networks: [front], %s}
  grafana: {image: g, version: "1", subdomain: grafana, port: 3000, networks: [front]}
  mail: {image: m, version: "1", additional_aliases: [mail, smtp], port: 80, networks: [front]}
"""
    for how in (
        "proxy: true",
        "additional_aliases: [grafana, other]",
        "ports: ['443:443']",
        "ports: [{target: 1, published: 80}]",
    ):
        services = yaml.safe_load(files_of(text % how)["compose/core.yml"])["services"]
        aliases = services["caddy"]["networks"]["front"]["aliases"]
        names = {"www", "grafana", "mail", "smtp"} | ({"other"} if "other" in how else set())
        assert set(aliases) == {f"{name}.${{DOMAIN}}" for name in names} and aliases == sorted(aliases)
        assert "deploy" not in services["caddy"]
        assert services["grafana"]["networks"] == ["front"]
        assert services["mail"]["deploy"]["labels"]["stackwright.http.routes.1.domain"] == "smtp.${DOMAIN}"


def test_what_is_no_proxy_has_a_route():
    for how in ("proxy: false, ports: ['80:80']", "ports: ['8080:80']"):
        text = f"core: {{caddy: {{image: caddy, version: '2', subdomain: www, port: 80, {how}}}}}\n"
        (labels,) = (
            entry["deploy"]["labels"]
            for entry in yaml.safe_load(files_of(text)["compose/core.yml"])["services"].values()
        )
        assert labels["stackwright.http.routes.0.domain"] == "www.${DOMAIN}"


def test_paths_are_relative_to_the_destination():
    files = files_of("core:\n  web: {image: a, version: '1', volumes: ['./site:/srv:ro']}\n")
    request = CompileRequest([ComposeSource("/p/compose.yml")], name="shop")
    desired = compile_stack(request, MemoryFiles({f"/p/{path}": text for path, text in files.items()}))
    (mount,) = desired["services"][0]["spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert mount["Source"] == "/p/site"


def test_a_description_can_not_break_out_of_its_comment_or_cell():
    text = 'core:\n  web:\n    image: a\n    version: "1"\n    security_note: "a\\n  evil: 1 | x <b>"\n'
    files = files_of(text)
    assert yaml.safe_load(files["compose/core.yml"])["services"].keys() == {"web"}
    row = next(line for line in files["INVENTORY.md"].splitlines() if "evil" in line)
    assert row.count(" | ") == 9 and "\\|" in row and "\\<b" in row


def test_every_variable_stands_in_the_example():
    text = """
secrets: {key: {environment: SESSION_KEY}}
core:
  web:
    image: "${IMAGE:-a}"
    version: "${A:-1}"
    command: "echo $$NO ${B-${C:?c}} $D ${A:-2} ${E:+e}"
    environment: {PASSED: , F: "${F}"}
  db: {image: db, version: "${A:?needed}"}
"""
    lines = files_of(text)[".env.example"].splitlines()[4:]
    found = dict(zip((line for line in lines[2::4]), zip(lines[0::4], lines[1::4])))
    assert found == {
        "A=": ("# used by web, db", "# required for all of them; others take '1' or '2'"),
        "#B=${C:?c}": ("# used by web", "# default: ${C:?c}"),
        "C=": ("# used by web", "# required"),
        "D=": ("# used by web", "# no default"),
        "E=": ("# used by web", "# no default"),
        "F=": ("# used by web", "# no default"),
        "#IMAGE=a": ("# used by web", "# default: a"),
        "PASSED=": ("# used by web", "# no default"),
        "SESSION_KEY=": ("# used by the secrets", "# no default"),
    }


@pytest.mark.slow
def test_the_order_of_sets_and_the_clock_change_nothing(tmp_path):
    """Another process, with another seed for hashes, in another time zone, gives the same bytes."""
    code = (
        "import sys; sys.path[:0] = %r; import hashlib, json; from test_generate import CASES, NAME, files_of; "
        "print(hashlib.sha256(json.dumps([files_of((c / NAME).read_bytes()) for c in sorted(CASES.iterdir())])"
        ".encode()).hexdigest())"
    ) % [str(Path(__file__).parent), *sys.path]
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"},
            cwd=tmp_path, capture_output=True, text=True, check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }  # fmt: skip
    assert len(found) == 1 and found != {""}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({"/ok": 200, "/none": 204}.get(self.path, 500))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture(scope="module")
def server():
    found = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield str(found.server_address[1])
    found.shutdown()
    found.server_close()


#: The programs that an image may have under the name of a tool; a busybox takes the tool's name as its first word.
PROGRAMS = {
    "curl": ["curl"],
    "wget": ["wget", "busybox"],
    "nc": ["busybox", "nc.openbsd", "nc.traditional", "ncat"],
    "bash": ["bash"],
    "python": ["python3"],
}


def passes(test, path):
    words = [word.replace("$$", "$") for word in test]
    command = ["sh", "-c", words[1]] if words[0] == "CMD-SHELL" else words[1:]
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "tool", "program"),
    [(kind, tool, program) for kind in TOOLS for tool in TOOLS[kind] for program in PROGRAMS[tool]],
)
def test_each_probe_passes_and_fails_as_the_service_does(kind, tool, program, server, tmp_path):
    found = shutil.which(program)
    if not found:
        pytest.skip(f"there is no {program} on this machine")
    path = f"{tmp_path}:{os.environ['PATH']}"
    if program != "python3":
        (tmp_path / tool).write_text(f'#!/bin/sh\nexec {found} {tool if program == "busybox" else ""} "$@"\n')
        (tmp_path / tool).chmod(0o755)
    probe = TOOLS[kind][tool]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = str(free.getsockname()[1])
    assert passes(probe(server, "/ok", "", 5), path)
    assert not passes(probe(closed, "/ok", "", 5), path)
    if kind == "http":
        assert not passes(probe(server, "/broken", "", 5), path)
        assert passes(probe(server, "/none", "204", 5), path)
        assert not passes(probe(server, "/ok", "204", 5), path)
        assert passes(probe(server, "/broken", "500", 5), path)
        assert not passes(probe(closed, "/ok", "200", 5), path)
