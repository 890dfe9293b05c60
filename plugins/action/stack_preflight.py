# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a preflight on every host of the play: each checks its node, one manager checks the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import (
    FILES,
    PLATFORM,
    PREFLIGHT,
    STACK,
    check_ranges,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.preflight import (
    ALL,
    CLUSTER,
    LOOK,
    NODE,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import wanted_volumes
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    WARNING,
    Finding,
    finding,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.node_questions import is_asked, unchecked
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.trim import needs_vips, trimmed
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import Result
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import Meeting
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting_action import MeetingAction, served_nodes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.preflighted import note
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.verdict import (
    BAD,
    code_of,
    codes_of,
    counted,
    joined_parts,
    judged,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import State
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

#: Fields that the result takes from the joined parts.
KEPT = ("node", "cluster_id", "cluster", "calls", "done_by")


class ActionModule(MeetingAction):
    module = "stackwright.swarm.stack_preflight"
    required = ()
    alone = "The ports and paths that the stack needs on this node are not checked."

    def act(self, result: Dict[str, Any], variables: Variables) -> Dict[str, Any]:
        self._volumes: Dict[str, Any] = {}
        try:
            options = self.checked({**STACK, **FILES, **PLATFORM, **PREFLIGHT})
            check_ranges(options)
            desired = self._desired(options, variables)
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
            return result
        identity = desired["stack"] if desired else Stack.of(options).data if options["name"] else None
        self._handed = {"desired": desired, "identity": identity, "vips": needs_vips(desired) if desired else True}
        self._handed["volumes"] = self._volumes
        self._variables = variables
        self._arguments = {name: options[name] for name in PREFLIGHT}
        self._arguments.update(self.connection_arguments(options))
        stack = desired["stack"] if desired else {"name": ""}
        with self.meeting(stack["name"], variables) as meeting:
            self._node = ""
            self._own: List[Finding] = []
            self._stops: Dict[str, List[str]] = {}
            try:
                done = self._all_parts(meeting, stack["name"])
            except StackwrightError as error:
                done = {"failed": True, "msg": str(error), "error_code": error.error_code}
            except AnsibleConnectionFailure as error:
                done = {"unreachable": True, "msg": str(error)}
            cluster = str(done.get("cluster_id") or "")
            codes = codes_of(self._own)
            served = served_nodes(meeting, self.expected(variables), self._node, cluster=cluster, codes=codes)
            others = [seat for seat in self.wait_for_others(meeting, variables) if seat.host != meeting.host]
            if served is not None:
                done["unchecked"] = sorted(
                    name for cluster in meeting.clusters() for name in unchecked(cluster["facts"], served)
                )
        result.update(changed=False)
        if desired:
            result.update(stack=stack["name"], stack_id=stack["id"], stack_hash=stack["hash"])
        if done.get("failed") or done.get("unreachable"):
            result.update(done)
            return result
        result.update({name: done[name] for name in (*KEPT, "unchecked") if done.get(name) not in (None, "")})
        stops = [(str(done.get("done_by") or ""), "the Swarm", self._stops)]
        stops += [
            (seat.host, f"the node of {seat.host}", seat.facts["codes"])
            for seat in others
            if cluster and seat.facts.get("cluster") == cluster and seat.facts.get("codes")
        ]
        judged(result, done["findings"], options["fail_on"])
        _stopped(result, stops, options["fail_on"])
        if cluster:
            code = result["error_code"] if result.get("failed") else ""
            by = str(result.get("stopped_by") or "")
            note(C.DEFAULT_LOCAL_TMP, variables["inventory_hostname"], cluster, stack["name"], code, by)
        return result

    def _desired(self, options: Mapping[str, object], variables: Variables) -> Optional[State]:
        """Returns the desired state of the files, without secrets; None without files."""
        if options["name"]:
            Stack.of(options)  # an invalid name is reported before files are read
        if not options["src"] and options["definition"] is None:
            return None
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.task_files import compile_files

        desired: Any = compile_files(self, options, variables)
        self._volumes = wanted_volumes(desired)
        return trimmed(desired)

    def _all_parts(self, meeting: Meeting, stack: str) -> Result:
        alone = self._task.run_once or len(self._variables.get("ansible_play_batch") or ()) < 2
        looked = self._part(ALL if alone else LOOK, self._handed if alone else {"vips": self._handed["vips"]})
        if looked.get("failed") or not looked["node_id"]:
            return looked
        if "facts" in looked:
            meeting.publish(looked["cluster_id"], {**_published(looked), "host": meeting.host})
            self._node = looked["node_id"] if looked["local"] else ""
            return looked
        own = {name: looked[name] for name in ("node", "node_id", "local")}
        given = {"api_version": looked["api"]} if looked["api"] and "api_version" not in self._arguments else {}

        def work() -> Result:
            done = self._part(CLUSTER, {**self._handed, "own": own}, given)
            if "facts" not in done and not done.get("failed"):
                # Another manager may do this part.
                done.update(broken=True, failed=True, error_code="host_unreachable")
            return done

        try:
            if looked["manager"]:
                done = self.elected(meeting, stack, looked["cluster_id"], work, _published, _served, self._variables)
            else:
                done = _served(self.wait_for_manager(meeting, looked, self._variables))
        except StackwrightError as error:
            lost = finding(WARNING, error.error_code, error.message, error.hint, node=looked["node"])
            return joined_parts(looked, {"findings": [lost]})
        self._stops = done.pop("stops", {})
        if done.get("failed") and not done.pop("broken", False):
            return done
        done.pop("failed", None)
        facts = done.get("facts", {}).get(looked["node_id"])
        mine: Result = {"findings": []}
        if "done_by" in done and facts and is_asked(facts) and looked["local"]:
            needed = {item["base"] for item in facts.get("volumes") or ()}
            volumes = {base: driver for base, driver in self._volumes.items() if base in needed}
            mine = self._part(NODE, {"facts": facts, "own": own, "volumes": volumes}, given)
            if mine.get("failed"):
                return mine
        self._node = looked["node_id"] if looked["local"] and facts else ""
        self._own = [*looked["findings"], *mine["findings"]]
        return joined_parts(looked, done, mine)

    def _part(self, part: str, handed: Mapping[str, object], given: Optional[Mapping[str, object]] = None) -> Result:
        return self._call({**self._arguments, **(given or {})}, {**handed, "part": part}, self._variables)


def _published(done: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns the data that a manager publishes for the other hosts."""
    facts = done.get("facts") or {}
    return {"nodes": sorted(facts), "facts": facts, "codes": codes_of(done["findings"]) if facts else {}}


def _served(cluster: Mapping[str, object]) -> Result:
    """Returns the result of the cluster-wide part for a host, after another host did that part."""
    return {
        "findings": [],
        "facts": cluster["facts"],
        "stops": cluster["codes"],
        "done_by": cluster["host"],
        "cluster_id": cluster["cluster_id"],
    }


def _stopped(result: Result, stops: Sequence[Tuple[str, str, Mapping[str, List[str]]]], fail_on: str) -> None:
    """Fails the result if other hosts of its cluster have findings.

    ``stops`` has for each the host, the subject, and codes by level.
    """
    for host, about, codes in stops:
        if codes.get(ERROR):
            result["ok"] = False
        bad = [code for level in BAD[fail_on] for code in codes.get(level, [])]
        if bad and not result.get("failed"):
            text = f"{counted(len(bad))} on {about}: {', '.join(sorted(set(bad)))}. See the result of {host}."
            result.update(failed=True, error_code=code_of(bad), msg=text, stopped_by=host)
