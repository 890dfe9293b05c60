# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The id of a plan: HASH-WWWWWWWWSSSSSSSS, for the stack, the desired state, and the current state.

A run carries out an approved plan only if both states are still the same. The two halves show which of them has
changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, labels_of, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import stack_hash

if TYPE_CHECKING:
    from typing import Literal, Tuple

    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Answer,
        Objects,
        Observed,
        State,
    )

HALF = 8  # letters
OBJECTS: Tuple[Objects, ...] = ("networks", "configs", "secrets")
FORM = re.compile(r"([a-z2-7]{8})-([0-9a-f]{8})([0-9a-f]{8})\Z")
#: Options that decide what a plan does.
DECISIVE = ("prune", "recreate", "adopt_secrets", "resolve_image", "rerun_jobs")
#: Newer options: they only count if they are set, so that a plan without them keeps its id.
DECISIVE_WHERE_GIVEN: Tuple[Literal["restart"], ...] = ("restart",)


def plan_id(stack: str, wanted: object, observed: Observed) -> str:
    """Returns the id of the plan that leads the stack (its full name) from ``observed`` to ``wanted`` (plain data).

    It is keyed with the cluster's key if ``observed`` has it, so that no one can guess values of secrets with it.
    """
    key = observed.get("key")
    return f"{stack_hash(stack)}-{_half(wanted, key)}{_half(_seen(stack, observed), key)}"


def plan_inputs(desired: State, options: Options, images: Mapping[str, Answer], key: Optional[str]) -> Dict[str, Any]:
    """Returns what a plan to ``desired`` (a DesiredState or a snapshot) depends on besides the Swarm.

    ``images`` are the registry's answers.
    """
    return {
        "networks": [[entry["name"], entry["external"], entry["spec"]] for entry in desired["networks"]],
        "configs": [
            [entry["name"], entry["external"], entry["spec"], entry.get("data")] for entry in desired["configs"]
        ],
        # Without the key of the cluster, a digest would confirm a guessed value.
        "secrets": [
            [entry["name"], entry["external"], entry["spec"], entry.get("data") if key else None]
            for entry in desired["secrets"]
        ],
        "services": [
            [entry["name"], entry["image"], entry["spec"], *([entry["leave"]] if entry.get("leave") else [])]
            for entry in desired["services"]
        ],
        "waves": desired.get("waves") or [],
        "images": {image: answer.get("image") for image, answer in images.items()},
        "options": {
            **{name: options.get(name) for name in DECISIVE},
            **{name: list(options[name]) for name in DECISIVE_WHERE_GIVEN if options.get(name)},
            **({"recreate_volumes": desired["recreate_volumes"]} if desired.get("recreate_volumes") else {}),
        },
    }


def check_plan_id(given: str, current: str, stack: str) -> None:
    """Raises PlanError unless ``given`` is ``current``: ``plan_of_another_stack`` or ``plan_stale``."""
    if given == current:
        return
    check_stack(given, stack)
    _hash, *was = _parts(given, stack)
    _hash, *now = _parts(current, stack)
    moved = []
    if was[0] != now[0]:
        moved.append("the desired state (files, variables, options, or the registry's image digests)")
    if was[1] != now[1]:
        moved.append("the stack in the Swarm")
    raise PlanError(
        f"The plan {given} of the stack {stack} is out of date: {' and '.join(moved)} changed since then.",
        "plan_stale",
        f"Review the new plan in check mode, and pass its plan_id (now {current}). Nothing was changed.",
        {"plan_id": current},
    )


def check_stack(given: str, stack: str) -> None:
    """Raises PlanError (``plan_of_another_stack``) if ``given`` is not the id of a plan of this stack."""
    if _parts(given, stack)[0] != stack_hash(stack):
        raise PlanError(
            f"The plan {given} belongs to another stack than {stack}.",
            "plan_of_another_stack",
            "Pass the plan_id that check mode returned for this stack. Nothing was changed.",
        )


def _parts(given: str, stack: str) -> Any:
    found = FORM.match(given)
    if found is None:
        raise PlanError(
            f"{given!r} is not a valid plan_id.",
            "plan_of_another_stack",
            f"Pass the plan_id that check mode returned for the stack {stack}. Nothing was changed.",
        )
    return found.groups()


def _seen(stack: str, observed: Observed) -> Any:
    """Returns the current state of the stack as the Engine has it, without counts, versions and times."""
    seen: List[List[Any]] = []
    for service in observed["services"]:
        if stack_of(service) == stack:
            seen.append(["services", name_of(service), id_of(service), service["Spec"]])
    for kind in OBJECTS:
        for obj in observed[kind]:
            if stack_of(obj) == stack:
                seen.append([kind, name_of(obj), id_of(obj), labels_of(obj)])
    return sorted(seen, key=lambda item: item[:3])


def _half(data: object, key: Optional[str]) -> str:
    text = json.dumps(data, sort_keys=True).encode()
    if not key:
        return hashlib.sha256(text).hexdigest()[:HALF]
    import hmac

    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:HALF]


def check_approved(stack: str, current: str, changed: bool, options: Options) -> None:
    """Raises PlanError (``plan_stale``, ``plan_of_another_stack``) if the options require another plan.

    Without changes, any plan of the stack is accepted. A run that only checks for changes (``defer``) does not refuse
    either: another manager may be carrying out this very plan at the moment.
    """
    given = options["plan_id"]
    if not given:
        return
    if changed and (options["check"] or not options["defer"]):
        check_plan_id(given, current, stack)
    else:
        check_stack(given, stack)
