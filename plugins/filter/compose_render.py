# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter compose_render."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compose_render(definition: object, *options: object, **named: object) -> str:
    # Imported here: a template with any filter of a collection has Ansible load all of its filter files.
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.rendered import rendered

    checked_there: Any = rendered
    return str(checked_there(definition, *options, **named))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"compose_render": compose_render}
