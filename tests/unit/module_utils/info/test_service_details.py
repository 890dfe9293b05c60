"""The parts of a service's specification that are shown, and those that never are."""

import json

from ansible_collections.stackwright.swarm.plugins.module_utils.info.service_details import service_details
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN

SPEC = {
    "TaskTemplate": {
        "Placement": {
            "Constraints": ["node.role == worker"],
            "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.dc"}}],
        },
        "Resources": {"Limits": {"NanoCPUs": 500000000, "MemoryBytes": 1024}},
        "ContainerSpec": {
            "Env": [
                "LOG_LEVEL=info",
                "PORT=8080",
                "URL=http://api.example.com:80/v1",
                "DB_PASSWORD=word",
                "GREETING=aK3jd92mQ8sl1",
                "HEXED=9f86d081884c7d65",
                "LONG=abcdefghijklmnopqrstuvwxyz",
                "EMPTY",
            ],
            "Args": ["serve", "--password", "hunter2"],
            "Mounts": [{"Type": "volume", "Source": "data", "Target": "/data", "ReadOnly": True}],
            "Secrets": [{"SecretName": "shop_key", "SecretID": "x"}],
            "Configs": [{"ConfigName": "shop_page"}],
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 2000000000},
        },
    },
    "UpdateConfig": {"Parallelism": 2, "Delay": 1500000000, "Order": "start-first"},
}


def test_a_specification_without_its_secrets():
    shown = service_details({"Spec": SPEC})
    assert shown["environment"] == {
        "DB_PASSWORD": HIDDEN,
        "EMPTY": "",
        "GREETING": HIDDEN,
        "HEXED": HIDDEN,
        "LOG_LEVEL": "info",
        "LONG": HIDDEN,
        "PORT": "8080",
        "URL": "http://api.example.com:80/v1",
    }
    assert shown["constraints"] == ["node.role == worker"] and shown["preferences"] == ["spread over node.labels.dc"]
    assert shown["resources"] == {"limits": {"cpus": 0.5, "memory": 1024}, "reservations": {"cpus": 0.0, "memory": 0}}
    assert shown["mounts"] == [{"type": "volume", "source": "data", "target": "/data", "read_only": True}]
    assert (shown["secrets"], shown["configs"]) == (["shop_key"], ["shop_page"])
    assert shown["update_config"]["delay"] == 1.5 and shown["update_config"]["order"] == "start-first"
    assert shown["health_check"]["interval"] == 2.0
    assert "hunter2" not in json.dumps(shown)


def test_a_service_that_says_nothing():
    shown = service_details({"Spec": {"TaskTemplate": {}}})
    assert shown["environment"] == shown["health_check"] == {} and shown["mounts"] == shown["command"] == []
