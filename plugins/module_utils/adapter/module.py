# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only user of AnsibleModule: options in, one call, one error map, one result out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED, check_ranges
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.target import client_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import masked_named, masked_text
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import HANDED, UNDER_NO_LOG, shown

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient

Work = Callable[["EngineClient", Any, bool], Dict[str, Any]]


class Module(AnsibleModule):
    """Ends, warns and logs without terminal control characters and without secrets."""

    def _load_params(self) -> None:
        super()._load_params()
        # Removed before Ansible checks, logs and shows the options.
        self.compiled = _json(self.params.pop(COMPILED, None))

    def exit_json(self, **result: object) -> None:
        super().exit_json(**self.told(result))

    def fail_json(self, msg: str, **result: object) -> None:
        super().fail_json(**self.told({**result, "msg": str(msg)}))

    def warn(self, warning: str, **how: object) -> None:
        """Adds a warning to the result."""
        super().warn(shown(warning), **how)

    def log(self, msg: object, log_args: Optional[Dict[str, object]] = None) -> None:
        """Writes to the system's log, as Ansible does with each module's options."""
        super().log(shown(masked_text(str(msg))), masked_named(shown(log_args)))

    def told(self, result: Dict[str, object]) -> Dict[str, Any]:
        """Returns the result without secrets and control characters."""
        # First, as Ansible searches for whole secrets. A secret may be the text "True", so booleans are left out.
        hidden = getattr(self, "no_log_values", ())
        switches = {name: value for name, value in result.items() if value is None or isinstance(value, bool)}
        told = {**remove_values(result, hidden), **switches}
        invocation = {"module_args": masked_named(remove_values(getattr(self, "params", {}), hidden))}
        out: Dict[str, Any] = shown(
            {"invocation": invocation, **told}, HANDED | UNDER_NO_LOG if self.no_log else HANDED
        )
        return out


def run_module(options: Dict[str, Dict[str, object]], work: Work, **rules: object) -> None:
    """Runs ``work(client, params, check_mode)`` and ends the module with its result or its error.

    :param rules: ``mutually_exclusive`` and its kin, as AnsibleModule takes them.
    """
    module = Module(argument_spec={**options, **CONNECTION}, supports_check_mode=True, **rules)
    params = {**module.params, COMPILED: module.compiled}
    end(module, outcome(module, lambda client: work(client, params, module.check_mode)))


def run_without_engine(
    options: Dict[str, Dict[str, object]],
    work: Callable[[Dict[str, object], Dict[str, object], bool], Dict[str, object]],
) -> None:
    """Runs ``work(params, handed, check_mode)``, where ``handed`` comes from the action plugin, and ends the module."""
    module = Module(argument_spec=options, supports_check_mode=True)
    try:
        result = work(module.params, module.compiled, module.check_mode)
    except StackwrightError as error:
        result = failure(error)
    end(module, result)


def run_on_controller(name: str, options: Dict[str, Dict[str, object]]) -> None:
    """Ends a module whose action plugin does all the work with an error: it was run without the plugin."""
    module = Module(argument_spec=options, supports_check_mode=True)
    message = f"{name} was run without its action plugin, which does the work."
    hint = f"Run it as the task stackwright.swarm.{name}, not by the path of the module file."
    end(module, failure(StackwrightError(message, "usage", hint)))


def outcome(module: AnsibleModule, work: Callable[[EngineClient], Dict[str, object]]) -> Dict[str, Any]:
    """Returns the result of ``work``, which gets a client of the Engine, or of its error."""
    try:
        check_ranges(module.params)
        client = client_of(module)
        try:
            result = work(client)
        finally:
            client.close()
    except StackwrightError as error:
        return failure(error)
    if not module._diff:
        result.pop("diff", None)
    return result


def failure(error: StackwrightError) -> Dict[str, Any]:
    """Returns the result of a module for an error."""
    # An aborted deployment has made the changes that it lists as done.
    changed = bool((error.details.get("outcome") or {}).get("done"))
    told = {"msg": str(error), "error_code": error.error_code, "changed": changed}
    return {**told, **error.details, "failed": True}


def end(module: AnsibleModule, result: Dict[str, Any]) -> None:
    """Ends the module."""
    for text in result.pop("warnings", ()):
        module.warn(text)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


def _json(text: Optional[str]) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads(text or "{}")
    return found
