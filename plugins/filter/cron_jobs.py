# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter cron_jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible.errors import AnsibleFilterError

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain

FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def cron_jobs(
    stacks: object, label_prefix: str = DEFAULT_PREFIX, late: float = 600, now: str | None = None
) -> list[dict[str, Any]]:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.cron.due import jobs_of

    found = plain(stacks)
    if not isinstance(found, list) or not all(isinstance(one, Mapping) and "services" in one for one in found):
        raise AnsibleFilterError("cron_jobs needs the stacks that stack_info returns.")
    try:
        moment = datetime.now(timezone.utc) if not now else datetime.strptime(now, FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        raise AnsibleFilterError(f"cron_jobs: now must be a time such as 2026-11-21T03:00:00Z, not {now!r}.") from None
    return jobs_of(found, moment, label_prefix, float(late))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"cron_jobs": cron_jobs}
