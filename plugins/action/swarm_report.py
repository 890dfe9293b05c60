# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a report of the Swarms of a play: asks a manager of each cluster, and renders on the controller."""

from __future__ import annotations

import base64
import json
import os
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Sequence

from ansible.errors import AnsibleConnectionFailure

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.report_options import REPORT
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction, names_in
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.defaults import connection_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.other_hosts import at_once
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.figures import when
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.markdown import markdown
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.model import report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.page import page
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.on_hosts import Hosts

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import Service

#: Seconds for the answers of all hosts, which are asked at the same time.
SECONDS = 600.0
#: Error codes of hosts that are not managers. They may be workers, so they are not reported as missing.
NO_MANAGER = ("not_a_manager", "not_in_swarm", "no_swarm")
#: Log lines to read of each failing service, and the number of stacks whose logs are read.
LINES, MOST_LOGS = 20, 10
SECTIONS = ("cluster", "nodes", "services", "tasks_by_node", "networks", "configs", "secrets")


class ActionModule(ClusterAction):
    #: One report for all hosts.
    BYPASS_HOST_LOOP = True
    module = "stackwright.swarm.swarm_report"

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked(REPORT)
            time = options["time"] or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            if when(time) is None:
                raise StackwrightError(
                    f"'{time}' is not a valid time.", "invalid_options", "Write it as 2026-11-29T12:00:00Z."
                )
            audit = self._read(options["audit"]) if options["audit"] else None
            reader = _Reader(self, variables, options["label_prefix"], options["drift"], options["usage"])
            clusters, unanswered = reader.everything()
            made = report(options["title"], time, clusters, unanswered, audit)
            text = RENDER[options["format"]](made)
            result.update(changed=self._written(options["dest"], text), dest=options["dest"], bytes=len(text.encode()))
            result["unanswered"] = unanswered
            result["clusters"] = [
                {"host": one["name"], "cluster_id": one["cluster"]["id"], "problems": len(one["problems"])}
                for one in made["clusters"]
            ]
            result["warnings"] = [f"{one['host']} did not answer: {one['msg']}" for one in unanswered]
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result

    @staticmethod
    def _read(audit: str) -> str:
        try:
            return Path(audit).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise StackwrightError(
                f"The audit {audit} can't be read: {error.strerror}.",
                "audit_unreadable",
                "Name a file of the callback.",
            ) from None

    def _written(self, dest: str, text: str) -> bool:
        """Writes the report if it differs. Returns whether the file has changed, or would change in check mode."""
        path, data = Path(dest), text.encode()
        try:
            if path.exists() and path.read_bytes() == data:
                return False
            if not self._task.check_mode:
                # A new name each time, and never through a link: other users and reports may write into the folder.
                part = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
                try:
                    with part.open("xb") as file:
                        file.write(data)
                    os.replace(part, path)
                finally:
                    part.unlink(missing_ok=True)
        except OSError as error:
            raise StackwrightError(
                f"The report {dest} can't be written: {error.strerror}.",
                "dest_unwritable",
                "Create its folder, or name another dest.",
            ) from None
        return True


def _as_json(made: Mapping[str, object]) -> str:
    return json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


RENDER: Dict[str, Callable[..., str]] = {"html": page, "json": _as_json, "markdown": markdown}


