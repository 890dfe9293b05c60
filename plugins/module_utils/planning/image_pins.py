# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of a service: the file's, pinned to a digest as with docker's ``--resolve-image``.

``always`` asks the registry for every service, ``changed`` for new services and those whose image in the file has
changed, ``never`` for none. Unlike docker's CLI, it keeps a running image (with its digest) if the registry does not
answer, and restores an image that was changed by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, AbstractSet, List, Mapping, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import is_id
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import IMAGE, labels_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Platform, Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Answer, ServiceEntry, State

ALWAYS, NEVER = "always", "never"


class Choice(NamedTuple):
    """The image to run, and the platforms to request (None: those of the file)."""

    image: str
    platforms: Optional[List[Platform]]
    unpinned: bool  # the registry was asked, and returned no digest
    refused: str = ""  # the error code, if the registry returned a reason


def look_ups(
    desired: State,
    current: Mapping[str, Service],
    mode: str,
    pull_again: AbstractSet[str] = frozenset(),
    steps: AbstractSet[str] = frozenset(),
) -> List[str]:
    """Returns the images whose digests the registry must be asked for, sorted, without duplicates.

    ``pull_again`` are services whose image could not be pulled: the registry is asked for these, too. The image of a
    step of ``pre_start`` is looked up together with that of its service, or if the step runs (``steps``).
    """
    services = {s["key"]: s for s in desired["services"]}

    def asks(service: ServiceEntry) -> bool:
        name = service["name"]
        owner = services.get(service.get("step_of", ""))
        if owner is not None and (_wanted(owner) == _wanted(service) or not (name in steps or asks(owner))):
            return False
        return _asks(service, current.get(name), mode_for(mode, name in pull_again))

    return sorted({_wanted(service) for service in services.values() if asks(service)})


def mode_for(mode: str, pull_again: bool) -> str:
    """Returns the mode for one service: an image that could not be pulled is looked up, except with ``never``."""
    return ALWAYS if pull_again and mode != NEVER else mode


def choose(
    desired: ServiceEntry,
    current: Optional[Service],
    mode: str,
    answers: Mapping[str, Answer],
) -> Choice:
    """Returns the image for one service.

    ``answers`` maps an image to its ``image`` with digest and its ``platforms``, or to ``refused``.
    """
    wanted = _wanted(desired)
    asked = _asks(desired, current, mode)
    answer = answers.get(wanted) or {}
    if asked and "image" in answer:
        return Choice(answer["image"], answer["platforms"], False)
    running = _running(current)
    if current is not None and (running == wanted or without_digest(running) == wanted):
        placement = current["Spec"]["TaskTemplate"].get("Placement") or {}
        return Choice(running, placement.get("Platforms"), False)
    return Choice(wanted, None, asked, str(answer.get("refused") or ""))


def without_digest(image: str) -> str:
    """Returns ``name:tag`` for ``name:tag@sha256:...``."""
    return image.partition("@")[0]


def _asks(desired: ServiceEntry, current: Optional[Service], mode: str) -> bool:
    wanted = _wanted(desired)
    if mode == NEVER or "@" in wanted or is_id(wanted):
        return False
    if mode == ALWAYS or current is None:
        return True
    same_text = labels_of(current).get(IMAGE) == desired["image"]
    return not (same_text and without_digest(_running(current)) == wanted)


def _wanted(desired: ServiceEntry) -> str:
    return str(desired["spec"]["TaskTemplate"]["ContainerSpec"]["Image"])


def _running(current: Optional[Service]) -> str:
    if current is None:
        return ""
    return str((current["Spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("Image") or "")
