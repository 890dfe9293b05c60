# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module stack_glance. Every run sends it, so it imports as little as possible.

It needs no filter of results: all that it returns was filtered when it was saved.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Dict, List, Mapping, Optional

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.target import connection_of, folder_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.http import Bounds, TooLarge
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Torn
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.remembered import (
    Remembered,
    proxy_key,
    run_key,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.shared_reads import SharedReads
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.unix import UnixTransport

PATIENCE = 10  # seconds for an answer of the Engine; if it is slower, the run itself reads it
PROXY = 2.0  # seconds for an answer of a proxy
SOCKET = "unix://"


def glance(options: Dict[str, Dict[str, object]]) -> None:
    """Ends the module with ``told``: the saved results of ``runs`` that would have the same result again."""
    module = AnsibleModule(argument_spec={**options, **CONNECTION}, supports_check_mode=True)
    module.params["timeout"] = min(module.params["timeout"], PATIENCE)
    told = _told(module, module.params["runs"])
    module.exit_json(changed=False, told=told, proxy=_proxy(module, module.params["proxy"]))


def _told(module: AnsibleModule, runs: List[Dict[str, Any]]) -> Dict[str, Any]:
    told: Dict[str, Any] = {}
    with suppress(StackwrightError):  # the run itself reports the error
        client = SharedReads(connection_of(module))
        client.many = len(runs) > 1
        try:
            for one in runs:
                params = {**module.params, "name": one["name"]}
                key = run_key(params, one["run"], module.params["defer"], module.check_mode)
                found = Remembered(folder_of(module), key, one["request"]).result(client)
                told.update({} if found is None else {one["name"]: found})
        finally:
            client.close()
    return told


class _Proxy:
    """Reads the configuration of a proxy at the socket of its admin API."""

    def __init__(self, path: str) -> None:
        self._transport = UnixTransport(path)

    def get(self, path: str, query: Mapping[str, object]) -> Any:
        del query
        # At its socket, Caddy rejects a host name.
        headers = {"Host": "", "Accept": "application/json"}
        answer = self._transport.send("GET", path, None, headers, Bounds(PROXY, PROXY))
        if answer.status != 200:
            raise ValueError
        return parse(answer.body)

    def close(self) -> None:
        self._transport.close()


def _proxy(module: AnsibleModule, asked: Optional[Dict[str, str]]) -> Dict[str, Any]:
    """Returns the result of the last check of this host's proxy, if its configuration is still the same."""
    if not asked or not asked["admin"].startswith(SOCKET):
        return {}
    key = proxy_key(asked["stack"], asked["admin"])
    proxy = _Proxy(asked["admin"][len(SOCKET) :])
    try:
        return Remembered(folder_of(module), key).last(proxy)
    except (OSError, ValueError, Torn, TooLarge):
        return {}  # the check itself reports it
    finally:
        proxy.close()
