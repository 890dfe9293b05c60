"""Pages and filters of an overview."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.info.swarm_info import Page, check_page, swarm_info
from ansible_collections.stackwright.swarm.plugins.module_utils.info.swarm_objects import cluster, nodes


@pytest.mark.parametrize("page", [Page(0), Page(-1), Page(5, -1), Page(None, -1)])
def test_a_page_that_cannot_be(page):
    with pytest.raises(StackwrightError) as caught:
        check_page(page)
    assert caught.value.error_code == "invalid_options"


class Client:
    where, calls = "here", 0

    def get(self, path, query=None):
        return {"Swarm": {"LocalNodeState": "active", "ControlAvailable": True, "Cluster": {"ID": "c"}}, "Name": "m1"}

    def list(self, path, query=None):
        return [
            {"ID": f"id{n}", "Spec": {"Name": name, "Labels": {"team": name[0]}}, "CreatedAt": ""}
            for n, name in enumerate(["b", "a", "c", "ab"])
        ]


@pytest.mark.parametrize(
    ("filters", "page", "names", "total"),
    [
        ({}, Page(), ["a", "ab", "b", "c"], 4),
        ({}, Page(2), ["a", "ab"], 4),
        ({}, Page(2, 3), ["c"], 4),
        ({"name": "a*"}, Page(1), ["a"], 2),
        ({"name": "A*"}, Page(), [], 0),
        ({"label": "team"}, Page(), ["a", "ab", "b", "c"], 4),
        ({"label": "team=[bc]"}, Page(), ["b", "c"], 2),
        ({"role": "worker", "name": None}, Page(), ["a", "ab", "b", "c"], 4),
    ],
)
def test_filters_then_pages(filters, page, names, total):
    client = Client()
    client.list = lambda path, query=None: [] if path == "/services" else Client.list(client, path)
    found = swarm_info(client, ["configs"], filters, page)
    assert [item["name"] for item in found["configs"]] == names
    assert found["totals"] == {"configs": total}


@pytest.mark.parametrize(
    ("filters", "warnings"),
    [
        ({"name": "A*"}, ["Nothing matches the filter name A*, but a: names are case-sensitive."]),
        ({"label": "Team"}, ["Nothing matches the filter label Team, but team: names are case-sensitive."]),
        ({"label": "team=B"}, ["Nothing matches the filter label team=B, but team=b: names are case-sensitive."]),
        ({"name": "x*"}, []),
        ({"name": "a*"}, []),
        ({"role": "Worker"}, []),
    ],
)
def test_a_filter_with_other_capital_letters_is_told(filters, warnings):
    client = Client()
    client.list = lambda path, query=None: [] if path == "/services" else Client.list(client, path)
    assert swarm_info(client, ["configs"], filters)["warnings"] == warnings


@pytest.mark.parametrize(
    ("own", "manager", "shown"),
    [
        ("10.0.1.4", {"Addr": "10.0.1.4:2377"}, "10.0.1.4"),
        ("0.0.0.0", {"Addr": "10.0.1.4:2377", "Leader": True}, "10.0.1.4"),
        ("::", {"Addr": "[fd00::4]:2377"}, "fd00::4"),
        ("0.0.0.0", {}, "0.0.0.0"),
        ("10.0.1.7", {}, "10.0.1.7"),
    ],
)
def test_where_a_node_is(own, manager, shown):
    found = nodes({"tasks": [], "nodes": [{"ID": "n", "Status": {"Addr": own}, "ManagerStatus": manager}]})
    assert [node["address"] for node in found] == [shown]


def test_join_tokens_only_if_asked_for_and_without_their_secret():
    swarm = {"JoinTokens": {"Worker": "SWMTKN-1-digest-secret", "Manager": "odd"}}
    assert "join_tokens" not in cluster({}, swarm, False)
    shown = cluster({}, swarm, True)["join_tokens"]
    assert shown == {"worker": "SWMTKN-1-digest-********", "manager": "********"}
