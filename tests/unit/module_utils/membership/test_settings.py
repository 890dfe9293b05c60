"""The settings of a Swarm: differences, fixed settings, and the comparison of addresses."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.settings import (
    Addresses,
    Fixed,
    check_pools,
    duration,
    interface_names,
    nanoseconds,
    refuse_addresses,
    refuse_fixed,
    setting_changes,
    wanted_settings,
    with_settings,
)

SPEC = {
    "Name": "default",
    "Labels": {},
    "Orchestration": {"TaskHistoryRetentionLimit": 5},
    "Raft": {"SnapshotInterval": 10000, "ElectionTick": 10},
    "Dispatcher": {"HeartbeatPeriod": 5000000000},
    "CAConfig": {"NodeCertExpiry": 7776000000000000},
    "EncryptionConfig": {"AutoLockManagers": False},
}


def code(work, *arguments):
    with pytest.raises(StackwrightError) as refused:
        work(*arguments)
    return refused.value.error_code, str(refused.value)


def test_only_what_differs_is_changed_and_the_rest_of_the_specification_stays():
    wanted = wanted_settings({"task_history_limit": 3, "cert_expiry": "2160h", "autolock": True, "labels": {"a": 1}})
    changes = {change["option"]: (change["before"], change["after"]) for change in setting_changes(SPEC, wanted)}
    assert changes == {"task_history_limit": (5, 3), "autolock": (False, True), "labels": ({}, {"a": "1"})}
    full = with_settings(SPEC, wanted)
    assert full["Raft"] == SPEC["Raft"]
    assert full["Labels"] == {"a": "1"}
    assert setting_changes(full, wanted) == []
    assert SPEC["Labels"] == {}


def test_a_false_or_zero_is_a_wish_and_nothing_is_none():
    assert setting_changes(SPEC, wanted_settings({"autolock": False, "labels": {}})) == []
    assert setting_changes(SPEC, wanted_settings({"task_history_limit": 0})) != []
    assert wanted_settings({"autolock": None, "labels": None}) == {}


@pytest.mark.parametrize(
    ("text", "number"), [("5s", 5 * 10**9), ("1h30m", 5400 * 10**9), ("2160h0m0s", 7776 * 10**12), ("100ms", 10**8)]
)
def test_durations(text, number):
    assert nanoseconds("cert_expiry", text) == number
    assert nanoseconds("cert_expiry", duration(number)) == number


@pytest.mark.parametrize("text", ["", "5", "5 s", "s", "5d", "-5s", "5s!"])
def test_what_is_no_duration(text):
    assert code(nanoseconds, "cert_expiry", text)[0] == "invalid_options"


LIVE = {"DefaultAddrPool": ["10.20.0.0/16"], "SubnetSize": 26, "DataPathPort": 4789}


def test_fixed_settings_are_compared_only_if_given():
    refuse_fixed(LIVE, Fixed())
    refuse_fixed(LIVE, Fixed(["10.20.0.0/16"], 26, 4789))
    refuse_fixed({}, Fixed(["10.0.0.0/8"], 24, 4789))
    found, text = code(refuse_fixed, LIVE, Fixed(["10.21.0.0/16"], 24, 5000))
    assert found == "unchangeable"
    for part in ("10.20.0.0/16, not 10.21.0.0/16", "subnet_size is 26, not 24", "data_path_port is 4789, not 5000"):
        assert part in text


@pytest.mark.parametrize(
    "asked",
    [
        Fixed(["10.20.0.0/33"]),
        Fixed(["here"]),
        Fixed(["10.20.0.1/16"]),
        Fixed(["10.20.0.0/26"], 24),
    ],
)
def test_pools_that_can_not_be(asked):
    assert code(check_pools, asked)[0] == "invalid_options"


FACTS = {
    "address": "10.0.0.1",
    "listen_addr": "0.0.0.0:2377",
    "data_path_addr": "",
    "interfaces": {"eth0": ["10.0.0.1"]},
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"advertise_addr": "10.0.0.1"},
        {"advertise_addr": "10.0.0.1:2377"},
        {"advertise_addr": "eth0"},
        {"advertise_addr": "eth0:2377"},
        {"listen_addr": "0.0.0.0"},
        {"listen_addr": "0.0.0.0:2377"},
    ],
)
def test_the_same_address_in_other_words(options):
    assert refuse_addresses("m1", Addresses(**options), FACTS) == []


@pytest.mark.parametrize(
    "options",
    [
        {"advertise_addr": "10.0.0.2"},
        {"listen_addr": "10.0.0.1:2377"},
        {"listen_addr": "0.0.0.0:2378"},
        {"data_path_addr": "10.9.0.1"},
    ],
)
def test_another_address_is_refused(options):
    found, text = code(refuse_addresses, "m1", Addresses(**options), FACTS)
    assert found == "unchangeable"
    assert next(iter(options)) in text


def test_what_can_not_be_compared_is_told():
    unread = {**FACTS, "listen_addr": None, "data_path_addr": None, "interfaces": {"eth9": []}}
    told = refuse_addresses("m1", Addresses("eth9", "0.0.0.0"), unread)
    assert told == [
        "m1: advertise_addr can't be compared with that of the node.",
        "m1: listen_addr can't be compared with that of the node.",
    ]


def test_what_is_no_address_is_an_interface():
    assert interface_names(Addresses("eth0:2377", "[::]:2377", "fe80::1")) == ["eth0"]
