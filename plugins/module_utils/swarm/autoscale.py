# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The label of an autoscaled service: the bounds of its number of replicas."""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import AUTOSCALE, ours_in

_BOUNDS = re.compile(r"\s*([1-9][0-9]{0,4})\s*-\s*([1-9][0-9]{0,4})\s*\Z")


class Bounds(NamedTuple):
    """The lowest and the highest number of replicas."""

    low: int
    high: int

    def nearest(self, replicas: int) -> int:
        """Returns the number within the bounds that is nearest to ``replicas``."""
        return max(self.low, min(self.high, replicas))


def replicas_in(spec: Mapping[str, object]) -> Optional[int]:
    """Returns the number of replicas of a ServiceSpec, None if it is not replicated."""
    mode = spec.get("Mode")
    replicated = mode.get("Replicated") if isinstance(mode, dict) else None
    return int(replicated.get("Replicas") or 0) if isinstance(replicated, dict) else None


def bounds_of(labels: Mapping[str, str], prefix: str, what: str) -> Optional[Bounds]:
    """Returns the bounds that the labels of a service set, None if it is not autoscaled.

    Raises StackwrightError (``invalid_options``) for an invalid label; ``what`` names the service.
    """
    text = ours_in(labels, prefix, AUTOSCALE)
    if not text:
        return None
    match = _BOUNDS.match(text)
    bounds = Bounds(*map(int, match.groups())) if match else None
    if bounds is None or bounds.low > bounds.high:
        raise StackwrightError(
            f"{what}: the label {prefix}{AUTOSCALE} {text[:40]!r} is not valid.",
            "invalid_options",
            "Write the lowest and the highest number of replicas, such as 2-10.",
        )
    return bounds
