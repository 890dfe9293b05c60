# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A desired state in readable form."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import show_references

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired


HIDDEN = "********"


def rendering(desired: Desired) -> dict[str, Any]:
    """Returns the stack's objects by name, each with its spec for the Engine, without the data of secrets.

    A generated or sensitive value is shown as ``<generated>``.
    """
    return {
        "stack": desired["stack"],
        "networks": {entry["name"]: _spec(entry) for entry in desired["networks"]},
        "configs": {entry["name"]: {**_spec(entry), **_content(entry)} for entry in desired["configs"]},
        "secrets": {entry["name"]: {**_spec(entry), **_hidden(entry)} for entry in desired["secrets"]},
        "services": {entry["name"]: _spec(entry) for entry in desired["services"]},
        "waves": desired["waves"],
    }


def _spec(entry: Mapping[str, Any]) -> dict[str, Any]:
    if entry.get("external"):
        return {"external": True}
    return {key: show_references(value) for key, value in entry["spec"].items() if key != "Name" and value is not None}


def _content(entry: Mapping[str, Any]) -> dict[str, Any]:
    if entry["data"] is None:
        return {}
    data = base64.b64decode(entry["data"])
    try:
        text = data.decode("utf-8")
        return {"content": show_references(text) if entry.get("template") else text}
    except UnicodeDecodeError:
        return {"content": data}


def _hidden(entry: Mapping[str, object]) -> dict[str, str]:
    return {} if entry["data"] is None else {"content": HIDDEN}
