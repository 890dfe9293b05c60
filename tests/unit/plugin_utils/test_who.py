"""The user who requests a change, as the history and the lock show them."""

import getpass
import os
import platform

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.who import who_asks


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "desk")
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")


def test_the_user_and_host_of_the_controller():
    assert who_asks({}) == "ada@desk"


def test_the_user_of_awx():
    assert who_asks({"awx_user_name": "grace"}) == "grace"


def test_a_user_id_without_a_name(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: {}["LOGNAME"])
    assert who_asks({}) == f"{os.getuid()}@desk"


def test_a_name_contains_no_control_characters(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "ada\x1b[2J\nboot")
    for variables in ({}, {"tower_user_name": "ada\x1b[2J\nboot"}):
        assert not set("\x1b\n") & set(who_asks(variables))
