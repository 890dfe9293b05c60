"""The volumes of a service in stack_info and swarm_info if their name is a template of Swarm."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import describe_service


def task(slot, node, desired="running"):
    return {"ID": f"t{slot}", "Slot": slot, "NodeID": node, "DesiredState": desired, "ServiceID": "db"}


@pytest.mark.parametrize(
    ("source", "tasks", "volumes"),
    [
        ("shop_data", [task(1, "n1")], ["shop_data"]),
        ("shop_data", [], ["shop_data"]),
        ("db_{{.Task.Slot}}", [task(1, "n1"), task(2, "n2")], ["db_1", "db_2"]),
        ("db_{{.Task.Slot}}", [task(1, "n1"), task(2, "n2", "shutdown"), task(3, "")], ["db_1"]),
        ("db_{{.Task.Slot}}", [], ["db_{{.Task.Slot}}"]),
        ("{{.Service.Name}}.{{.Node.Hostname}}", [task(1, "n1"), task(2, "n1")], ["shop_db.m1"]),
    ],
)
def test_they_are_those_of_the_tasks(source, tasks, volumes):
    container = {"Image": "db:1", "Mounts": [{"Type": "volume", "Source": source, "Target": "/data"}]}
    service = {"ID": "db", "Spec": {"Name": "shop_db", "TaskTemplate": {"ContainerSpec": container}}}
    assert describe_service(service, {}, tasks, {"n1": "m1", "n2": "w1"})["volumes"] == volumes
