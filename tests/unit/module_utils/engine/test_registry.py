import base64
import json

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.registry import RegistryAuth
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import registry_of

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
        ("registry.example:5000/a/b@sha256:" + "0" * 64, "registry.example:5000"),
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


@pytest.mark.parametrize(
    "image",
    [
        "Registry/app:1",
        "REGISTRY/app",
        "Docker.io/app",
        "INDEX.docker.io/app",
        "registry-1.docker.io/library/nginx",
        "docker.io.example/app",
        "docker.io:443/app",
        "localhost/app",
        "[::1]:5000/app",
        "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
        "sha256:1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
        "hub:h@evil.example/app",
        "no image",
        "",
    ],
)
def test_no_other_registry_gets_the_password_of_the_hub(image, tmp_path, monkeypatch):
    assert RegistryAuth(GIVEN).header(image) is None
    pytest.importorskip("docker")
    secret = {"auth": base64.b64encode(b"hub:h").decode()}
    for key in ("https://index.docker.io/v1/", "docker.io", "index.docker.io"):
        (tmp_path / "config.json").write_text(json.dumps({"auths": {key: secret}}))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        auth = RegistryAuth([], from_config=True)
        assert decoded(auth.header("index.docker.io/user/app"))["password"] == "h"
        assert auth.header(image) is None


@pytest.mark.parametrize(
    ("named", "images", "others"),
    [
        ("docker.io", ["nginx", "user/app", "docker.io/a/b"], ["Registry/app", "registry/a.b:1/x"]),
        ("index.docker.io", ["nginx"], ["quay.io/x"]),
        ("https://index.docker.io/v1/", ["nginx"], ["quay.io/x"]),
        ("registry-1.docker.io", ["nginx", "registry-1.docker.io/library/nginx"], ["quay.io/x"]),
        (" HTTPS://r.example:5000/v2/ ", ["r.example:5000/a"], ["r.example/a", "nginx", "r.example:5001/a"]),
        ("http://r.example", ["r.example/a:1"], ["r.example:80/a", "r.example.org/a", "xr.example/a"]),
        ("r.example/team", ["r.example/other/a"], ["nginx"]),
        ("[::1]:5000", ["[::1]:5000/a"], ["[::1]/a", "[::2]:5000/a"]),
        ("Registry", ["Registry/a"], ["registry/a", "REGISTRY/a"]),
    ],
)
def test_each_way_to_name_a_registry(named, images, others):
    auth = RegistryAuth([{"registry": named, "username": "u", "password": "p"}])
    assert [decoded(auth.header(image))["password"] for image in images] == ["p"] * len(images)
    assert [auth.header(image) for image in others] == [None] * len(others)


@pytest.mark.parametrize(
    "named", ["", " ", "https://", "https:///v1/", "/", "//docker.io", "me@r.example", "ftp://x", "a b"]
)
def test_an_entry_that_names_no_registry_is_an_error_and_never_the_hub(named):
    with pytest.raises(EngineError, match="does not name a registry") as caught:
        RegistryAuth([{"registry": named, "username": "u", "password": "hunter2"}])
    assert (caught.value.error_code, "hunter2" in str(caught.value)) == ("registry_auth", False)


def test_a_credential_helper_is_asked_for_its_own_registry_only(tmp_path, monkeypatch):
    pytest.importorskip("docker")
    asked = tmp_path / "asked"
    helper = tmp_path / "docker-credential-test"
    helper.write_text(
        f'#!/bin/sh\nread -r server\necho "$server" >> {asked}\n'
        """printf '{"Username":"u","Secret":"for %s"}' "$server"\n"""
    )
    helper.chmod(0o755)
    helpers = {"https://index.docker.io/v1/": "test", "r.example:5000": "test"}
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": helpers}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    auth = RegistryAuth([], from_config=True)
    for image in ("Registry/a", "r.example/a", "quay.io/a", "no image", ""):
        assert auth.header(image) is None
    assert not asked.exists()
    assert decoded(auth.header("r.example:5000/a"))["password"] == "for r.example:5000"
    assert decoded(auth.header("nginx"))["password"] == "for https://index.docker.io/v1/"
