# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters environments, environment_copies, environment_record, environment_stacks and preview_name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import DEFAULT_PREFIX
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.shapes import Found, Preview

FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def environments(
    stacks: object,
    configs: object,
    label_prefix: str = DEFAULT_PREFIX,
    project: str = "",
    limit: object = 0,
    now: str = "",
) -> list[Found]:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.previews import environments_of

    try:
        most = int(str(limit or 0))
    except ValueError:
        raise AnsibleFilterError(f"environments: limit must be a number, not {limit!r}.") from None
    return environments_of(plain(stacks), plain(configs), _moment(now), label_prefix, project, most)


def environment_record(
    environment: str,
    project: str,
    stacks: object,
    nodes: object = (),
    preview: object = None,
    url: str = "",
    now: str = "",
    data: object = None,
) -> dict[str, Any]:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.previews import (
        checked,
        record_labels,
        record_name,
    )

    try:
        checked(plain(project), plain(environment))
        labels = record_labels(
            project, environment, plain(stacks), plain(nodes), _preview(preview), url, _moment(now), plain(data or {})
        )
    except StackwrightError as error:
        raise _failed(error) from error
    return {"name": record_name(project, environment), "labels": labels}


def environment_stacks(listed: object, project: str, environment: str, options: object = None, **clone: object) -> Any:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.cloned import stacks_of
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.previews import checked

    given: dict[str, Any] = plain(clone)
    try:
        checked(plain(project), plain(environment))
        return stacks_of(plain(listed), plain(project), plain(environment), plain(options or {}), **given)
    except StackwrightError as error:
        raise _failed(error) from error


def environment_copies(
    names: object,
    stacks: object,
    project: str,
    environment: str,
    source: str,
    looks: object = None,
    refresh: bool = False,
) -> Any:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.data import copies_of, placed

    live = plain(stacks)
    try:
        copies = copies_of([str(name) for name in plain(names)], live, str(project), str(environment), str(source))
        return copies if looks is None else placed(copies, live, plain(looks), refresh)
    except StackwrightError as error:
        raise _failed(error) from error


def preview_name(ref: object) -> str:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.previews import preview_name as named

    try:
        return named(str(plain(ref)))
    except StackwrightError as error:
        raise _failed(error) from error


def _failed(error: StackwrightError) -> AnsibleFilterError:
    """Puts the code into the message: a filter has no result with an ``error_code``."""
    return AnsibleFilterError(f"{error}\nerror_code: {error.error_code}")


def _preview(given: object) -> Preview | None:
    """Returns the description of a preview with all of its keys; None if it is empty."""
    found = plain(given or {})
    if not isinstance(found, Mapping) or not set(found) <= {"ref", "ttl", "keep"} or (found and "ref" not in found):
        raise AnsibleFilterError(f"A preview is a dictionary with ref, ttl and keep, not {found!r}.")
    keep = str(found.get("keep", "")).strip().lower() in ("true", "yes", "1", "on")
    return {"ref": str(found["ref"]), "ttl": str(found.get("ttl") or "7d"), "keep": keep} if found else None


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, FORMAT).replace(tzinfo=timezone.utc) if text else datetime.now(timezone.utc)
    except ValueError:
        raise AnsibleFilterError(f"{text!r} is not a valid time. Use UTC, such as 2026-11-21T03:00:00Z.") from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "environments": environments,
            "environment_copies": environment_copies,
            "environment_record": environment_record,
            "environment_stacks": environment_stacks,
            "preview_name": preview_name,
        }
