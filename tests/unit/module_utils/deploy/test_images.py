import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.images import ask_registry
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import EngineError


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
    assert list(answers) == ["s.example/c:1"]
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
