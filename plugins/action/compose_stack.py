# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles the Compose files on the controller, then runs the module on a manager: once a cluster."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import platform
from typing import Any, Dict, List, Mapping, Optional

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.options import (
    CHANGES,
    FILES,
    PLATFORM,
    STACK,
    check_ranges,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import ComposeError, Problem, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.election import Outcome, turn
from ansible_collections.stackwright.swarm.plugins.plugin_utils.plain import as_texts, plain

MODULE = "stackwright.swarm.compose_stack"

#: How many notices are shown as warnings; the result holds all of them.
SHOWN_NOTICES = 20


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        # The environment that an option may fall back to is the target's, not this one.
        connection = {name: {**option, "fallback": (None,)} for name, option in CONNECTION.items()}
        spec = {**STACK, **FILES, **PLATFORM, **CHANGES, **connection}
        try:
            options = plain(self.validate_argument_spec(argument_spec=spec)[1])
        except AnsibleError as error:
            result.update(failed=True, msg=str(error), error_code="invalid_options")
            return result
        try:
            check_ranges(options)
            desired = self._compile(options, variables) if options["state"] == "present" else None
            stack = desired["stack"] if desired else _named(options)
            result.update(
                self._run_once_per_cluster(self._arguments(options, stack, desired, variables), stack, variables)
            )
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
            return result
        result.update(stack_id=stack["id"], stack_hash=stack["hash"])
        # The compiler's notices have a place in a file; those of the plan are sentences about the Swarm.
        told = [Problem(notice, code="plan").as_dict() for notice in result.get("notices", [])]
        result["notices"] = (desired["notices"] if desired else []) + told
        if desired:
            result["routes"] = desired["routes"]
        _warn(result)
        return result

    # -- compiling, on the controller

    def _compile(self, options: Mapping[str, Any], variables: Mapping[str, Any]) -> Dict[str, Any]:
        # Here, not above: a play without such a task, or one that only stops or removes, does not pay for it.
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import (
            CompileRequest,
            compile_stack,
        )
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.local_files import LocalFiles
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.sources import SlurpedFiles, sources_of

        def find(path: str) -> str:
            try:
                return str(self._find_needle("files", path))
            except AnsibleError as error:
                raise _not_found(path, str(error)) from None

        def slurp(path: str) -> Mapping[str, Any]:
            return self._execute_module("ansible.legacy.slurp", module_args={"src": path}, task_vars=variables)

        remote = options["remote_src"]
        sources, directory = sources_of(options, find)
        request = CompileRequest(
            sources=sources,
            name=options["name"],
            project=options["project"],
            environment=options["environment"],
            label_prefix=options["label_prefix"],
            variables=as_texts(options["variables"]),
            env_files=[path if remote else find(path) for path in options["env_files"]],
            profiles=options["profiles"],
            project_directory=directory,
            strict=options["strict"],
            apply_ignored_keys=options["apply_ignored_keys"],
            shared_networks=options["shared_networks"],
            platform=options["platform"],
        )
        return compile_stack(request, SlurpedFiles(slurp) if remote else LocalFiles())

    def _arguments(
        self,
        options: Mapping[str, Any],
        stack: Mapping[str, str],
        desired: Optional[Dict[str, Any]],
        variables: Mapping[str, Any],
    ) -> Dict[str, Any]:
        """What the module needs, and no more: variables and files stay on the controller."""
        arguments = {name: options[name] for name in CHANGES}
        # An option that the user did not give is left to the target's own environment.
        given = self._task.args
        arguments.update(
            {
                name: options[name]
                for name, option in CONNECTION.items()
                if any(word in given for word in (name, *option.get("aliases", ())))
            }
        )
        arguments.update(name=stack["name"], label_prefix=options["label_prefix"])
        arguments["compiled"] = {} if desired is None else {"desired": desired}
        arguments["compiled"]["who"] = _who(variables)
        return arguments

    # -- running, on one manager of each cluster

    def _run_once_per_cluster(
        self, arguments: Dict[str, Any], stack: Mapping[str, str], variables: Mapping[str, Any]
    ) -> Dict[str, Any]:
        hosts: List[str] = list(variables.get("ansible_play_batch") or [])
        if len(hosts) < 2 or self._task.run_once:
            return self._module(arguments, variables)
        # A look first, for the cluster's id and for whether there is work at all.
        looked = self._module({**arguments, "compiled": {**arguments["compiled"], "defer": True}}, variables)
        if looked.get("failed") or not looked.get("changed"):
            return looked
        host = variables["inventory_hostname"]
        wanted = {name: value for name, value in arguments.items() if name not in CONNECTION}
        digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        key = "/".join((str(self._task._uuid), stack["name"], looked["cluster_id"]))
        with turn(C.DEFAULT_LOCAL_TMP, key, host) as mine:
            if mine.outcome is not None:
                return _follow(mine.outcome, digest, looked)
            try:
                done = looked if self._task.check_mode else self._module(arguments, variables)
            except AnsibleConnectionFailure:
                mine.settle(Outcome(host, digest, failed=True, error_code="host_unreachable"))
                raise
            failed, code = bool(done.get("failed")), str(done.get("error_code", ""))
            mine.settle(Outcome(host, digest, failed=failed, error_code=code))
            return done

    def _module(self, arguments: Dict[str, Any], variables: Mapping[str, Any]) -> Dict[str, Any]:
        given = {name: value for name, value in arguments.items() if name != "compiled"}
        given["compiled"] = json.dumps(arguments["compiled"], sort_keys=True, separators=(",", ":"))
        result = self._execute_module(MODULE, module_args=given, task_vars=variables)
        # ``deferred`` is between this plugin and the module.
        for name in ("invocation", "deferred"):
            result.pop(name, None)
        return result


def _who(variables: Mapping[str, Any]) -> str:
    """Who asks for the change, for the history: AWX's user, or the one that runs the play and the machine."""
    for name in ("awx_user_name", "tower_user_name"):
        if variables.get(name):
            return str(variables[name])
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        user = str(os.getuid())
    return f"{user}@{platform.node()}"


def _not_found(path: str, searched: str) -> ComposeError:
    places = [line.strip() for line in searched.splitlines() if line.startswith("\t")]
    places[-1:] = [place.split(" on the Ansible Controller")[0] for place in places[-1:]]
    hint = f"searched for {', '.join(dict.fromkeys(places))}; for a file of the manager set remote_src: true"
    problem = Problem("there is no such file on the controller", file=path, hint=hint, code="file_missing")
    return ComposeError([problem])


def _named(options: Mapping[str, Any]) -> Dict[str, str]:
    if not options["name"]:
        raise ComposeError([Problem(f"state {options['state']} needs the stack's name", "name", code="required")])
    stack = Stack.of(options)
    return {"name": stack.full_name, "id": stack.id, "hash": stack.hash}


def _follow(outcome: Outcome, digest: str, looked: Mapping[str, Any]) -> Dict[str, Any]:
    """The result of a manager whose cluster another one has served."""
    if outcome.digest != digest:
        raise StackwrightError(
            f"The hosts of this play want different things of one stack: {outcome.host} has deployed another version.",
            error_code="conflict",
            hint="Let the files and variables of the task be the same for all managers of a cluster.",
        )
    result = {"changed": False, "done_by": outcome.host, "stack": looked["stack"], "cluster_id": looked["cluster_id"]}
    if outcome.failed:
        result.update(
            failed=True,
            error_code=outcome.error_code,
            msg=f"The deployment failed on {outcome.host}, which did this cluster's work; its own result says why.",
        )
    return result


def _warn(result: Dict[str, Any]) -> None:
    shown = result["notices"][:SHOWN_NOTICES]
    warnings = result.setdefault("warnings", [])
    warnings += [str(Problem(**notice)) for notice in shown]
    rest = len(result["notices"]) - len(shown)
    if rest:
        warnings.append(f"{rest} more notices: see 'notices' in the result.")
