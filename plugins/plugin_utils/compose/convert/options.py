# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the caller of a conversion decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Keys that ``docker stack deploy`` takes and ignores, although Swarm can do what they say.
IGNORED_BY_DOCKER = frozenset(
    {
        "container_name",
        "links",
        "network_mode",
        "oom_score_adj",
        "security_opt",
        "shm_size",
        "tmpfs",
        "tmpfs.mode",
        "volume.labels",
    }
)


@dataclass(frozen=True)
class ConvertOptions:
    """The options of convert().

    ``home`` is what a leading ``~`` of a bind's source stands for. ``apply_ignored`` names the keys of
    IGNORED_BY_DOCKER that take effect: an empty set gives exactly what ``docker stack deploy`` makes.
    ``generic_resources`` maps a device driver or capability (``nvidia``, ``gpu``) to the kind that the nodes advertise.
    """

    home: str = "/root"
    apply_ignored: frozenset[str] = IGNORED_BY_DOCKER
    generic_resources: Mapping[str, str] = field(default_factory=dict)
