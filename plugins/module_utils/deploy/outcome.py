# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a run, as plain data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import Judgement, warnings_of, worst
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.secret_text import masked_text
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import leaves
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import (
    Operation,
    Plan,
    friendly,
    in_units,
    masked,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import IGNORE
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import ROUTE_BOOK, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import show_references

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

LARGEST = 100_000  # bytes of a config that a diff shows


def finish(
    client: EngineClient,
    stack: str,
    observed: Observed,
    plan: Plan,
    options: Options,
    judgements: Optional[Sequence[Judgement]] = None,
    plan_id: str = "",
    revision: int = 0,
    drift: Sequence[Mapping[str, object]] = (),
) -> Dict[str, Any]:
    """Returns the result: changed, deferred, plan, plan_id, kept, diff, notices, calls, stack, cluster_id, node.

    With ``judgements`` also ``services`` and ``status``, after a change ``revision``. If the run checked for drift,
    ``drift`` has the part that the plan overwrites.
    """
    work = plan.work()
    info = observed["info"]
    result: Dict[str, Any] = {
        "changed": plan.changed,
        "deferred": bool(options["defer"] and plan.changed),
        "stack": stack,
        "plan": [operation.as_dict() for operation in work],
        "plan_lines": [str(operation) for operation in work],
        "plan_id": plan_id,
        "kept": len(plan.operations) - len(work),
        "diff": diff(work, options),
        "notices": list(plan.notices),
        "calls": client.calls,
        "cluster_id": str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or ""),
        "node": str(info.get("Name") or ""),
    }
    if judgements is not None:
        result["services"] = [judgement.as_dict() for judgement in judgements]
        result["status"] = worst(judgement.status for judgement in judgements)
        # A run that does not wait does not expect all tasks to run.
        result["notices"] += warnings_of(judgements) if options["wait"] else []
    if options["on_drift"] != IGNORE:
        result["drift"] = list(drift)
    if revision:
        result["revision"] = revision
    if options["tell_routes"] and any(name_of(secret) == ROUTE_BOOK for secret in observed["secrets"]):
        from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.route_book import read_deployment_facts

        result["routing"] = read_deployment_facts(client, stack, observed, options)
    return result


def diff(work: Sequence[Operation], options: Optional[Options] = None) -> Dict[str, str]:
    """Returns the changes as text before and after, one section per object; with a deployment's ``options`` also all
    fields of new services, and with ``diff_configs`` the content of configs. It never has data of secrets."""
    mask = options["mask"] if options else None
    before: List[str] = []
    after: List[str] = []
    for operation in work:
        title = f"{operation.kind} {operation.name}"
        if operation.action != "create":
            before.append(title)
        if operation.action != "remove":
            after.append(title)
        if operation.action == "create":
            after += [f"  {operation.reason}"] if operation.reason else []
        changes = list(operation.changes)
        if operation.action == "create" and operation.kind == "service" and mask:
            spec = operation.payload.get("spec") or {}
            changes = list(masked(replace(operation, changes=tuple(leaves(_normal(spec)))), mask).changes)
        if operation.kind == "config" and options and options["diff_configs"] and operation.payload.get("data"):
            before += _content(operation.payload.get("was"), options)
            after += _content(operation.payload["data"], options)
        for change in changes:
            if change.before is not None:
                before.append(f"  {friendly(change.path)}: {_text(in_units(change.path, change.before))}")
            if change.after is not None:
                after.append(f"  {friendly(change.path)}: {_text(in_units(change.path, change.after))}")
    return {"before": "".join(f"{line}\n" for line in before), "after": "".join(f"{line}\n" for line in after)}


def _normal(spec: Mapping[str, object]) -> Any:
    normal: Any = normalise.service(spec)
    normal.pop("Name", None)
    return normal


def _content(data: Optional[str], options: Options) -> List[str]:
    """Returns the lines of a config, without texts that look like a secret and without values of the stack."""
    import base64

    if not data:
        return []
    raw = base64.b64decode(data)
    try:
        text = show_references(raw.decode()) if len(raw) <= LARGEST else ""
    except UnicodeDecodeError:
        text = ""
    if not text or "\0" in text:
        return [f"  content: {len(raw)} bytes"]
    return ["  content:", *(f"    {line}" for line in masked_text(str(options["scrub"](text))).splitlines())]


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.replace("\n", "\n    ")
    import json

    return json.dumps(value, sort_keys=True, ensure_ascii=False)
