from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.restore import summary
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation


def service(name, mode):
    return {"ID": name, "Spec": {"Name": name, "Mode": mode, "Labels": {"com.docker.stack.namespace": "shop"}}}


BEFORE = {
    "services": [service("shop_web", {"Replicated": {"Replicas": 1}}), service("shop_migrate", {"ReplicatedJob": {}})]
}


def test_a_job_that_is_not_put_back_is_named():
    done = [Operation("update", "service", "shop_web")]
    assert summary("shop", BEFORE, done, ["shop_migrate"]) == (
        "1 service restored, the job shop_migrate was not restored, since it would run again"
    )
    assert summary("shop", BEFORE, done) == "2 services restored"


def test_what_was_new():
    done = [Operation("remove", "service", "shop_api"), Operation("remove", "config", "shop_page_1")]
    assert summary("shop", BEFORE, done) == ("2 services restored, 1 new service and 1 new config removed")
    assert summary("shop", {"services": []}, []) == "nothing was changed"
