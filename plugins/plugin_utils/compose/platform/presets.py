# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets: several policies at once. The task can still change each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem

#: How log lines go to a collector. Asynchronously, or no task would start without a collector. With a limit, or the
#: Engine would keep a million messages per container in memory while the collector does not accept them.
_BOUNDED = {
    "fluentd-async": "true",
    "fluentd-buffer-limit": "8192",
    "max-buffer-size": "4m",
    "mode": "non-blocking",
    "tag": "{{stack}}.{{service}}",
}
#: Labels of containers that become fields of each line. They have few values, so they can be labels in Loki.
_FIELDS = "com.docker.stack.namespace,com.docker.swarm.service.name"
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paas": {
        "shared_networks": ["public"],
        "tracking_labels": True,
        "update_config": "safe",
        "update_delay": "5s",
        "restart_policy": {"condition": "any"},
        # The node's own collector: a driver resolves names like the node, so it can't resolve services' names.
        "logging": {"driver": "fluentd", "options": {"fluentd-address": "127.0.0.1:24224", **_BOUNDED}},
    },
    # The collector of the role swarm_platform: only root can open the socket; a port would be open to all.
    "logs": {
        "logging": {
            "driver": "fluentd",
            "options": {
                "fluentd-address": "unix:///var/lib/stackwright/logs/forward.sock",
                "labels": _FIELDS,
                **_BOUNDED,
            },
        },
    },
}


def with_preset(options: Mapping[str, object]) -> dict[str, Any]:
    """Returns the policies of ``preset``, with those in ``options`` over them; None means not set.

    An empty list or map, ``false`` and ``keep`` disable a policy. ``logging`` without a driver only changes options.
    Raises ComposeError for an unknown preset.
    """
    name = options.get("preset")
    if name is not None and name not in PRESETS:
        hint = f"known presets: {', '.join(sorted(PRESETS))}"
        raise ComposeError([Problem("unknown preset", "platform.preset", hint=hint, code="enum")])
    own = {key: value for key, value in options.items() if value is not None and key != "preset"}
    base = PRESETS[str(name)] if name is not None else {}
    logging = own.get("logging")
    if isinstance(logging, Mapping):
        logging = {key: value for key, value in logging.items() if value is not None}
        usual = base.get("logging") or {}
        if usual and "driver" not in logging and isinstance(logging.get("options"), Mapping) and logging["options"]:
            logging = {**usual, "options": {**usual["options"], **logging["options"]}}
        own["logging"] = {} if not any(logging.values()) else logging
    return {**base, **own}
