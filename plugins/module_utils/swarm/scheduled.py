# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs on a schedule: asleep (no completions wanted) in all that is deployed, awake only in a run that is asked for.

Swarm runs a replicated job at its creation and with each change, except if it wants no completions.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import CRON_RUNS, SCHEDULE

#: Runs that the label of a job remembers.
KEPT_RUNS = 10

Spec = Mapping[str, Any]


def is_scheduled(spec: Spec) -> bool:
    """Whether a ServiceSpec is of a job on a schedule, whatever the prefix of its labels is."""
    if (spec.get("Mode") or {}).get("ReplicatedJob") is None:
        return False
    return any(label.endswith(SCHEDULE) for label in spec.get("Labels") or ())


def asleep(spec: Spec) -> Spec:
    """``spec`` as it is deployed: a job on a schedule does not run. Any other is returned as it is."""
    return _with_completions(spec, 0) if is_scheduled(spec) else spec


def awake(spec: Spec, runs: List[Dict[str, object]]) -> Any:
    """``spec`` of a job on a schedule so that Swarm runs it; ``runs`` are remembered, the newest last."""
    wanted = int(spec["Mode"]["ReplicatedJob"].get("MaxConcurrent", 1)) or 1
    text = json.dumps(runs[-KEPT_RUNS:], sort_keys=True, separators=(",", ":"))
    made = _with_completions(spec, wanted)
    return {**made, "Labels": {**spec["Labels"], CRON_RUNS: text}}


def with_runs_of(spec: Spec, live: Spec) -> Spec:
    """``spec`` with the runs that the live service remembers, so that a deployment forgets none."""
    text = (live.get("Labels") or {}).get(CRON_RUNS)
    if text is None or not is_scheduled(spec):
        return spec
    return {**spec, "Labels": {**(spec.get("Labels") or {}), CRON_RUNS: text}}


def runs_of(labels: Mapping[str, str]) -> List[Dict[str, Any]]:
    """The runs that a label remembers, the newest last; what is no list of runs is none."""
    try:
        found = json.loads(labels.get(CRON_RUNS) or "[]")
    except ValueError:
        return []
    return [run for run in found if isinstance(run, dict)] if isinstance(found, list) else []


def _with_completions(spec: Spec, wanted: int) -> Dict[str, Any]:
    job = {**spec["Mode"]["ReplicatedJob"], "TotalCompletions": wanted}
    return {**spec, "Mode": {**spec["Mode"], "ReplicatedJob": job}}
