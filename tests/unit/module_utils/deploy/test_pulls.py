"""Images that could not be pulled: the error's code, and the services that are sent again."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.pulls import cause, not_pulled

NO_IMAGE = "No such image: r.example/a:1"


def failed(error, code="health_gate_failed"):
    return DeployError("The stack does not run", code, "a hint", {"failures": [{"error": error, "reason": ""}]})


@pytest.mark.parametrize(
    ("error", "images", "code"),
    [
        (NO_IMAGE, {}, "image_not_found"),
        (NO_IMAGE, {"r.example/a:1": {"refused": "image_not_found"}}, "image_not_found"),
        (NO_IMAGE, {"r.example/a:1": {"refused": "registry_auth"}}, "registry_auth"),
        (NO_IMAGE, {"r.example/b:1": {"refused": "registry_auth"}}, "image_not_found"),
        (NO_IMAGE, {"r.example/a:1": {"refused": "registry_unreachable"}}, "registry_unreachable"),
        ("pull access denied for a, repository does not exist", {}, "registry_auth"),
        ("task: non-zero exit (1)", {"r.example/a:1": {"refused": "registry_auth"}}, "health_gate_failed"),
    ],
)
def test_the_code_says_why(error, images, code):
    found, hint = cause(failed(error), images)
    assert found == code
    assert ("registry_auth" in hint) == (code in ("registry_auth", "image_not_found"))


def test_other_errors_stay_as_they_are():
    assert cause(failed(NO_IMAGE, "conflict"), {}) == ("conflict", "a hint")


def test_only_services_whose_present_tasks_failed_for_their_image_are_named():
    def service(name, image):
        spec = {"Name": name, "TaskTemplate": {"ContainerSpec": {"Image": image}}}
        return {"ID": name, "Spec": spec}

    def task(service, error, image):
        spec = {"ContainerSpec": {"Image": image}}
        return {"ID": service, "ServiceID": service, "Status": {"State": "rejected", "Err": error}, "Spec": spec}

    services = [service("a", "a:1"), service("b", "b:2"), service("c", "c:1"), service("d", "d:1")]
    tasks = [
        task("a", "No such image: a:1", "a:1"),
        task("b", "No such image: b:1", "b:1"),  # of an older specification
        task("c", "task: non-zero exit (1)", "c:1"),
    ]
    assert list(not_pulled(services, tasks)) == [("a", "a:1")]