class _Reader:
    """Reads the clusters of a report from the hosts of the play."""

    def __init__(self, action: ClusterAction, variables: Variables, prefix: str, drift: bool, usage: bool) -> None:
        self._variables, self._prefix, self._with_drift, self._with_usage = variables, prefix, drift, usage
        self._hosts = Hosts(action, variables)

    def everything(self) -> Any:
        """Reads the clusters; returns them and the hosts that did not answer.

        Raises StackwrightError (``no_manager``).
        """
        names = names_in(self._variables, "ansible_play_hosts_all")
        swarms = self._ask(names, self._swarm)
        clusters: Dict[str, str] = {}
        for host in names:
            if swarms[host].get("cluster_id"):
                clusters.setdefault(swarms[host]["cluster_id"], host)
        bad = [
            {"host": host, "msg": str(swarms[host].get("msg") or "It did not answer in time.").partition("\n")[0]}
            for host in names
            if not swarms[host].get("cluster_id") and swarms[host].get("error_code") not in NO_MANAGER
        ]
        if not clusters:
            why = "; ".join(f"{one['host']}: {one['msg']}" for one in bad) or "no host of the play is a manager"
            raise StackwrightError(
                f"There is nothing to report: {why}.".replace("..", "."),
                "no_manager",
                "Run the play on the managers of a Swarm.",
            )
        details = self._ask(list(clusters.values()), self._stacks)
        usage = self._usage(names) if self._with_usage else {}
        found = []
        for host in clusters.values():
            if "stacks" not in details[host]:
                bad.append({"host": host, "msg": str(details[host].get("msg") or "It did not answer in time.")})
                continue
            found.append({"host": host, "swarm": swarms[host], "usage": usage, **details[host]})
        return found, bad

    def _ask(self, hosts: Sequence[str], work: Callable[[str], Mapping[str, object]]) -> Dict[str, Any]:
        """Returns the answer of each host; empty if there was none in time."""

        def safely(host: str) -> Dict[str, object]:
            try:
                return {"host": host, "answer": work(host)}
            except AnsibleConnectionFailure as error:
                return {"host": host, "answer": {"msg": str(error), "error_code": "host_unreachable"}}
            # Otherwise the process would end silently, and the report would claim that the host was slow.
            except Exception as error:
                return {"host": host, "answer": {"msg": str(error) or type(error).__name__}}

        found = at_once({host: partial(safely, host) for host in hosts}, SECONDS)
        answers = {one["host"]: one["answer"] for one in found}
        return {host: answers.get(host) or {} for host in hosts}

    def _run(self, host: str, module: str, **arguments: object) -> Dict[str, Any]:
        action, variables = self._hosts.at(host)
        if module.startswith("stackwright."):
            arguments.update(connection_of(action, "stackwright.swarm.swarm_report"))
        result: Dict[str, Any] = action._execute_module(module, module_args=arguments, task_vars=variables)
        return result

    def _swarm(self, host: str) -> Dict[str, Any]:
        return self._run(host, "stackwright.swarm.swarm_info", gather=list(SECTIONS))

    def _stacks(self, host: str) -> Dict[str, Any]:
        info = self._run(
            host, "stackwright.swarm.stack_info", history=True, details=True, changes=True, label_prefix=self._prefix
        )
        if info.get("failed"):
            return info
        failing = {stack["name"]: _failing(stack["services"]) for stack in info["stacks"]}
        for stack in [one for one in info["stacks"] if failing[one["name"]]][:MOST_LOGS]:
            self._add_logs(host, stack["name"], failing[stack["name"]])
        drift: Dict[str, Any] = {}
        for stack in info["stacks"] if self._with_drift else ():
            if any(revision["status"] in ("HEALTHY", "UNHEALTHY") for revision in stack["revisions"]):
                drift[stack["name"]] = self._drift(host, stack["name"])
        return {"stacks": info["stacks"], "drift": drift}

    def _add_logs(self, host: str, stack: str, services: Sequence[Service]) -> None:
        """Adds ``log`` to failing services: the last lines of each, as far as the manager can read them."""
        names = [service["name"] for service in services]
        logs = self._run(host, "stackwright.swarm.stack_logs", name=stack, services=names, tail=LINES * len(names))
        for service in services:
            texts = [line["text"] for line in logs.get("lines") or () if line["service"] == service["name"]]
            service["log"] = texts[-LINES:]

    def _drift(self, host: str, stack: str) -> Dict[str, Any]:
        action, variables = self._hosts.at(host)
        action.module = "stackwright.swarm.stack_drift"
        connection = connection_of(action, "stackwright.swarm.swarm_report")
        arguments = {"name": stack, "label_prefix": self._prefix, **connection}
        found: Dict[str, Any] = action._call(arguments, {}, variables)
        return found

    def _usage(self, hosts: Sequence[str]) -> Dict[str, Any]:
        """Returns ``load`` and ``memory_used`` by machine name, of the machines with readable files in /proc."""
        found = {}
        for one in self._ask(hosts, self._machine).values():
            if one.get("name"):
                found[one.pop("name")] = one
        return found

    def _machine(self, host: str) -> Dict[str, Any]:
        texts: List[str] = []
        for path in ("/proc/sys/kernel/hostname", "/proc/loadavg", "/proc/meminfo"):
            read = self._run(host, "ansible.builtin.slurp", src=path)
            texts.append(base64.b64decode(read.get("content") or "").decode("utf-8", "replace"))
        return usage_of(*texts)


def _failing(services: Sequence[Service]) -> List[Service]:
    return [one for one in services if one["status"] in ("failed", "degraded")]


def usage_of(name: str, loadavg: str, meminfo: str) -> Dict[str, Any]:
    """Returns ``name``, ``load`` of the last 5 minutes and ``memory_used`` in bytes, from files in /proc."""
    amounts = {line.partition(":")[0]: line.split()[1] for line in meminfo.splitlines() if len(line.split()) > 1}
    words = loadavg.split()
    if len(words) < 2 or not {"MemTotal", "MemAvailable"} <= set(amounts):
        return {}
    used = 1024 * (int(amounts["MemTotal"]) - int(amounts["MemAvailable"]))
    return {"name": name.strip(), "load": float(words[1]), "memory_used": used}
