# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spreads services over the nodes again, after one has come back: one move at a time, each with a gate."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.spread import (
    Gain,
    Spread,
    by_name,
    difference,
    predicted,
    spread,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import detach, with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    MOVING,
    labels_of,
    name_of,
    stack_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import RebalanceOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info, Node, Service

Result = Dict[str, Any]
Item = Mapping[str, Any]
MOST = 5  # moves of one service in a run


class _Seen(NamedTuple):
    nodes: List[Node]
    services: List[Service]
    tasks: List[Any]


def rebalance(client: EngineClient, clock: Clock, given: Mapping[str, object]) -> Result:
    """Moves tasks of services one by one, as long as that spreads them more evenly.

    ``given``: ``services`` and ``stacks`` (patterns; empty for all), ``dip`` (``forbid`` or ``allow``), ``timeout``
    (seconds without progress of one move), and those of a run.
    Raises EngineError, and DeployError if a move fails, with the result so far in its details.
    """
    options: RebalanceOptions = with_defaults(given)
    info = manager_info(client)
    seen = _look(client)
    first = _judge(seen, options)
    planned = _planned(seen, options)
    result = _result(info, seen, first, planned)
    left = any(MOVING in labels_of(service) for service in seen.services)
    result["changed"] = bool(planned) or left
    if options["check"] or options["defer"] or not result["changed"]:
        return {**result, "calls": client.calls}
    detach(options)
    done: List[Gain] = []
    own: RebalanceOptions = {
        **options,
        "wait": True,
        "check": False,
        "defer": False,
        "detach": None,
        "commit_message": "rebalanced",
    }
    try:
        from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.relocate import settle

        if settle(client, clock, seen.services, own):
            seen = patiently(clock, lambda: _look(client))
        while True:
            found = _judge(seen, options, done)
            if not found.gains:
                break
            _move(client, clock, seen, found.gains[0], own)
            done.append(found.gains[0])
            seen = patiently(clock, lambda: _look(client))
    except StackwrightError as error:
        error.details.setdefault("moved", [gain.service for gain in done])
        error.details.setdefault("changed", bool(done))
        raise
    last = _judge(seen, options)
    now = _result(info, seen, last, done)
    return {**now, "changed": True, "before": result["before"], "after": now["before"], "calls": client.calls}


def _look(client: EngineClient) -> _Seen:
    return _Seen(client.list("/nodes"), client.list("/services"), client.list("/tasks"))


def _judge(seen: _Seen, options: RebalanceOptions, done: Sequence[Gain] = ()) -> Spread:
    # The scheduler may not act as predicted: a limit ends the moves.
    exhausted = {gain.service for gain in done if sum(other.service == gain.service for other in done) >= MOST}

    def wanted(service: Service) -> bool:
        return (
            name_of(service) not in exhausted
            and _fits(name_of(service), options["services"])
            and _fits(stack_of(service), options["stacks"])
        )

    return spread(seen.nodes, seen.services, seen.tasks, options["dip"] == "allow", wanted)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, str(pattern)) for pattern in patterns)


def _planned(seen: _Seen, options: RebalanceOptions) -> List[Gain]:
    """Returns all moves, as predicted from one snapshot."""
    services = {name_of(service): service for service in seen.services}
    done: List[Gain] = []
    while True:
        found = _judge(seen, options, done)
        if not found.gains:
            return done
        gain = found.gains[0]
        done.append(gain)
        seen = seen._replace(tasks=predicted(seen.tasks, services[gain.service], gain))


def _move(client: EngineClient, clock: Clock, seen: _Seen, gain: Gain, options: RebalanceOptions) -> None:
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.relocate import even_out, move_away

    live = next(service for service in seen.services if name_of(service) == gain.service)
    if options["progress"]:
        options["progress"](f"move {_line(gain, seen)}")
    if gain.away:
        move_away(client, clock, [live], gain.away, options)
    else:
        even_out(client, clock, live, options)


def _line(gain: Gain, seen: _Seen) -> str:
    before, after = (by_name(found, seen.nodes) for found in (gain.before, gain.after))
    names = sorted(name for name in {*before, *after} if before.get(name, 0) != after.get(name, 0))
    moves = ", ".join(f"{name} {before.get(name, 0)} → {after.get(name, 0)}" for name in names)
    return f"service {gain.service}: {moves or 'the same nodes'}"


def _result(info: Info, seen: _Seen, found: Spread, gains: List[Gain]) -> Result:
    cluster = (info.get("Swarm") or {}).get("Cluster") or {}
    totals = by_name(found.totals, seen.nodes)
    after = dict(found.totals)
    for gain in gains:
        for node in {*gain.before, *gain.after}:
            after[node] = after.get(node, 0) - gain.before.get(node, 0) + gain.after.get(node, 0)
    return {
        "changed": bool(gains),
        "before": {"tasks": totals, "difference": difference(found.totals)},
        "after": {"tasks": by_name(after, seen.nodes), "difference": difference(after)},
        "moved": sorted({gain.service for gain in gains}),
        "kept": dict(sorted(found.kept.items())),
        "plan_lines": [f"move {_line(gain, seen)}" for gain in gains],
        "cluster_id": str(cluster.get("ID") or ""),
        "node": str(info.get("Name") or ""),
    }
