"""Numbers out of range are rejected, with their option and range."""

import importlib
import json

import pytest
from ansible.module_utils import basic

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter import connection_options as connection
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter import option_specs as adapter_options
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter import route_options
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import (
    RANGES,
    check_ranges,
    kept_state,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.parts import cluster_options, raft_options
from ansible_collections.stackwright.swarm.plugins.module_utils.request import node_options


@pytest.mark.parametrize(
    ("rollout", "said"),
    [
        ({"timeout": 0}, "rollout.timeout must be from 1 to 86400, not 0."),
        ({"timeout": -5}, "rollout.timeout must be from 1 to 86400, not -5."),
        ({"stable_for": -0.5}, "rollout.stable_for must be from 0 to 86400, not -0.5."),
        ({"stable_for": float("nan")}, "rollout.stable_for must be from 0 to 86400, not nan."),
        ({"stable_for": float("inf")}, "rollout.stable_for must be from 0 to 86400, not inf."),
        ({"max_restarts": -1}, "rollout.max_restarts must be from 0 to 1000, not -1."),
        ({"poll_interval": 0.0}, "rollout.poll_interval must be from 0.05 to 10, not 0."),
    ],
)
def test_a_number_out_of_its_range(rollout, said):
    with pytest.raises(StackwrightError) as refused:
        check_ranges({"rollout": rollout})
    assert (refused.value.error_code, refused.value.message) == ("invalid_options", said)


def test_all_of_them_are_named_at_once():
    with pytest.raises(StackwrightError) as refused:
        check_ranges({"keep_revisions": 0, "rollout": {"timeout": 0}})
    assert "rollout.timeout" in refused.value.message
    assert "keep_revisions" in refused.value.message


def test_what_is_not_given_or_at_its_limits_is_fine():
    check_ranges({"rollout": None, "keep_revisions": None})
    for number in (0, 1):
        flat = {name: limits[number] for name, limits in RANGES.items()}
        rollout = {name.split(".")[1]: value for name, value in flat.items() if "." in name}
        check_ranges({**flat, "rollout": rollout})


# -- every number of every module

ABSURD = [10**30, -(10**30), 10**400, -(10**400), -1, float("inf"), float("-inf"), float("nan"), 1e300]
#: Checked with what they belong to, by the rules of routes.
ELSEWHERE = {"stacks.routes.port", "routes.port"}


def numbers(spec, path=""):
    for name, option in spec.items():
        if option.get("type") in ("int", "float") or option.get("elements") in ("int", "float"):
            yield path + name
        yield from numbers(option.get("options") or {}, f"{path}{name}.")


def every_number():
    for module in (adapter_options, connection, route_options, node_options, cluster_options, raft_options):
        for spec in vars(module).values():
            if isinstance(spec, dict) and all(isinstance(option, dict) for option in spec.values()):
                yield from numbers(spec)


def test_every_number_has_a_range():
    found = set(every_number()) - ELSEWHERE
    assert {"timeout", "rollout.timeout", "admin_timeout", "tail", "subnet_size"} <= found
    assert found <= set(RANGES)


@pytest.mark.parametrize("value", ABSURD, ids=lambda value: str(value)[:12])
def test_an_absurd_number_is_refused_in_words(value):
    assert RANGES
    for name in RANGES:
        group, _dot, inner = name.rpartition(".")
        try:
            check_ranges({group: {inner: value}} if group else {name: value})
        except StackwrightError as refused:
            assert refused.error_code == "invalid_options", name
            assert name in refused.message and len(refused.message) < 120
        else:
            pytest.fail(f"{name} takes {value}")


@pytest.mark.parametrize("name", ["stack_rollback", "swarm_info", "caddy_route_info", "stack_logs"])
def test_every_module_refuses_it_before_it_connects(name, monkeypatch, capsys):
    """By the module itself, as Ansible runs it."""
    option = "admin_timeout" if name.startswith("caddy") else "timeout"
    given = {option: 10**30, "docker_host": "unix:///nowhere", "admin": ["unix:///nowhere"], "name": "x"}
    module = importlib.import_module(f"ansible_collections.stackwright.swarm.plugins.modules.{name}")
    known = {"caddy_route_info": (option, "admin"), "swarm_info": (option, "docker_host")}
    arguments = {key: given[key] for key in known.get(name, (option, "docker_host", "name"))}
    text = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", text)
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit):
        module.main()
    told = json.loads(capsys.readouterr().out)
    assert "error_code" in told, told
    assert (told["failed"], told["error_code"]) == (True, "invalid_options")
    assert option in told["msg"]


def test_a_store_is_no_number():
    check_ranges({"to": {"store": "vault"}, "timeout": 5})


@pytest.mark.parametrize(
    "given, state",
    [
        ({}, "listed"),
        ({"values": {"A": "1"}}, "present"),
        ({"values": {}}, "present"),
        ({"state": "listed", "names": ["A"]}, "listed"),
    ],
)
def test_the_state_of_kept_values_where_none_is_given(given, state):
    assert kept_state({"state": None, "values": None, "names": None, "to": None, **given}) == state


@pytest.mark.parametrize("given, word", [({"names": ["A"]}, "absent or regenerated"), ({"to": {}}, "moved")])
def test_names_without_a_state_are_not_guessed_at(given, word):
    with pytest.raises(StackwrightError, match=word):
        kept_state({"state": None, "values": None, "names": None, "to": None, **given})


def test_no_option_of_a_task_has_the_name_of_one_of_the_connection():
    specs = {
        name: value
        for name, value in vars(adapter_options).items()
        if name.isupper() and name != "RANGES" and isinstance(value, dict)
    }
    assert "LOGS" in specs
    assert {
        name: sorted(set(spec) & set(connection.CONNECTION))
        for name, spec in specs.items()
        if set(spec) & set(connection.CONNECTION)
    } == {}
