# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of node_prune. By default it removes objects that can be created again; data only on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import PruneOptions

NODE_PRUNE: Dict[str, Dict[str, Any]] = {
    "containers": {"type": "bool", "default": True},
    "images": {"type": "str", "choices": ["unused", "dangling", "none"], "default": "unused"},
    "build_cache": {"type": "bool", "default": True},
    "networks": {"type": "bool", "default": True},
    "volumes": {"type": "bool", "default": False},
    "older_than": {"type": "int", "default": 24},
    "disk_threshold": {"type": "int", "default": 0},
    "keep_images": {"type": "list", "elements": "str", "default": []},
    "needed": {"type": "dict"},
}
#: The least and the most of each number.
RANGES = {"disk_threshold": (0, 100), "older_than": (0, 87600)}


def check(params: PruneOptions) -> None:
    """Raises StackwrightError (``invalid_options``) with all faults of the options."""
    numbers: Any = params
    wrong = [
        f"{name} must be from {least} to {most}, not {str(numbers[name])[:20]}."
        for name, (least, most) in RANGES.items()
        if not least <= numbers[name] <= most
    ]
    given = params["needed"]
    if given is not None:
        nodes, images = given.get("nodes"), given.get("images")
        if not (isinstance(nodes, list) and isinstance(images, dict) and all(map(_is_list, images.values()))):
            wrong.append("needed must be `needed` from a result of node_prune on a manager.")
    if wrong:
        raise StackwrightError(" ".join(wrong), "invalid_options")


def _is_list(value: object) -> bool:
    return isinstance(value, list)
