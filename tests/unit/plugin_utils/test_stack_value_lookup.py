"""The lookup's default store: the host's facts if they have the stack's values, else the Swarm."""

import pytest
from ansible.errors import AnsibleLookupError

from ansible_collections.stackwright.swarm.plugins.lookup.stack_value import LookupModule
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import FACT
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import SET, Kept


def kept(value):
    return Kept("shop", {}, 0).added("stack/A", value, SET, "m", "2026-01-01T00:00:00Z")


def looked_up(monkeypatch, variables, swarm, **options):
    lookup = LookupModule()
    given = {"store": "auto", "name": "shop", **options}
    monkeypatch.setattr(lookup, "set_options", lambda **_given: None)
    monkeypatch.setattr(lookup, "get_option", given.get)
    monkeypatch.setattr(lookup, "_from_swarm", swarm)
    return lookup.run(["A"], variables)


def facts(value):
    return {"ansible_local": {FACT + "shop": kept(value).as_data()}}


def unreachable(named, names):
    raise EngineError("Nobody answers.", "daemon_unreachable")


def test_the_facts_of_the_host_come_first(monkeypatch):
    assert looked_up(monkeypatch, facts("of facts"), unreachable) == ["of facts"]
    assert looked_up(monkeypatch, {"ansible_facts": facts("of facts")}, unreachable) == ["of facts"]
    hosts = {"hostvars": {"m2": facts("of m2")}, "inventory_hostname": "m1"}
    assert looked_up(monkeypatch, hosts, unreachable, host="m2") == ["of m2"]


@pytest.mark.parametrize(
    "variables",
    [{}, {"ansible_local": {}}, {"ansible_local": {FACT + "other": {}}}, {"hostvars": {"m2": facts("of another")}}],
    ids=["not gathered", "none", "another stack", "another host"],
)
def test_else_the_swarm_is_asked(monkeypatch, variables):
    assert looked_up(monkeypatch, variables, lambda named, names: kept("of the Swarm")) == ["of the Swarm"]
    with pytest.raises(AnsibleLookupError, match=r"have no values of the stack shop.*stack_values, state: read"):
        looked_up(monkeypatch, variables, unreachable)


def test_facts_alone_are_asked_where_that_is_said(monkeypatch):
    with pytest.raises(AnsibleLookupError, match="not known"):
        looked_up(monkeypatch, {}, lambda named, names: kept("of the Swarm"), store="host_facts")
