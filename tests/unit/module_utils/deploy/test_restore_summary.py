"""The summary of a rollback counts its operations, and no untouched service."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.restore import Former, summary
from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation


def service(name, version=1, stack="shop", **more):
    labels = {"com.docker.stack.namespace": stack}
    return {"ID": name, "Version": {"Index": version}, "Spec": {"Name": name, "Labels": labels}, **more}


WERE = [service(name) for name in ("shop_api", "shop_db", "shop_web")] + [service("shop_migrate")]
OTHERS = [service("mail_web", stack="mail")]


def told(*done, jobs=(), were=WERE, now=None, names=()):
    former = Former({"services": [*were, *OTHERS]}, {("service", name) for name in names}, Before())
    operations = [Operation(action, kind, name) for action, kind, name in done]
    return summary("shop", former, {"services": now or were}, operations, jobs)


@pytest.mark.parametrize(
    ("done", "words"),
    [
        ([("update", "service", "shop_web")], "1 service restored, 3 other services unchanged"),
        (
            [("update", "service", f"shop_{one}") for one in ("api", "db", "web")],
            "3 services restored, 1 other service unchanged",
        ),
        (
            [("update", "service", service["Spec"]["Name"]) for service in WERE],
            "4 services restored",
        ),
        # Its mode had changed; the other one was removed before the failure.
        (
            [("remove", "service", "shop_web"), ("create", "service", "shop_web"), ("create", "service", "shop_db")],
            "2 services recreated, 2 other services unchanged",
        ),
        # Stopped for its volume, then updated to its spec.
        (
            [("update", "service", "shop_db"), ("update", "service", "shop_db")],
            "1 service restored, 3 other services unchanged",
        ),
        (
            [("remove", "service", "shop_new"), ("remove", "config", "shop_page_1")],
            "1 new service and 1 new config removed, 4 services unchanged",
        ),
        ([("update", "service", "shop_new")], "1 new service stopped, 4 services unchanged"),
        ([], "nothing had to be restored, 4 services unchanged"),
    ],
)
def test_what_was_done_is_counted_and_the_rest_is_unchanged(done, words):
    assert told(*done) == words


def test_a_first_deployment_has_no_other_services():
    assert told(("remove", "service", "shop_web"), were=[]) == "1 new service removed"
    assert told(were=[]) == "nothing had to be restored"


def test_a_job_that_is_not_restored_is_named_and_neither_restored_nor_unchanged():
    job = "the job shop_migrate was not restored, since it would run again"
    found = told(("update", "service", "shop_web"), jobs=["shop_migrate"])
    assert found == f"1 service restored, {job}, 2 other services unchanged"
    # One that had not finished is removed.
    gone = told(("remove", "service", "shop_migrate"), jobs=["shop_migrate"])
    assert gone == f"{job}, 3 other services unchanged"


def test_a_service_that_swarm_rolled_back_in_this_run_is_restored():
    rolled_back = {"UpdateStatus": {"State": "rollback_completed"}}
    now = [service("shop_web", 9, **rolled_back), service("shop_api", **rolled_back), *WERE[1:2], *WERE[3:]]
    assert told(now=now, names=["shop_web", "shop_api"]) == "1 service restored, 3 other services unchanged"
    assert told(now=now) == "nothing had to be restored, 4 services unchanged"  # by another run, some time ago
