import json
from hashlib import sha256

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.docker_context import (
    context_options,
    current_context,
)

HOST = "tcp://10.0.0.1:2376"


def store(current="prod", tls=(), **endpoint):
    digest = sha256(b"prod").hexdigest()
    files = {
        "/c/config.json": json.dumps({"currentContext": current} if current else {}),
        f"/c/contexts/meta/{digest}/meta.json": json.dumps(
            {"Name": "prod", "Endpoints": {"docker": {"Host": HOST, **endpoint}}}
        ),
    }
    files.update({f"/c/contexts/tls/{digest}/docker/{name}": "x" for name in tls})
    return files.get


def test_the_current_context_is_used():
    assert context_options(None, "/c", store()) == {"docker_host": HOST}


def test_a_named_context_is_used():
    assert context_options("prod", "/c", store(current=None)) == {"docker_host": HOST}


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"currentContext": 5}'])
def test_without_a_choice_it_is_the_default(text):
    assert current_context("/c", lambda path: text) == "default"
    assert context_options(None, "/c", lambda path: text) == {}


def test_the_contexts_own_certificates_are_used():
    options = context_options(None, "/c", store(tls=["ca.pem", "cert.pem", "key.pem"], SkipTLSVerify=False))
    folder = f"/c/contexts/tls/{sha256(b'prod').hexdigest()}/docker"
    assert options == {
        "docker_host": HOST,
        "tls": True,
        "validate_certs": True,
        "ca_path": f"{folder}/ca.pem",
        "client_cert": f"{folder}/cert.pem",
        "client_key": f"{folder}/key.pem",
    }


def test_an_unknown_context_is_an_error():
    with pytest.raises(EngineError, match="'test'") as failed:
        context_options("test", "/c", store())
    assert failed.value.error_code == "daemon_unreachable"
