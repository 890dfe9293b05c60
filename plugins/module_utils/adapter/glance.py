# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module stack_glance. It is sent in every run, so it imports as little as possible.

No options of theirs, and no filter for what is shown: all that it tells was filtered when it was written.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.target import client_of, folder_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.remembered import Remembered, place_of

PATIENCE = 10  # seconds for an answer of the Engine; one that is slower is left to the run itself


def glance(options: Dict[str, Dict[str, object]]) -> None:
    """Ends the module with ``known`` and, where that is true, with the result of the last run without changes."""
    module = AnsibleModule(argument_spec={**options, **CONNECTION}, supports_check_mode=True)
    module.params["timeout"] = min(module.params["timeout"], PATIENCE)
    place = place_of(module.params, module.params["run"], module.params["defer"], module.check_mode)
    told = _told(module, Remembered(folder_of(module), place, module.params["request"]))
    module.exit_json(changed=False, known=told is not None, **({} if told is None else {"told": told}))


def _told(module: AnsibleModule, remembered: Remembered) -> Optional[Dict[str, Any]]:
    try:
        client = client_of(module)
        try:
            return remembered.result(client)
        finally:
            client.close()
    except StackwrightError:
        return None  # the run itself reports the error
