# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. Checks that each stack of a bundle compiles."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.bundles.contents import Kept
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.stack import COMPOSE


def check_stacks(stacks: Mapping[str, Kept]) -> None:
    """Raises StackwrightError (``damaged_backup``) with all problems of the stacks if one doesn't compile."""
    wrong = []
    for name, stack in stacks.items():
        files = {path: base64.b64decode(data) for path, data in stack["files"].items()}
        try:
            compile_stack(CompileRequest([Source(COMPOSE)], **stack["options"]), MemoryFiles(files))
        except ComposeError as error:
            wrong += [f"stack {name}: {problem.key}: {problem.message}" for problem in error.problems]
        except (StackwrightError, KeyError, TypeError) as error:
            wrong.append(f"stack {name}: {error}")
    if wrong:
        raise StackwrightError(
            "\n".join(["The bundle has stacks that can't be deployed.", *wrong]),
            "damaged_backup",
            "Use another bundle, or the version of the collection that wrote it. Nothing was changed.",
        )
