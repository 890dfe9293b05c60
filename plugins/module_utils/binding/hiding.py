# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hides the content of secrets. A container may log it, and errors show the last log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import LOST
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.scrub import scrubber
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Mask
from ansible_collections.stackwright.swarm.plugins.module_utils.values.spec_places import is_within, places_in

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Snapshot, State

Data = Mapping[str, Any]
#: Parts of a result that are never scrubbed: identifiers and facts of the Swarm.
PLAIN = ("stack", "cluster_id", "node", "calls", "changed", "deferred", "status", "plan_id", "kept_values")


def contents(desired: State) -> List[str]:
    """Returns the contents of the secrets of a DesiredState as text."""
    import base64

    found = [entry.get("data") for entry in desired["secrets"]]
    return [base64.b64decode(data).decode("utf-8", "surrogateescape") for data in found if data]


def scrubbed(error: StackwrightError, scrub: Callable[[Any], Any]) -> StackwrightError:
    """Applies ``scrub`` to the texts and details of an error, and returns the error."""
    error.message, error.hint, error.details = scrub(error.message), scrub(error.hint), scrub(error.details)
    error.args = (error.message,)
    return error


def with_secrets(story: Callable[[Options], Dict[str, object]], desired: State, options: Options) -> Dict[str, Any]:
    """Runs ``story(options)`` for a stack without kept values.

    Removes the contents of secrets from errors and progress lines. A plan never has them.
    """
    progress = options["progress"]

    def scrub(data: object) -> Any:
        return scrubber(contents(desired))(data)

    try:
        return story({**options, "scrub": scrub, "progress": progress and (lambda line: progress(scrub(line)))})
    except StackwrightError as error:
        raise scrubbed(error, scrub) from None


def hiding(snapshot: Snapshot, scrub: Callable[[object], object], mask: Mask) -> Mask:
    """Returns a mask that also hides kept values, and every field in which ``snapshot`` refers to one."""
    places: Dict[Tuple[str, str], Set[str]] = {}
    if snapshot.get("values"):
        parts: Any = snapshot
        for kind in ("network", "config", "secret", "service"):
            for entry in parts[kind + "s"]:
                if entry["spec"]:
                    places[kind, entry["key"]] = places_in(kind, entry["spec"])

    def masked(kind: str, key: str, path: str, value: object) -> Any:
        if value is None:
            return None
        if is_within(path, places.get((kind, key)) or ()) or (isinstance(value, str) and LOST in value):
            return HIDDEN
        return mask(kind, key, path, scrub(_without_lost(value)))

    return masked


def _without_lost(value: object) -> Any:
    """Hides texts with the marker of an unknown value (``LOST``)."""
    if isinstance(value, str):
        return HIDDEN if LOST in value else value
    if isinstance(value, dict):
        return {name: _without_lost(item) for name, item in value.items()}
    return [_without_lost(item) for item in value] if isinstance(value, list) else value
