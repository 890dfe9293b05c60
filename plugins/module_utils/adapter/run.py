# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that knows AnsibleModule: options in, one call, one error map, one result out."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection import CONNECTION, connection_options
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.options import COMPILED, check_ranges
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.mask import masked_named, masked_text
from ansible_collections.stackwright.swarm.plugins.module_utils.shown import HANDED, UNDER_NO_LOG, shown

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient

Work = Callable[["EngineClient", Dict[str, Any], bool], Dict[str, Any]]
Change = Callable[["EngineClient", Dict[str, Any], Dict[str, Any]], Dict[str, Any]]


class Module(AnsibleModule):
    """Ends, warns and logs without what controls a terminal, and without secrets."""

    def _load_params(self) -> None:
        super()._load_params()
        # Taken out before Ansible looks at the options: it neither checks, logs nor shows this.
        self.compiled = _json(self.params.pop(COMPILED, None))

    def exit_json(self, **result: Any) -> None:
        super().exit_json(**self._told(result))

    def fail_json(self, msg: str, **result: Any) -> None:
        super().fail_json(**self._told({**result, "msg": str(msg)}))

    def warn(self, warning: str, **how: Any) -> None:
        """Adds a warning to the result."""
        super().warn(shown(warning), **how)

    def log(self, msg: Any, log_args: Optional[Dict[str, Any]] = None) -> None:
        """Writes to the system's log, as Ansible does with each module's options."""
        super().log(shown(masked_text(str(msg))), masked_named(shown(log_args)))

    def _told(self, result: Dict[str, Any]) -> Dict[str, Any]:
        # Ansible looks for what is secret in options as a whole, so it has to come first. True and False may be one.
        hidden = getattr(self, "no_log_values", ())
        switches = {name: value for name, value in result.items() if value is None or isinstance(value, bool)}
        told = {**remove_values(result, hidden), **switches}
        invocation = {"module_args": masked_named(remove_values(getattr(self, "params", {}), hidden))}
        return shown({"invocation": invocation, **told}, HANDED | UNDER_NO_LOG if self.no_log else HANDED)


def run_module(options: Dict[str, Dict[str, Any]], work: Work, **rules: Any) -> None:
    """Runs ``work(client, params, check_mode)`` and ends the module with its result or its error.

    :param rules: ``mutually_exclusive`` and its kin, as AnsibleModule takes them.
    """
    module = Module(argument_spec={**options, **CONNECTION}, supports_check_mode=True, **rules)
    params = {**module.params, COMPILED: module.compiled}
    _end(module, _outcome(module, lambda client: work(client, params, module.check_mode)))


def run_change(options: Dict[str, Dict[str, Any]], work: Change, **rules: Any) -> None:
    """Runs ``work(client, params, run)`` for a module that changes a stack and whose action plugin is a ClusterAction.

    ``work`` imports what it needs when it is called: the same module also answers how a worker goes.
    ``run`` holds options of the transaction: ``check``, ``defer``, ``desired`` and what else the plugin handed over,
    ``detach``, ``progress``. A worker takes over where the transaction calls ``detach`` (see worker.py).
    """
    module = Module(argument_spec={**options, **CONNECTION}, supports_check_mode=True, **rules)
    handed = module.compiled
    if "job" in handed:
        _end(module, _followed(module, handed))
    aside = _Aside(module)
    run = {"check": module.check_mode, "defer": False, "detach": None, "progress": None, **handed}
    if handed.get("follow"):
        run.update(detach=aside.detach, progress=aside.progress)

    def change(client: EngineClient) -> Dict[str, Any]:
        aside.client = client
        return work(client, module.params, run)

    try:
        result = _outcome(module, change)
    except BaseException as error:
        aside.fail(error)
        raise
    aside.finish(result)
    _end(module, result)


class _Aside:
    """Lets a worker take over. In the worker, ``finish`` and ``fail`` do not return; elsewhere they do nothing."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._worker: Any = None
        self.client: Optional[EngineClient] = None

    def detach(self) -> None:
        """Goes on in a worker. Where there can't be one, goes on here."""
        if self._worker is not None or self.client is None:
            return
        from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.jobs import root_of
        from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.worker import Foreground, start

        # Two processes can't share a connection; the next call makes a new one.
        self.client.close()
        try:
            self._worker = start(root_of(_remote_tmp(self._module)), self._module.no_log_values)
        except Foreground as foreground:
            _end(self._module, foreground.told)

    def progress(self, line: str) -> None:
        if self._worker is not None:
            self._worker.say(line)

    def finish(self, result: Dict[str, Any]) -> None:
        if self._worker is not None:
            self._worker.finish(shown(result, HANDED))

    def fail(self, error: BaseException) -> None:
        if self._worker is not None:
            self._worker.fail(error)


def _outcome(module: AnsibleModule, work: Callable[[EngineClient], Dict[str, Any]]) -> Dict[str, Any]:
    # Not needed by a run that only asks how another one goes.
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection

    try:
        check_ranges(module.params)
        client = EngineClient(Connection(**connection_options(module.params, os.environ, _text_of)))
        try:
            result = work(client)
        finally:
            client.close()
    except StackwrightError as error:
        return _failure(error)
    if not module._diff:
        result.pop("diff", None)
    return result


def _failure(error: StackwrightError) -> Dict[str, Any]:
    # A deployment that broke off has changed what it says it has done.
    changed = bool((error.details.get("outcome") or {}).get("done"))
    told = {"msg": str(error), "error_code": error.error_code, "changed": changed}
    return {**told, **error.details, "failed": True}


def _followed(module: AnsibleModule, handed: Dict[str, Any]) -> Dict[str, Any]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.follow import follow
    from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.jobs import find, root_of

    try:
        return follow(find(root_of(_remote_tmp(module)), str(handed["job"])), int(handed["seen"]), time)
    except StackwrightError as error:
        return _failure(error)


def _end(module: AnsibleModule, result: Dict[str, Any]) -> None:
    """Ends the module."""
    for text in result.pop("warnings", ()):
        module.warn(text)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


def _json(text: Optional[str]) -> Dict[str, Any]:
    import json

    found: Dict[str, Any] = json.loads(text or "{}")
    return found


def _remote_tmp(module: AnsibleModule) -> str:
    return str(getattr(module, "_remote_tmp", None) or "~/.ansible/tmp")


def _text_of(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except OSError:
        return None
