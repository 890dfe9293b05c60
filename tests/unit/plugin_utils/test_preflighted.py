"""A deployment respects a preflight that has failed on another host."""

import os

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.preflighted import note, stopped

ALL = ["m1", "m2", "m3"]


def stops(folder, left, stack="shop", everybody=ALL):
    return stopped(str(folder), stack, {"ansible_play_hosts_all": everybody, "ansible_play_hosts": left})


def test_a_host_that_has_dropped_out_stops_its_cluster_alone(tmp_path):
    note(str(tmp_path), "m2", "c", "shop", "port_in_use")
    found = stops(tmp_path, ["m1", "m3"])
    assert list(found) == ["c"]
    assert found["c"].error_code == "port_in_use"
    assert "failed on m2" in str(found["c"])


@pytest.mark.parametrize(
    ("left", "stack", "everybody"),
    [(ALL, "shop", ALL), (["m1", "m3"], "other", ALL), (["m1"], "shop", ["m1"])],
    ids=["ignored or rescued", "another stack", "of another play"],
)
def test_what_stops_nothing(tmp_path, left, stack, everybody):
    note(str(tmp_path), "m2", "c", "shop", "port_in_use")
    assert stops(tmp_path, left, stack, everybody) == {}


def test_a_preflight_of_no_stack_stops_all(tmp_path):
    note(str(tmp_path), "m2", "c", "", "disk_space")
    assert stops(tmp_path, ["m1", "m3"])["c"].error_code == "disk_space"


def test_only_the_latest_preflight_counts(tmp_path):
    note(str(tmp_path), "m2", "c", "shop", "port_in_use")
    note(str(tmp_path), "m2", "c", "shop", "")
    note(str(tmp_path), "m2", "c", "shop", "")
    assert stops(tmp_path, ["m1", "m3"]) == {}


def test_the_host_whose_result_says_why_is_named(tmp_path):
    note(str(tmp_path), "m3", "c", "shop", "port_in_use", by="m1")
    assert "failed on m1" in str(stops(tmp_path, ["m2"])["c"])


def test_a_preflight_that_passes_while_others_read_the_failures_stops_nothing(tmp_path, monkeypatch):
    note(str(tmp_path), "m2", "c", "shop", "port_in_use")
    names = os.listdir(tmp_path)
    note(str(tmp_path), "m2", "c", "shop", "")
    monkeypatch.setattr(os, "listdir", lambda folder: names)
    assert stops(tmp_path, ["m1", "m3"]) == {}
