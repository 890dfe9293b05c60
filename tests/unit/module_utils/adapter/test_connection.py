"""The options of the connection come from the task, then from the environment of the target."""

import json
from hashlib import sha256
from types import SimpleNamespace

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import (
    CONNECTION,
    connection_options,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.target import connection_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection

META = f"/cfg/contexts/meta/{sha256(b'far').hexdigest()}/meta.json"
TLS = f"/cfg/contexts/tls/{sha256(b'far').hexdigest()}/docker"
FAR = {META: json.dumps({"Endpoints": {"docker": {"Host": "tcp://far:2376", "SkipTLSVerify": False}}})}


@pytest.fixture
def connect(monkeypatch):
    """Returns the Connection for a task's options, and an environment and files of the target."""

    def connect(options=None, environ=None, files=None):
        environ = {"DOCKER_CONFIG": "/cfg", **(environ or {})}
        for name in ("HOST", "CONTEXT", "TLS", "TLS_VERIFY", "TLS_HOSTNAME", "CERT_PATH", "API_VERSION", "TIMEOUT"):
            monkeypatch.delenv(f"DOCKER_{name}", raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        checked = ArgumentSpecValidator(CONNECTION).validate(options or {})
        assert not checked.error_messages
        params = {**dict.fromkeys(CONNECTION), **checked.validated_parameters}
        return Connection(**connection_options(params, environ, (files or {}).get))

    return connect


def test_nothing_given_is_the_socket_of_this_host(connect):
    assert connect() == Connection()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"DOCKER_HOST": "tcp://a:2375"}, {"docker_host": "tcp://a:2375"}),
        ({"DOCKER_HOST": ""}, {}),
        ({"DOCKER_CONTEXT": "default"}, {}),
        ({"DOCKER_TIMEOUT": "7", "DOCKER_API_VERSION": "1.41"}, {"timeout": 7, "api_version": "1.41"}),
        ({"DOCKER_TLS_VERIFY": "1"}, {"validate_certs": True}),
        ({"DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": "/certs"}, {}),
        ({"DOCKER_TLS": "yes", "DOCKER_TLS_HOSTNAME": "m1"}, {"tls": True, "tls_hostname": "m1"}),
        ({"DOCKER_CONTEXT": "far"}, {"docker_host": "tcp://far:2376"}),
        ({"DOCKER_CONTEXT": "far", "DOCKER_HOST": "tcp://a:2375"}, {"docker_host": "tcp://a:2375"}),
    ],
    ids=str,
)
def test_the_environment_of_the_target(connect, environ, expected):
    assert connect(environ=environ, files=FAR) == Connection(**expected)


@pytest.mark.parametrize("option", ["docker_host", "docker_url"])
def test_an_option_wins_over_the_environment(connect, option):
    environ = {"DOCKER_HOST": "tcp://a:2375", "DOCKER_CONTEXT": "far", "DOCKER_TIMEOUT": "7"}
    assert connect({option: "tcp://b:2375", "timeout": 8}, environ, FAR) == Connection("tcp://b:2375", timeout=8)


def test_the_folder_of_certificates(connect):
    environ = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}
    files = {f"/certs/{name}.pem": "" for name in ("ca", "cert", "key")}
    expected = {"ca_path": "/certs/ca.pem", "client_cert": "/certs/cert.pem", "client_key": "/certs/key.pem"}
    assert connect(environ=environ, files=files) == Connection(validate_certs=True, **expected)
    own = connect({"ca_path": "/other/ca.pem"}, environ, files)
    assert own == Connection(validate_certs=True, **{**expected, "ca_path": "/other/ca.pem"})


def test_a_folder_without_a_client_certificate_is_for_engines_that_ask_for_none(connect):
    environ = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}
    assert connect(environ=environ) == Connection(validate_certs=True, ca_path="/certs/ca.pem")


def test_the_folder_of_the_cli_serves_where_none_is_named(connect):
    assert connect({"validate_certs": True}, files={"/cfg/ca.pem": ""}) == Connection(
        validate_certs=True, ca_path="/cfg/ca.pem"
    )
    assert connect({"validate_certs": True}) == Connection(validate_certs=True)


def test_the_certificates_of_a_context_give_way_to_the_task(connect):
    files = {**FAR, **{f"{TLS}/{name}.pem": "" for name in ("ca", "cert", "key")}}
    found = connect({"ca_path": "/mine.pem"}, {"DOCKER_CONTEXT": "far"}, files)
    assert found == Connection(
        "tcp://far:2376",
        tls=True,
        validate_certs=True,
        ca_path="/mine.pem",
        client_cert=f"{TLS}/cert.pem",
        client_key=f"{TLS}/key.pem",
    )


def test_a_context_that_is_not_there(connect):
    with pytest.raises(EngineError) as caught:
        connect(environ={"DOCKER_CONTEXT": "nowhere"})
    assert "'nowhere'" in str(caught.value)
    assert caught.value.error_code == "daemon_unreachable"


def test_a_certificate_may_have_comments_in_any_encoding(tmp_path, monkeypatch):
    """As ``subject=O = Müller`` in Latin-1 above the certificate."""
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_bytes(b"subject=O = M\xfcller\n-----BEGIN CERTIFICATE-----\n")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    options = {"docker_host": "tcp://m1:2376", "tls": True}
    given = ArgumentSpecValidator(CONNECTION).validate(options).validated_parameters
    found = connection_of(SimpleNamespace(params=given))
    assert (found.ca_path, found.client_key) == (str(tmp_path / "ca.pem"), str(tmp_path / "key.pem"))
