"""Swarm's templates: what a real Engine takes where is written down, and our rule says the same without one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from testbed import BedError

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / ".cache" / "collections")]
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "unit" / "cases")]

from swarm_templates import ANSWERS, NEWER, TEMPLATES

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.templates import fault_of

#: Each place of a ServiceSpec's ContainerSpec that could be expanded; "" stands for the text.
PLACES = {
    "Env": {"Env": ["A="]},
    "Env's name": {"Env": ["=1"]},
    "Hostname": {"Hostname": ""},
    "Mounts.Source": {"Mounts": [{"Type": "volume", "Source": "", "Target": "/a"}]},
    "Mounts.Source of a bind": {"Mounts": [{"Type": "bind", "Source": "/", "Target": "/a"}]},
    "Mounts.Target": {"Mounts": [{"Type": "volume", "Source": "a", "Target": "/"}]},
    "tmpfs": {"Mounts": [{"Type": "tmpfs", "Target": "/"}]},
    "Labels of a volume": {
        "Mounts": [{"Type": "volume", "Source": "a", "Target": "/a", "VolumeOptions": {"Labels": {"a": ""}}}]
    },
    "options of a volume's driver": {
        "Mounts": [
            {
                "Type": "volume",
                "Source": "a",
                "Target": "/a",
                "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"a": ""}}},
            }
        ]
    },
    "name of a volume's driver": {
        "Mounts": [{"Type": "volume", "Source": "a", "Target": "/a", "VolumeOptions": {"DriverConfig": {"Name": ""}}}]
    },
    "Command": {"Command": [""]},
    "Args": {"Args": [""]},
    "Labels": {"Labels": {"a": ""}},
    "Dir": {"Dir": "/"},
    "User": {"User": ""},
    "Hosts": {"Hosts": ["1.1.1.1 a"]},
    "Healthcheck": {"Healthcheck": {"Test": ["CMD", ""]}},
}
EXPANDED = {
    "Env",
    "Hostname",
    "Mounts.Source",
    "Mounts.Source of a bind",
    "Mounts.Target",
    "tmpfs",
    "Labels of a volume",
    "options of a volume's driver",
}


def answer(node, name, container):
    """What the Engine says against a service with this ContainerSpec; "" where it makes one."""
    image = {"Image": "nothing:1", **container}
    spec = {"Name": name, "TaskTemplate": {"ContainerSpec": image}, "Mode": {"Replicated": {"Replicas": 0}}}
    try:
        node.api("DELETE", "/services/" + node.api("POST", "/services/create", spec)["ID"])
    except BedError as error:
        return str(error)
    return ""


def filled(value, text):
    """``value`` with ``text`` at the end of its first text that is empty, or ends in a place for it."""
    if isinstance(value, dict):
        return {key: filled(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, text) for item in value]
    if value == "=1":
        return text + value
    return value + text if value in ("", "A=", "/", "1.1.1.1 a") else value


@pytest.mark.parametrize("place", PLACES)
def test_what_is_expanded(bed, place):
    said = answer(bed.node("m1"), f"place{list(PLACES).index(place)}", filled(PLACES[place], "{{.Foo}}"))
    assert ("Foo" in said) == (place in EXPANDED), said


def test_what_the_engine_says(bed):
    said = {text: answer(bed.node("m1"), "template", {"Env": [f"A={text}"]}) for text in TEMPLATES}
    if os.environ.get("STACKWRIGHT_RECORD"):
        ANSWERS.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    known = json.loads(ANSWERS.read_text(encoding="utf-8"))
    # A newer Engine knows more of the grammar: ours is that of the newest.
    assert {text for text in TEMPLATES if bool(said[text]) != bool(fault_of(text))} <= set(NEWER)
    assert {text for text in TEMPLATES if bool(said[text]) != bool(known[text])} == set()
