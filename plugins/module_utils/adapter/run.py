# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that knows AnsibleModule: options in, one call, one error map, one result out."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection import CONNECTION, connection_options
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import StackwrightError

Work = Callable[[EngineClient, Dict[str, Any], bool], Dict[str, Any]]


def run_module(options: Dict[str, Dict[str, Any]], work: Work, **rules: Any) -> None:
    """Runs ``work(client, params, check_mode)`` and ends the module with its result or its error.

    :param rules: ``mutually_exclusive`` and its kin, as AnsibleModule takes them.
    """
    module = AnsibleModule(argument_spec={**options, **CONNECTION}, supports_check_mode=True, **rules)
    try:
        client = EngineClient(Connection(**connection_options(module.params, os.environ, _text_of)))
        try:
            result = work(client, module.params, module.check_mode)
        finally:
            client.close()
    except StackwrightError as error:
        # A deployment that broke off has changed what it says it has done.
        changed = bool((error.details.get("outcome") or {}).get("done"))
        module.fail_json(msg=str(error), error_code=error.error_code, changed=changed, **error.details)
    if not module._diff:
        result.pop("diff", None)
    module.exit_json(**result)


def _text_of(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except OSError:
        return None
