# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a deployment: look, and if there is work, change the stack in one transaction (change.py).

Code for runs with changes is imported where it is used: every file costs time on a manager.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.look import (
    Wanted,
    from_files,
    from_snapshot,
    make_plan,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.outcome import finish
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.unchanged import unchanged
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.plan_id import check_approved
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults

Result = Dict[str, Any]
Options = Mapping[str, Any]


def deploy_stack(client: EngineClient, clock: Any, desired: Mapping[str, Any], options: Options) -> Result:
    """Brings the stack of a DesiredState to run (``state: present``).

    ``clock`` has ``now()``, ``wall()`` and ``sleep(seconds)``; ``options`` as in request/options.py; the result as in
    outcome.py. Raises EngineError and PlanError (nothing was changed), and DeployError (``details["outcome"]`` says how
    far it came, and what became of it).
    """
    if desired.get("values") and "binder" not in options:
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.kept_values import with_values

        return with_values(deploy_stack, client, clock, desired, options)
    if "binder" not in options and any(entry.get("data") for entry in desired["secrets"]):
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import with_secrets

        return with_secrets(deploy_stack, client, clock, desired, options)
    given = with_defaults(
        {**options, "prefix": options.get("prefix") or desired["stack"].get("prefix"), "identity": desired["stack"]}
    )
    given["tell_routes"] = bool(desired.get("routes"))
    if desired.get("part"):
        given["prune"] = False  # the files have more services than this run deploys
    return bring_about(client, clock, from_files(desired, given), given)


def deploy_snapshot(
    client: EngineClient, clock: Any, stack: str, snapshot: Mapping[str, Any], options: Options
) -> Result:
    """Deploys the recorded state of a revision, as a new revision; ``options["back_to"]`` is its number.

    Result and errors as ``deploy_stack``; DeployError (``value_lost``, ``revision_incomplete``) where there is no way.
    """
    prefix = options.get("prefix") or snapshot["stack"].get("prefix")
    # The images are those that ran, so no registry is asked.
    identity = options.get("identity") or snapshot["stack"]
    given = with_defaults({**options, "prefix": prefix, "resolve_image": "never", "identity": identity})
    if snapshot.get("values"):
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import kept_in

        snapshot = kept_in(snapshot, given["values"])
    wanted = from_snapshot(
        snapshot,
        f"revision {given['back_to']}" if given["back_to"] else f"a revision of {stack}",
        given["rerun_jobs"],
    )
    if not snapshot.get("values"):
        return bring_about(client, clock, wanted, given)
    from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import with_pinned

    def story(hidden: Options) -> Result:
        return bring_about(client, clock, wanted, hidden)

    return with_pinned(story, client, clock, manager_info(client), snapshot, given)


def stop_stack(client: EngineClient, clock: Any, stack: str, options: Options) -> Result:
    """Scales the stack to zero and remembers the counts (``state: stopped``). Result and errors as ``deploy_stack``."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.end import stop

    return stop(client, clock, stack, with_defaults(options))


def remove_stack(client: EngineClient, clock: Any, stack: str, options: Options) -> Result:
    """Removes the stack except its volumes (``state: absent``); the result is that of ``deploy_stack``."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.end import remove

    return remove(client, clock, stack, with_defaults(options))


def bring_about(client: EngineClient, clock: Any, wanted: Wanted, options: Options) -> Result:
    """Brings a stack to its target; ``options`` are complete. Result and errors as ``deploy_stack``."""
    planned = make_plan(client, wanted, options)
    if options["plan_id"]:
        # The holder of the lock may carry out this same plan: the rest is evaluated when we have the lock.
        busy = planned.observed["lock"] is not None and not options["check"]
        check_approved(wanted.stack, planned.id, planned.plan.changed and not busy, options)
    if options["check"] or (options["defer"] and planned.plan.changed):
        return finish(
            client, wanted.stack, planned.observed, planned.plan, options, None, planned.id, drift=planned.drift
        )
    # A lock without work for us: another run is active, or has died. One of several managers must check it.
    if planned.observed["lock"] is not None and options["defer"]:
        return {**finish(client, wanted.stack, planned.observed, planned.plan, options), "changed": True}
    if planned.plan.changed or planned.observed["lock"] is not None:
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.change import change

        return change(client, clock, wanted, planned, options)
    return unchanged(client, clock, wanted.stack, planned, options)
