# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of services_registry_compose on its target: read files, check images, and write files."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.folder import look, read_sources, write
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.image_health import health_checks


def do_step(params: Mapping[str, Any], step: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """Carries out the action plugin's ``step``; ``params`` are the options of the task."""
    if "look" in step:
        paths = [params["src"], *params["overlays"]] if step["look"]["sources"] else []
        seen: Dict[str, Any] = {"sources": read_sources(paths)}
        try:
            seen["dest"] = look(params["dest"], step["look"]["folder"], step["look"]["names"])
        except StackwrightError as error:
            # The action plugin reports problems of the registry first.
            seen["refused"] = {"message": error.message, "code": error.error_code, "hint": error.hint}
        return {"changed": False, "facts": seen}
    if "images" in step:
        return {"changed": False, "facts": health_checks(step["images"])}
    if "write" not in step or check_mode:
        message = (
            "services_registry_compose runs through its action plugin, which checks and generates on the controller."
        )
        raise StackwrightError(message, "invalid_options")
    written, removed = write(params["dest"], step["write"]["files"], step["write"]["remove"], step["write"]["seen"])
    return {"changed": bool(written or removed), "written": written, "removed": removed}
