import base64
import json

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.registry import RegistryAuth, registry_of

GIVEN = [
    {"registry": "registry.example:5000", "username": "u", "password": "p"},
    {"registry": "docker.io", "username": "hub", "password": "h"},
]


def decoded(header):
    return json.loads(base64.urlsafe_b64decode(header))


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx", "docker.io"),
        ("library/nginx:1", "docker.io"),
        ("localhost/x", "localhost"),
        ("registry.example:5000/a/b@sha256:0", "registry.example:5000"),
        ("index.docker.io/library/nginx", "docker.io"),
    ],
)
def test_the_registry_of_an_image(image, registry):
    assert registry_of(image) == registry


def test_given_credentials_come_first_and_go_only_to_their_registry():
    auth = RegistryAuth(GIVEN)
    assert decoded(auth.header("registry.example:5000/a:1")) == {
        "username": "u",
        "password": "p",
        "serveraddress": "registry.example:5000",
    }
    assert decoded(auth.header("nginx"))["serveraddress"] == "https://index.docker.io/v1/"
    assert auth.header("other.example/a") is None


def test_the_docker_config_of_this_host_is_read(tmp_path, monkeypatch):
    pytest.importorskip("docker")
    secret = base64.b64encode(b"me:word").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"registry.example": {"auth": secret}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    header = RegistryAuth([], from_config=True).header("registry.example/a:1")
    assert {k: decoded(header)[k] for k in ("username", "password")} == {"username": "me", "password": "word"}
    assert RegistryAuth([], from_config=True).header("nginx") is None
    assert RegistryAuth([], from_config=False).header("registry.example/a:1") is None
