import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.image_digests import (
    ask_registry,
    asked_as_well,
    refused_logins,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.registry import RegistryAuth
from ansible_collections.stackwright.swarm.plugins.module_utils.health.pulls import cause


class Engine:
    def __init__(self, answers):
        self.answers, self.asked = answers, []

    def get(self, path, headers=None, timeout=None):
        image = path[len("/distribution/") : -len("/json")]
        self.asked.append((image, (headers or {}).get("X-Registry-Auth")))
        answer = self.answers[image]
        if isinstance(answer, Exception):
            raise answer
        return answer


def found(digest, *architectures):
    return {"Descriptor": {"digest": digest}, "Platforms": [{"architecture": a, "os": "linux"} for a in architectures]}


def test_digests_and_platforms_are_taken_and_arm_is_left_open():
    engine = Engine({"r.example/a:1": found("sha256:0", "amd64", "arm")})
    assert ask_registry(engine, ["r.example/a:1"], lambda image: "token") == {
        "r.example/a:1": {
            "image": "r.example/a:1@sha256:0",
            "platforms": [{"Architecture": "amd64", "OS": "linux"}, {"OS": "linux"}],
        }
    }
    assert engine.asked == [("r.example/a:1", "token")]


def test_a_registry_that_does_not_answer_is_asked_once_and_others_still():
    down = EngineError("no route", "timeout")
    engine = Engine({"r.example/a:1": down, "r.example/b:1": down, "s.example/c:1": found("sha256:0")})
    answers = ask_registry(engine, sorted(engine.answers), lambda image: None)
    silent = {"refused": "registry_unreachable"}
    assert {image: answers[image] for image in ("r.example/a:1", "r.example/b:1")} == {
        "r.example/a:1": silent,
        "r.example/b:1": silent,
    }
    assert answers["s.example/c:1"]["image"] == "s.example/c:1@sha256:0"
    assert [image for image, _auth in engine.asked] == ["r.example/a:1", "s.example/c:1"]


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (EngineError("none", "not_found", status=404), "image_not_found"),
        (EngineError("manifest unknown: manifest unknown", status=500), "image_not_found"),
        (EngineError("Head https://r.example/v2/a: no basic auth credentials", status=500), "registry_auth"),
        (EngineError("unauthorized: authentication required", status=500), "registry_auth"),
        (EngineError("denied: requested access to the resource is denied", status=403), "registry_auth"),
    ],
)
def test_an_image_that_the_registry_refuses_says_nothing_of_the_others(error, refused):
    engine = Engine({"r.example/a:1": error, "r.example/b:1": found("sha256:0")})
    answers = ask_registry(engine, sorted(engine.answers), lambda image: None)
    assert answers["r.example/a:1"] == {"refused": refused}
    assert answers["r.example/b:1"]["image"] == "r.example/b:1@sha256:0"


@pytest.mark.parametrize("answer", [{}, {"Descriptor": None}, {"Descriptor": {}}])
def test_an_answer_without_a_digest_is_none(answer):
    assert ask_registry(Engine({"a:1": answer}), ["a:1"], lambda image: None) == {}


def test_an_engine_that_is_gone_is_an_error():
    with pytest.raises(EngineError):
        ask_registry(Engine({"a:1": EngineError("gone", "daemon_unreachable")}), ["a:1"], lambda image: None)


# -- logins


class Door:
    """An Engine that checks credentials."""

    def __init__(self, *errors):
        self.errors, self.asked = list(errors), []

    def post(self, path, query=None, body=None, headers=None, timeout=None):
        assert path == "/auth"
        self.asked.append(body)
        if self.errors and self.errors[0] is not None:
            raise self.errors[0]


GIVEN = [{"registry": "r.example:5000", "username": "ann", "password": "hunter2"}]
IMAGES = ["r.example:5000/a:1", "r.example:5000/b:1@sha256:" + "0" * 64, "open.example/c:1", "x", ""]


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (None, {}),
        (EngineError("unauthorized: incorrect username or password", "registry_auth", status=401), "registry_auth"),
        (EngineError("Get https://r.example/v2/: unauthorized", status=500), "registry_auth"),
        (EngineError("login attempt to https://r/v2/ failed with status: 403 Forbidden", status=500), "registry_auth"),
        (EngineError("Get https://r/v2/: dial tcp: connection refused", status=500), "registry_unreachable"),
        (EngineError("failed with status: 503 Service Unavailable", status=500), "registry_unreachable"),
        (EngineError("context deadline exceeded", status=500), "registry_unreachable"),
        (EngineError("no answer in time", "timeout"), "registry_unreachable"),
        (EngineError("Forbidden", "invalid_spec", status=403), {}),  # a proxy that guards the engine's socket
        (EngineError("page not found", "not_found", status=404), {}),
    ],
)
def test_a_login_is_asked_for_once_a_registry_that_there_are_credentials_for(error, found):
    door = Door(error)
    told = refused_logins(door, IMAGES, RegistryAuth(GIVEN))
    assert told == ({"r.example:5000": found} if found else {})
    assert door.asked == [{"username": "ann", "password": "hunter2", "serveraddress": "r.example:5000"}]


def test_the_hub_is_asked_by_its_own_name():
    door = Door()
    hub = [{"registry": "docker.io", "username": "ann", "password": "hunter2"}]
    assert refused_logins(door, ["app:1", "team/app:1"], RegistryAuth(hub)) == {}
    assert [body["serveraddress"] for body in door.asked] == ["https://index.docker.io/v1/"]


def test_without_credentials_nobody_is_asked():
    door = Door(EngineError("no", status=500))
    assert refused_logins(door, IMAGES, RegistryAuth([])) == {} and door.asked == []


def missing(image):
    error = f"No such image: {image}@sha256:{'0' * 64}"
    return DeployError("it does not run", "health_gate_failed", "", {"failures": [{"error": error, "reason": ""}]})


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (EngineError("dial tcp: no such host", status=500), "registry_unreachable"),
        (EngineError("manifest unknown", status=404), "image_not_found"),
        (found("sha256:0"), "image_not_found"),
    ],
)
def test_a_registry_that_does_not_answer_is_told_also_where_it_was_not_asked_before(answer, code):
    image = f"r.example/a:1@sha256:{'0' * 64}"
    engine = Engine({image: answer})
    images = asked_as_well(engine, missing("r.example/a:1"), {}, lambda image: None)
    assert cause(missing("r.example/a:1"), images)[0] == code
    asked = len(engine.asked)
    known = {"r.example/a:1": {"refused": "image_not_found"}}
    assert asked_as_well(engine, missing("r.example/a:1"), known, lambda image: None) == known
    assert len(engine.asked) == asked, "it was asked already"
