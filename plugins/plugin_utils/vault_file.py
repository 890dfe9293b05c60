# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a vault of values: YAML with one line for each version, so that diffs stay small.

The values are Ansible Vault strings, each under its own salt; the rest is readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

TOP = "stackwright_values"
HEAD = "# Values of stacks, kept by stackwright.swarm; each one is encrypted with Ansible Vault.\n---\n"


class Cipher(str):
    """A value that is still encrypted: the text of an Ansible Vault string."""


class _Loader(yaml.SafeLoader):
    """Knows ``!vault``."""


_Loader.add_constructor("!vault", lambda loader, node: Cipher(loader.construct_scalar(node)))


def parse(text: str) -> dict[str, Any]:
    """The sections of the stacks, as ``Kept.as_data`` has them, with Ciphers as values.

    Raises ValueError (yaml's errors are none: they become one here) where that is no such file.
    """
    try:
        data = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError("it is no YAML" + (f" (line {mark.line + 1})" if mark else "")) from None
    if data is None:
        return {}
    sections = data.get(TOP) if isinstance(data, Mapping) else None
    if not isinstance(sections, Mapping):
        raise ValueError(f"it has no map {TOP}")
    for section in sections.values():
        if not isinstance(section, Mapping):
            raise ValueError("the section of a stack is no map")
    return {str(name): dict(section) for name, section in sections.items()}


def render(sections: Mapping[str, Any]) -> str:
    """The text of a file with these sections; what is equal gives equal lines."""
    lines = [f"{TOP}:" + ("" if sections else " {}")]
    for stack in sorted(sections):
        section = sections[stack]
        lines.append(f"  {_scalar(stack)}:")
        lines += [f"    {key}: {_scalar(section[key])}" for key in ("format", "stack", "counter")]
        lines.append("    values:" + ("" if section["values"] else " {}"))
        for name in sorted(section["values"]):
            entry = section["values"][name]
            lines.append(f"      {_scalar(name)}:")
            lines += [f"        {key}: {_scalar(entry[key])}" for key in ("current", "generator", "params")]
            lines.append("        versions:" + ("" if entry["versions"] else " []"))
            lines += [f"          - {_version(version)}" for version in entry["versions"]]
    return HEAD + "\n".join(lines) + "\n"


def _version(version: Mapping[str, Any]) -> str:
    shown = [f"{key}: {_scalar(version[key])}" for key in ("number", "mark", "created", "origin")]
    return "{" + ", ".join([*shown, f"value: !vault {_scalar(str(version['value']))}"]) + "}"


def _scalar(value: Any) -> str:
    style = '"' if isinstance(value, str) else None
    return str(yaml.safe_dump(value, default_flow_style=True, default_style=style, width=float("inf"))).split("\n", 1)[
        0
    ]
