# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs on a schedule: asleep (zero completions) in each deployment, awake only in a requested run.

Swarm runs a replicated job when it is created and at each change, unless it has zero completions.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import CRON_RUNS, SCHEDULE

#: The number of runs in a job's label.
KEPT_RUNS = 10

Spec = Mapping[str, object]


def is_scheduled(spec: Spec) -> bool:
    """Whether a ServiceSpec is that of a job on a schedule, with any label prefix."""
    mode: Any = spec.get("Mode") or {}
    return mode.get("ReplicatedJob") is not None and any(label.endswith(SCHEDULE) for label in _labels(spec))


def asleep(spec: Spec) -> Any:
    """Returns a copy of ``spec`` as it is deployed: a job on a schedule does not run."""
    return _with_completions(spec, 0) if is_scheduled(spec) else dict(spec)


def awake(spec: Spec, runs: List[Dict[str, object]]) -> Any:
    """Returns ``spec`` of a job on a schedule so that Swarm runs it; its label records ``runs``, the newest last."""
    mode: Any = spec["Mode"]
    text = json.dumps(runs[-KEPT_RUNS:], sort_keys=True, separators=(",", ":"))
    made = _with_completions(spec, int(mode["ReplicatedJob"].get("MaxConcurrent", 1)) or 1)
    return {**made, "Labels": {**_labels(spec), CRON_RUNS: text}}


def with_runs_of(spec: Spec, live: Spec) -> Any:
    """Returns a copy of ``spec`` with the runs that the running service records, so that a deployment keeps them."""
    text = _labels(live).get(CRON_RUNS)
    if text is None or not is_scheduled(spec):
        return dict(spec)
    return {**spec, "Labels": {**_labels(spec), CRON_RUNS: text}}


def runs_of(labels: Mapping[str, str]) -> List[Dict[str, Any]]:
    """Returns the runs in a label, the newest last; empty if it is invalid."""
    try:
        found = json.loads(labels.get(CRON_RUNS) or "[]")
    except ValueError:
        return []
    return [run for run in found if isinstance(run, dict)] if isinstance(found, list) else []


def _labels(spec: Spec) -> Dict[str, str]:
    found: Any = spec.get("Labels") or {}
    return dict(found)


def _with_completions(spec: Spec, wanted: int) -> Dict[str, Any]:
    mode: Any = spec["Mode"]
    return {**spec, "Mode": {**mode, "ReplicatedJob": {**mode["ReplicatedJob"], "TotalCompletions": wanted}}}
