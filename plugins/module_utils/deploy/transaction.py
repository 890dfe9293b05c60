# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a deployment: compare, and if there are changes, change the stack in one transaction (change.py).

Code for runs with changes is imported in functions: every imported file costs time on a manager.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.look import (
    Wanted,
    from_files,
    from_snapshot,
    look,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.outcome import finish
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.unchanged import unchanged
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.plan_id import check_approved
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Desired, Snapshot

Result = Dict[str, Any]


def deploy_stack(client: EngineClient, clock: Clock, desired: Desired, options: Mapping[str, object]) -> Result:
    """Deploys a DesiredState (``state: present``).

    ``options`` are those of request/options.py, the result is that of outcome.py. Raises EngineError and PlanError if
    nothing was changed, else DeployError: ``details["outcome"]`` has the operations done, failed and not done, and the
    result of the rollback.
    """
    given: Options = with_defaults(
        {**options, "prefix": options.get("prefix") or desired["stack"].get("prefix"), "identity": desired["stack"]}
    )
    given["tell_routes"] = bool(desired.get("routes"))
    if desired.get("part"):
        given["prune"] = False  # the files have more services than this run deploys

    def deploy(hidden: Options) -> Result:
        return reach_target(client, clock, from_files(desired, hidden), hidden)

    if desired.get("values"):
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.kept_values import Values, with_values

        return with_values(deploy, Values(client, clock, desired, given), given)
    if any(entry.get("data") for entry in desired["secrets"]):
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import with_secrets

        return with_secrets(deploy, desired, given)
    return deploy(given)


def deploy_snapshot(client: EngineClient, clock: Clock, stack: str, snapshot: Snapshot, options: Options) -> Result:
    """Deploys the recorded state of a revision, as a new revision; ``options["back_to"]`` is its number.

    Result and errors are those of ``deploy_stack``. Raises DeployError (``value_lost``, ``revision_incomplete``) if
    the Swarm no longer has a value or an object of the revision.
    """
    # The images are those that ran, so no registry is asked.
    given: Options = {**options, "resolve_image": "never", "identity": options["identity"] or snapshot["stack"]}
    if snapshot.get("values"):
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import kept_in

        snapshot = kept_in(snapshot, given["values"])
    what = f"revision {given['back_to']}" if given["back_to"] else f"a revision of {stack}"
    if not snapshot.get("values"):
        return reach_target(client, clock, from_snapshot(snapshot, what, given["rerun_jobs"]), given)
    from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import Pinned, with_pinned

    values = Pinned(client, manager_info(client), snapshot, clock)
    wanted = from_snapshot(snapshot, what, given["rerun_jobs"], values)
    return with_pinned(lambda hidden: reach_target(client, clock, wanted, hidden), values, snapshot, given)


def stop_stack(client: EngineClient, clock: Clock, stack: str, options: Mapping[str, object]) -> Result:
    """Scales the stack to zero and records the replicas in labels (``state: stopped``). Returns and raises as
    ``deploy_stack``."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.end import stop

    return stop(client, clock, stack, with_defaults(options))


def remove_stack(client: EngineClient, clock: Clock, stack: str, options: Mapping[str, object]) -> Result:
    """Removes the stack except its volumes (``state: absent``). Returns and raises as ``deploy_stack``."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.end import remove

    return remove(client, clock, stack, with_defaults(options))


def reach_target(client: EngineClient, clock: Clock, wanted: Wanted, options: Options) -> Result:
    """Brings a stack to the target ``wanted``; ``options`` are complete. Returns and raises as ``deploy_stack``."""
    seen = look(client, wanted, options)
    must_store = wanted.values is not None and wanted.values.controller_must_write(options)
    if seen.plan.changed and (options["check"] or must_store or options["plan_id"] or not seen.plan.work(CHANGE)):
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.closer import whole_plan

        seen = whole_plan(client, wanted, options, seen)
    if options["plan_id"]:
        # The holder of the lock may carry out this same plan: with the lock, we compare again.
        busy = seen.observed["lock"] is not None and not options["check"]
        check_approved(wanted.stack, seen.id, seen.plan.changed and not busy, options)
    if must_store and wanted.values is not None:
        wanted.values.ask_controller()
    if options["check"] or (options["defer"] and seen.plan.changed):
        return finish(client, wanted.stack, seen.observed, seen.plan, options, None, seen.id, drift=seen.drift)
    # A lock although nothing differs: another run is active, or has died. One of several managers must check it.
    if seen.observed["lock"] is not None and options["defer"]:
        return {**finish(client, wanted.stack, seen.observed, seen.plan, options), "changed": True}
    if seen.plan.changed or seen.observed["lock"] is not None:
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.change import change

        return change(client, clock, wanted, seen, options)
    return unchanged(client, clock, wanted.stack, seen, options)
