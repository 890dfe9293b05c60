# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
""".env.example: every variable that the generated files use, where, and its default."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.texts import variables_in

#: The most places that are named for a variable.
MOST = 8


def env_example(places: Mapping[str, str]) -> str:
    """Returns the text of the file. ``places``: the texts to search, by service or section."""
    used: dict[str, dict[str, None]] = {}
    defaults: dict[str, dict[str, None]] = {}
    required: set[str] = set()
    bare: set[str] = set()
    for place, text in places.items():
        if "$" not in text:
            continue
        for name, operator, word in variables_in(text):
            used.setdefault(name, {})[place] = None
            if operator in (":-", "-"):
                defaults.setdefault(name, {})[word] = None
            elif operator in (":?", "?"):
                required.add(name)
            elif not operator:
                bare.add(name)
    lines: list[str] = []
    for name in sorted(used):
        where = list(used[name])
        more = f" and {len(where) - MOST} more" if len(where) > MOST else ""
        lines.append(f"# used by {', '.join(where[:MOST])}{more}")
        given = [word for word in defaults.get(name, {}) if "\n" not in word]
        if name in required or name in bare or not given:
            need = "required" if name in required else "no default"
            note = f" for all of them; others take {' or '.join(repr(word) for word in given)}" if given else ""
            lines += [f"# {need}{note}", f"{name}=", ""]
        else:
            lines += [f"# default: {' or '.join(word or 'empty' for word in given)}", f"#{name}={given[0]}", ""]
    return "\n".join(lines)
