"""The ways to an engine: Pythons of the target without any package, TCP, TLS, contexts and the environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from forward import Certificates, forwarded
from playbook import Player

SMOKE = Path(__file__).with_name("smoke.yml")


def interpreter(version):
    """A Python of this version, not one of pyenv's shims; None where this machine has none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [*pyenv.glob(f"{version}.*/bin/python{version}"), *Path("/").glob(f"usr/*bin/python{version}")]
    return next((str(path) for path in candidates if os.access(path, os.X_OK)), None)


@pytest.fixture
def player(bed, tmp_path):
    return Player(tmp_path, {"m1": bed.docker_host})


def play(player, tasks, **how):
    """Plays tasks as they are, with nothing said about the connection elsewhere; failures are for the caller."""
    tasks = [{"name": str(number), "ignore_errors": True, **task} for number, task in enumerate(tasks)]
    text = yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}], sort_keys=False)
    run = player.playbook(player.write("connections.yml", text), **how)
    assert len(run.lines) == len(tasks), run.output
    assert "Traceback" not in run.output
    return [{**line["result"], "failed": line["status"] == "failed"} for line in run.lines]


def look(environment=None, **options):
    return {"stackwright.swarm.stack_info": {"name": "none", **options}, "environment": environment or {}}


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.13"])
def test_a_target_without_any_package(player, bed, swarm, version):
    python = interpreter(version)
    if not python:
        pytest.skip(f"this machine has no Python {version}")
    subprocess.run([python, "-m", "venv", "--without-pip", player.folder / "bare"], check=True)
    bare = {"ansible_python_interpreter": str(player.folder / "bare" / "bin" / "python")}

    run = player.playbook(SMOKE, variables={**bare, "image": bed.images["busybox"], "stack_name": swarm.name})
    assert run.code == 0, run.output
    assert "Traceback" not in run.output

    deploy = {"stackwright.swarm.compose_stack": {"name": "none", "state": "absent", "docker_url": "tcp://127.0.0.1:9"}}
    for result in play(
        player, [look(docker_host="tcp://127.0.0.1:9"), look(docker_host="ssh://m1"), deploy], variables=bare
    ):
        assert result["failed"]
        assert result["error_code"] == "missing_requirement"
        assert "pip install docker" in result["msg"]
        assert bare["ansible_python_interpreter"] in result["msg"]


def test_tcp_and_tls(player, bed, swarm):
    good, strange = (Certificates(player.folder / name) for name in ("good", "strange"))
    ca = {"ca_path": good.path("ca")}
    pair = {"client_cert": good.path("cert"), "client_key": good.path("key")}
    socket = str(bed.node("m1").socket)
    with forwarded(socket) as plain, forwarded(socket, good.context()) as tls:
        at_plain, at_tls = {"docker_host": f"tcp://{plain}"}, {"docker_host": f"tcp://{tls}"}
        definition = {"services": {"web": {"image": bed.images["busybox"]}}}
        deploy = {"name": swarm.name, "definition": definition, "validate_certs": True, **at_tls, **ca, **pair}
        aliases = {"docker_url": f"tcp://{tls}", "tls_verify": True, "cacert_path": good.path("ca")}
        pair_aliases = {"cert_path": good.path("cert"), "key_path": good.path("key")}
        bundle = {"REQUESTS_CA_BUNDLE": strange.path("ca")}
        fine = [
            look(**at_plain),
            look(tls=True, **at_tls, **pair),
            look(validate_certs=True, **at_tls, **ca, **pair),
            look(bundle, validate_certs=True, **at_tls, **ca, **pair),
            look(validate_certs=True, tls_hostname="engine", **at_tls, **ca, **pair),
            {"stackwright.swarm.compose_stack": deploy, "check_mode": True},
            {
                "stackwright.swarm.compose_stack": {"name": swarm.name, "state": "absent", **aliases, **pair_aliases},
                "check_mode": True,
            },
        ]
        refused = [
            (look(validate_certs=True, **at_tls, ca_path=strange.path("ca"), **pair), "tls_error", "ca_path"),
            (look(validate_certs=True, tls_hostname="m9", **at_tls, **ca, **pair), "tls_error", "tls_hostname"),
            (look(tls=True, **at_tls), "tls_error", "client_cert"),
            (look(tls=True, **at_plain), "tls_error", "does not use TLS on this port"),
            (look(tls=True, **at_tls, client_cert=pair["client_cert"]), "tls_error", "without client_key"),
            (look(validate_certs=True, **at_tls, ca_path="/nowhere/ca.pem"), "tls_error", "/nowhere/ca.pem"),
            (look(**at_tls), "daemon_unreachable", tls),
            (look(docker_host="tcp://127.0.0.1:9"), "daemon_unreachable", "Connection refused"),
            (look(docker_host="ssh://nobody@127.0.0.1:9"), "", "127.0.0.1:9"),
            (look(docker_host="pigeon://m1"), "daemon_unreachable", "pigeon://m1"),
        ]
        results = play(player, [*fine, *(task for task, _code, _text in refused)])
    for task, result in zip(fine, results):
        assert not result["failed"], (task, result["msg"])
    assert results[5]["changed"]
    for (task, code, text), result in zip(refused, results[len(fine) :]):
        assert result["failed"], task
        assert result["error_code"] == (code or result["error_code"]), result["msg"]
        assert text in result["msg"]
        assert " object at 0x" not in result["msg"]


def test_the_environment_of_the_task(player, bed):
    good = Certificates(player.folder / "good")
    socket = str(bed.node("m1").socket)
    with forwarded(socket, good.context()) as tls:
        # The controller's own environment, where this is not a number, is not asked.
        sound = {"DOCKER_TIMEOUT": "60"}
        config = {"DOCKER_CONFIG": str(player.folder / "docker"), **sound}
        endpoint = f"host=tcp://{tls},ca={good.path('ca')},cert={good.path('cert')},key={good.path('key')}"
        create = ["context", "create", "far", "--docker", endpoint]
        subprocess.run(
            [str(bed.node("m1").programs / "docker"), "--config", config["DOCKER_CONFIG"], *create],
            check=True,
            capture_output=True,
        )
        verify = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(good.folder), **sound}
        dead = {"docker_host": "unix:///nonexistent/docker.sock"}
        absent = {"stackwright.swarm.compose_stack": {"name": "none", "state": "absent"}}
        results = play(
            player,
            [
                look({"DOCKER_HOST": f"unix://{socket}", "DOCKER_TLS_VERIFY": "", **sound}),
                look({"DOCKER_HOST": f"tcp://{tls}", **verify}),
                look({"DOCKER_CONTEXT": "far", **config}),
                {**absent, "environment": {"DOCKER_CONTEXT": "far", **config}},
                look({"DOCKER_HOST": f"unix://{socket}", **sound}, **dead),
                look({"DOCKER_CONTEXT": "near", **config}),
            ],
            environment={"DOCKER_TIMEOUT": "never"},
        )
    assert not any(result["failed"] for result in results[:4]), results
    assert [result.get("error_code", "") for result in results] == [""] * 4 + ["daemon_unreachable"] * 2
    assert len({result["cluster_id"] for result in results[:4]}) == 1
    assert "/nonexistent/" in results[4]["msg"]
    assert "'near'" in results[5]["msg"]
