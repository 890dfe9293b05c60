# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of a generation: its result, its diff, and the error about files that were edited by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import masked_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.changes import Change, edit_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.files import ORCHESTRATOR
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Finding, Registry

#: Lines of changes that an error shows.
MOST_SHOWN = 20


def result_of(
    dest: str, registry: Registry, wanted: Mapping[str, str], change: Change, warnings: Sequence[Finding]
) -> dict[str, Any]:
    """Returns the result of a task, without its diff; each notice has its line of text as ``text``."""
    return {
        "changed": bool(change.write or change.remove),
        "dest": dest,
        "src": f"{dest.rstrip('/')}/{ORCHESTRATOR}",
        "files": sorted(wanted),
        "written": sorted(change.write),
        "removed": change.remove,
        "changes": [],
        "checksum": registry.checksum,
        "services": list(registry.services),
        "phases": [
            {
                "order": order,
                "names": names,
                "services": services,
                "timeout": max([registry.phases[name].timeout or 0 for name in names], default=0) or None,
            }
            for order, names, services in registry.steps()
        ],
        "notices": [{**found.as_dict(), "text": str(found)} for found in warnings],
    }


def diff_of(
    dest: str, change: Change, before: Mapping[str, str], wanted: Mapping[str, str], changes: Sequence[str]
) -> list[dict[str, str]]:
    """Returns first the changes of services, then the diff of each file. Passwords are hidden."""
    found = [{"prepared": "".join(f"{line}\n" for line in changes)}] if changes else []
    for path in [*change.write, *change.remove]:
        name = f"{dest.rstrip('/')}/{path}"
        sides = {"before": masked_text(before.get(path, "")), "after": masked_text(wanted.get(path, ""))}
        found.append({"before_header": name, "after_header": name, **sides})
    return found


def edited_error(dest: str, change: Change, before: Mapping[str, str], wanted: Mapping[str, str]) -> StackwrightError:
    """Returns the error about files that were edited or not generated, with their differences."""
    lines = []
    for path, what in sorted(change.foreign.items()):
        lines.append(f"  {dest.rstrip('/')}/{path} {what}:")
        lines += [f"    {masked_text(line)}" for line in edit_of(before[path], wanted.get(path, before[path]))]
    count = len(change.foreign)
    message = "\n".join([f"{count} file{'' if count == 1 else 's'} would be overwritten:", *lines])
    hint = "Put the change into the registry and remove the file, or set overwrite_edited to true."
    return StackwrightError(message, "edited", hint, {"edited": sorted(change.foreign)})


def outdated_error(src: str, result: Mapping[str, Any]) -> StackwrightError:
    """Returns the error of ``verify`` about files that differ from the registry."""
    lines = result["changes"] or [f"{path} differs" for path in (*result["written"], *result["removed"])]
    shown = [f"  {line}" for line in lines[:MOST_SHOWN]]
    if len(lines) > MOST_SHOWN:
        shown.append(f"  and {len(lines) - MOST_SHOWN} more")
    message = "\n".join([f"The files in {result['dest']} differ from those that {src} generates:", *shown])
    details = {key: result[key] for key in ("written", "removed", "changes", "diff") if key in result}
    return StackwrightError(message, "outdated", "Generate the files without verify, review and commit them.", details)
