import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_fields import (
    ENGINES,
    SINCE,
    explain,
    too_new,
)


def spec():
    return {
        "Name": "web",
        "TaskTemplate": {
            "ContainerSpec": {
                "OomScoreAdj": 5,
                "Healthcheck": {"Test": ["CMD", "x"], "StartInterval": 1},
                "Privileges": {"NoNewPrivileges": False, "Seccomp": {"Mode": "unconfined"}},
                "Mounts": [
                    {"Target": "/a", "VolumeOptions": {"NoCopy": True}},
                    {"Target": "/b", "VolumeOptions": {"Subpath": "s", "NoCopy": True}},
                ],
            }
        },
    }


def names(api):
    return [explain(path, since) for path, since in too_new(spec(), api)]


def test_an_old_engine_lacks_all_of_them():
    assert names((1, 41)) == [
        "Healthcheck.StartInterval needs API 1.44 (Engine 25.0)",
        "Privileges.Seccomp needs API 1.44 (Engine 25.0)",
        "Mounts.1.VolumeOptions.Subpath needs API 1.45 (Engine 26.0)",
        "OomScoreAdj needs API 1.46 (Engine 27.0)",
    ]


def test_a_new_engine_has_them():
    assert names((1, 45)) == ["OomScoreAdj needs API 1.46 (Engine 27.0)"]
    assert names((1, 51)) == []


@pytest.mark.parametrize("row", SINCE, ids=lambda row: ".".join(row[0]))
def test_every_row_can_be_explained_and_found(row):
    pattern, since = row
    value = 1
    for part in reversed(pattern):
        value = [value] if part == "*" else {part: value}
    assert [found for _path, found in too_new(value, (1, 41))] == [since]
    assert ENGINES[since]
