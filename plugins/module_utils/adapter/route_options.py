# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules for proxies."""

from __future__ import annotations

from typing import List, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import Spec
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.address import domain
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.wrong import Wrong
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX

ADMIN: Spec = {
    "admin": {"type": "list", "elements": "str", "default": ["unix:///var/lib/stackwright/caddy/admin.sock"]},
    "admin_ca": {"type": "path"},
    "admin_cert": {"type": "path"},
    "admin_key": {"type": "path", "no_log": False},
    "admin_hostname": {"type": "str"},
    "admin_timeout": {"type": "int", "default": 10},
    "server": {"type": "str", "default": ""},
}

_HEADERS = {"type": "dict", "default": {}}
ROUTES: Spec = {
    "stack": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "exclusive": {"type": "bool", "default": True},
    "services_of": {"type": "str"},
    "label_prefix": {"type": "str", "default": DEFAULT_PREFIX},
    "takes": {"type": "list", "elements": "str", "default": []},
    "take_over": {"type": "str", "choices": ["none", "gone"], "default": "none"},
    "live_services": {"type": "dict"},
    "maintenance": {"type": "str"},
    "routes": {
        "type": "list",
        "elements": "dict",
        "options": {
            "domain": {"type": "str"},
            "domains": {"type": "list", "elements": "str"},
            "www": {"type": "str", "choices": ["redirect", "same"]},
            "base_path": {"type": "str", "default": "/"},
            "service": {"type": "str"},
            "upstream": {"type": "str"},
            "port": {"type": "int"},
            "strip_prefix": {"type": "bool", "default": True},
            "tls": {"type": "str", "choices": ["auto", "internal", "off", "on_demand"], "default": "auto"},
            "redirect_to": {"type": "str"},
            "https_redirect": {"type": "bool"},
            "auth": {"type": "dict", "no_log": True},
            "from_labels": {"type": "dict"},
            "headers": {"type": "dict", "options": {"request": _HEADERS, "response": _HEADERS}},
            "secret_headers": {"type": "dict", "no_log": True},
            "secret_response_headers": {"type": "dict", "no_log": True},
            "max_body": {"type": "raw"},
            "compress": {"type": "bool", "default": False},
            "health": {
                "type": "dict",
                "options": {"uri": {"type": "str", "required": True}, "interval": {"type": "str"}},
            },
            "h2c": {"type": "bool", "default": False},
            "timeout": {"type": "str"},
            "keep_alive": {"type": "bool", "default": False},
            "sticky": {"type": "bool", "default": False},
            "trailing_slash": {"type": "bool", "default": False},
            "rewrite_answers": {"type": "bool", "default": False},
            "maintenance": {"type": "str"},
        },
    },
}
ROUTES["stacks"] = {
    "type": "list",
    "elements": "dict",
    "options": {
        "stack": {"type": "str", "required": True},
        "name": {"type": "str", "default": ""},
        "busy": {"type": "bool", "default": False},
        "gone": {"type": "bool", "default": False},
        "yields": {"type": "list", "elements": "str", "default": []},
        "routes": ROUTES["routes"],
    },
}


def domains(given: Sequence[str]) -> List[str]:
    """Returns domains in the form of routes. Raises RouteError (``invalid_route``)."""
    found = []
    for text in given:
        try:
            found.append(domain(text))
        except Wrong as wrong:
            raise RouteError(f"takes: {text!r}: {wrong.message}.", "invalid_route", wrong.hint) from None
    return found
