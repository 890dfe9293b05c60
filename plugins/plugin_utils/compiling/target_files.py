# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a task's target: read in few calls, and written as Ansible's copy module writes them."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.sources import LOOK, SlurpedFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


def slurped(action: ActionBase, variables: Variables) -> SlurpedFiles:
    """Returns a reader of the target's files that uses Ansible's modules and commands."""

    def slurp(path: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = action._execute_module(
            "ansible.legacy.slurp", module_args={"src": path}, task_vars=variables
        )
        return found

    def look(path: str) -> str:
        found = action._low_level_execute_command(LOOK.format(shlex.quote(path)), sudoable=True)
        return str(found.get("stdout", ""))

    return SlurpedFiles(slurp, look)


def files_of(action: ActionBase, variables: Variables) -> FileReader:
    """Returns a reader of the target's files. Files of this machine and this user are read directly."""
    is_local = action._connection.transport == "local" and not action._connection.become
    return LocalFiles() if is_local else slurped(action, variables)


def absolute(action: ActionBase, path: str) -> str:
    """Returns the absolute ``path`` on the target. As for any module, it is relative to the folder of a new shell."""
    if path.startswith("/"):
        return posixpath.normpath(path)
    if path.startswith("~"):
        return str(action._remote_expand_user(path))
    # The last line, because the shell may print a banner before.
    lines = action._low_level_execute_command("pwd", sudoable=True).get("stdout", "").strip().splitlines()
    return posixpath.normpath(posixpath.join(lines[-1] if lines else "/", path))


def written(action: ActionBase, path: str, text: str, mode: object, variables: object) -> dict[str, Any]:
    """Writes ``text`` with ``ansible.builtin.copy``, including check mode and diff. Returns its result.

    :raises StackwrightError: ``file_not_written``.
    """
    task = action._task.copy()
    task.args = {"dest": path, "content": text, **({} if mode is None else {"mode": mode})}
    copy = action._shared_loader_obj.action_loader.get(
        "ansible.legacy.copy",
        task=task,
        connection=action._connection,
        play_context=action._play_context,
        loader=action._loader,
        templar=action._templar,
        shared_loader_obj=action._shared_loader_obj,
    )
    try:
        done: dict[str, Any] = copy.run(task_vars=variables)
    except AnsibleConnectionFailure:
        raise
    except AnsibleError as error:
        done = {"failed": True, "msg": str(error)}
    if done.get("failed"):
        raise StackwrightError(
            f"{path} can't be written: {str(done.get('msg') or 'the copy failed').strip().rstrip('.')}.",
            "file_not_written",
            "Check that its folder exists and that the user of the task may write there.",
        )
    return done
