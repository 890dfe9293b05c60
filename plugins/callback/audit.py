# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: audit
type: notification
short_description: Write an audit of the changes of Swarms
version_added: 1.1.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Writes a line of JSON for each change of a Swarm by this collection, each run that was refused or has failed, and each kept value that was read.
  - Each line contains the digest of the line before. So the playbook C(stackwright.swarm.audit_verify) finds lines that were altered or removed.
  - A line never contains a value of an option, a variable or a kept value, only names.
  - A line that can't be written gives a warning, and never fails a deployment, unless O(strict) is set.
options:
  file:
    description:
      - The file to append to. It is created with mode 0600. Several runs at once may write to it.
      - In AWX a file ends with its execution environment, so mount a folder into it, or use O(http_url) or O(syslog).
    type: path
    env: [{name: STACKWRIGHT_AUDIT_FILE}]
    ini: [{section: stackwright_audit, key: file}]
  key_file:
    description:
      - A file with a secret key of at least 16 characters. Without the key, no one can write a valid chain.
    type: path
    env: [{name: STACKWRIGHT_AUDIT_KEY_FILE}]
    ini: [{section: stackwright_audit, key: key_file}]
  syslog:
    description: Also write each line to the system's log (facility auth).
    type: bool
    default: false
    env: [{name: STACKWRIGHT_AUDIT_SYSLOG}]
    ini: [{section: stackwright_audit, key: syslog}]
  http_url:
    description: Also send each line to this address, as a POST of JSON. The run waits at most two seconds for the receiver, at its end.
    type: str
    env: [{name: STACKWRIGHT_AUDIT_HTTP_URL}]
    ini: [{section: stackwright_audit, key: http_url}]
  http_headers:
    description: Headers for the receiver as a JSON object, such as one for authorization.
    type: str
    env: [{name: STACKWRIGHT_AUDIT_HTTP_HEADERS}]
    ini: [{section: stackwright_audit, key: http_headers}]
  strict:
    description: Whether a line that can't be written to O(file) ends the run. This is tested at the start, before anything is changed.
    type: bool
    default: false
    env: [{name: STACKWRIGHT_AUDIT_STRICT}]
    ini: [{section: stackwright_audit, key: strict}]
requirements:
  - C(callbacks_enabled = stackwright.swarm.audit) in C(ansible.cfg)
notes:
  - The lookup P(stackwright.swarm.stack_value#lookup) is seen in the options of a task only, not in variables.
"""

import secrets
import time
from platform import node
from typing import Any, Dict, List, Mapping

from ansible.plugins.callback import CallbackBase

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.who import who_asks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.auditing.chain import Head, begun, written
from ansible_collections.stackwright.swarm.plugins.plugin_utils.auditing.record import (
    FAILED,
    OK,
    UNREACHABLE,
    interrupted_in,
    record,
    results_in,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.auditing.sinks import (
    File,
    Http,
    Syslog,
    headers_of,
    key_of,
)

DOCUMENTED = ("awx_job_id", "tower_job_id", "awx_job_template_name", "tower_job_template_name")


class CallbackModule(CallbackBase):
    """Passes events to the sinks; plugin_utils/auditing makes every decision."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "stackwright.swarm.audit"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._run: Dict[str, Any] = {"run": secrets.token_hex(8), "controller": node()}
        self._play = self._playbook = ""
        self._started: Dict[str, float] = {}
        self._others: List[Any] = []
        self._file: Any = None
        self._head = Head(secrets.token_hex(8), 0, "")
        self._key = b""
        self._warned = False

    def set_options(self, *arguments: object, **more: object) -> None:
        super().set_options(*arguments, **more)
        try:
            self._key = key_of(self.get_option("key_file")) if self.get_option("key_file") else b""
            self._file = File(self.get_option("file"), self._key) if self.get_option("file") else None
            if self.get_option("http_url"):
                headers = headers_of(self.get_option("http_headers") or "")
                self._others.append(Http(self.get_option("http_url"), headers))
        except (OSError, ValueError) as error:
            self._trouble(str(error))
        if self.get_option("syslog"):
            self._others.append(Syslog())

    # -- events of Ansible

    def v2_playbook_on_start(self, playbook: object) -> None:
        self._playbook = str(getattr(playbook, "_file_name", "") or "").rpartition("/")[2]

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play.get_name()
        if "who" in self._run:
            return
        extra = play.get_variable_manager().extra_vars
        self._run["who"] = who_asks(extra)
        self._run.update({name.partition("_")[2]: str(extra[name]) for name in DOCUMENTED if extra.get(name)})
        if self.get_option("strict"):
            self._write({"event": "run_begun"})

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._started[f"{host.get_name()} {task._uuid}"] = time.monotonic()

    def v2_runner_on_ok(self, result: object) -> None:
        self._tell(result, OK)

    def v2_runner_on_failed(self, result: object, ignore_errors: bool = False) -> None:
        self._tell(result, FAILED)

    def v2_runner_on_unreachable(self, result: object) -> None:
        self._tell(result, UNREACHABLE)

    def v2_playbook_on_stats(self, stats: object) -> None:
        for sink in self._others:
            if isinstance(sink, Http):
                sink.close()
                if sink.lost:
                    self._display.warning(f"audit: {sink.lost} lines did not reach {sink.host}: {sink.reason}")

    # -- lines of the audit

    def _tell(self, result: Any, outcome: str) -> None:
        task, host = result._task, result._host.get_name()
        began = self._started.pop(f"{host} {task._uuid}", None)
        found = result._result if isinstance(result._result, Mapping) else {}
        action = str(getattr(task, "resolved_action", None) or task.action)
        for one, ended in results_in(found, outcome):
            check = bool(getattr(task, "check_mode", False))
            fields = record(action, task.args, one, ended, check, host)
            for died in interrupted_in(action, one):
                self._write({**died, "task": task.get_name(), "host": host})
            if fields is not None:
                took = {} if began is None else {"seconds": round(time.monotonic() - began, 1)}
                self._write({**fields, "task": task.get_name(), "host": host, **took})

    def _write(self, fields: Dict[str, object]) -> None:
        now = iso(time.time())
        whole = {"time": now, "play": self._play, "playbook": self._playbook, **self._run, **fields}
        line = ""
        if self._file is not None:
            try:
                line = self._file.write(whole)
            except OSError as error:
                self._trouble(f"{self._file.path}: {error.strerror or error}")
        if not line:
            # Without a file each run is a separate chain.
            if not self._head.number:
                first, self._head = begun(self._head.chain, {"time": now, **self._run}, "", self._key)
                self._pass_on(first)
            line, self._head = written(whole, self._head, self._key)
        self._pass_on(line)

    def _pass_on(self, line: str) -> None:
        for sink in self._others:
            sink.write(line)

    def _trouble(self, what: str) -> None:
        if self.get_option("strict"):
            # Ansible turns any Exception of a callback into a warning.
            raise SystemExit(f"audit: {what}. The option strict ends the run.")
        if not self._warned:
            self._warned = True
            self._display.warning(f"audit: {what}. The run continues without it.")
