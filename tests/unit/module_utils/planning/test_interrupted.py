"""The state before a run that died during its rollback."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.restore import interrupted

BEGAN, UNDONE = "2026-01-01T00:00:10.5Z", "2026-01-01T00:00:20.5Z"


def service(updated):
    return {
        "ID": "s",
        "CreatedAt": "2026-01-01T00:00:00Z",
        "UpdatedAt": updated,
        "Spec": {"Name": "shop_web", "Labels": {"com.docker.stack.namespace": "shop"}, "mark": "now"},
        "PreviousSpec": {"Name": "shop_web", "Labels": {}, "mark": "before"},
    }


@pytest.mark.parametrize(
    ("updated", "undone", "was"),
    [
        ("2026-01-01T00:00:05Z", (), "now"),
        ("2026-01-01T00:00:15Z", (), "before"),
        ("2026-01-01T00:00:15Z", [(UNDONE, "")], "before"),
        ("2026-01-01T00:00:25Z", [(UNDONE, "")], "now"),
        ("2026-01-01T00:00:25Z", (), "before"),
        # Another run followed the one that had rolled back.
        ("2026-01-01T00:00:25Z", [(UNDONE, "2026-01-01T00:00:30Z")], "now"),
        ("2026-01-01T00:00:35Z", [(UNDONE, "2026-01-01T00:00:30Z")], "before"),
    ],
)
def test_a_service_that_was_put_back_already_is_as_before(updated, undone, was):
    observed = {"services": [service(updated)], "networks": [], "configs": [], "secrets": []}
    assert interrupted("shop", observed, BEGAN, set(), undone)["services"][0]["Spec"]["mark"] == was
