# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets: several policies at once; the task can still set each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem

#: How a service's lines go to a collector. Asynchronous, or no task would start without one; and bounded, or the Engine
#: keeps a million messages of each container in its memory while the collector does not take them.
_BOUNDED = {
    "fluentd-async": "true",
    "fluentd-buffer-limit": "8192",
    "max-buffer-size": "4m",
    "mode": "non-blocking",
    "tag": "{{stack}}.{{service}}",
}
#: Labels of containers that are fields of each line. Few values, so that they can be labels in Loki.
_FIELDS = "com.docker.stack.namespace,com.docker.swarm.service.name"
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paas": {
        "shared_networks": ["public"],
        "tracking_labels": True,
        "update_config": "safe",
        "update_delay": "5s",
        "restart_policy": {"condition": "any"},
        # The node's own collector: a driver resolves names as the node does, so not those of services.
        "logging": {"driver": "fluentd", "options": {"fluentd-address": "127.0.0.1:24224", **_BOUNDED}},
    },
    # The collector of the role swarm_platform: a socket that only root opens; a port would be open to all.
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
    """The policies to apply: those of ``preset``, and over them what ``options`` set; what is None is not set.

    An empty list or map, ``false`` and ``keep`` switch a part off. A ``logging`` without a driver changes options only.
    Raises ComposeError for a preset that is not there.
    """
    name = options.get("preset")
    if name is not None and name not in PRESETS:
        known = ", ".join(sorted(PRESETS))
        raise ComposeError(
            [Problem("unknown preset", "platform.preset", hint=f"known generators or presets: {known}", code="enum")]
        )
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
