# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the deployments of stacks side by side, each in a separate process on the controller."""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Dict, NamedTuple, NoReturn

from ansible.utils.display import Display

from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.order import Order

Result = Dict[str, Any]
#: Does the work for a stack; gets its name and a function that shows a line.
Work = Callable[[str, Callable[[str], None]], Result]


class Running(NamedTuple):
    """The process of a stack, and its start in seconds."""

    stack: str
    child: int
    began: float


def run_all(order: Order, work: Work, show: Callable[[str, str], None], now: Callable[[], float]) -> None:
    """Runs ``work`` for each stack in the order of ``order``, which gets the results with their ``seconds``.

    :param show: shows a line of a stack as soon as it arrives.
    :param now: returns the time in seconds.
    """
    running: Dict[int, Running] = {}
    output: Dict[int, bytes] = {}
    try:
        while True:
            for stack in order.begin():
                handle, child = _started(stack, work)
                running[handle], output[handle] = Running(stack, child, now()), b""
            if not running:
                return
            for handle in select.select(list(running), [], [])[0]:
                piece = os.read(handle, 1 << 16)
                output[handle] = _show_lines(output[handle] + piece, running[handle].stack, show)
                if not piece:
                    stack, child, began = running.pop(handle)
                    os.close(handle)
                    code = os.waitpid(child, 0)[1]
                    order.end(stack, {**_result(output.pop(handle), stack, code), "seconds": now() - began})
    finally:
        for handle, left in running.items():
            # As if Ansible were stopped: the managers continue the changes that have begun.
            with suppress(OSError):
                os.kill(left.child, signal.SIGTERM)
            os.close(handle)
            os.waitpid(left.child, 0)


def _started(stack: str, work: Work) -> Any:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _run_child(stack, work, writing)
    os.close(writing)
    return reading, child


def _run_child(stack: str, work: Work, writing: int) -> NoReturn:
    """Runs ``work`` in the child and writes its lines and result to ``writing``.

    It shows nothing through Ansible: a child that is killed while it writes to Ansible's queue blocks all hosts.
    """
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for handle in range(3):
            os.dup2(nothing, handle)
        display = Display()
        display._final_q, display.verbosity, display.log_verbosity = None, 0, 0

        def send(message: Mapping[str, object]) -> None:
            rest = json.dumps(message).encode() + b"\n"
            while rest:
                rest = rest[os.write(writing, rest) :]

        send({"result": work(stack, lambda line: send({"line": line}))})
    finally:
        os._exit(0)


def _show_lines(output: bytes, stack: str, show: Callable[[str, str], None]) -> bytes:
    """Shows the complete lines of a child's output. Returns the rest: the result, or an incomplete line."""
    *whole, rest = output.split(b"\n")
    kept = b""
    for text in whole:
        line = json.loads(text)
        if "result" in line:
            kept = text + b"\n"
        else:
            show(stack, line["line"])
    return kept + rest


def _result(output: bytes, stack: str, code: int) -> Result:
    if output.endswith(b"\n"):
        found: Result = json.loads(output)["result"]
        return found
    ended = f" (signal {code & 127})" if code & 127 else ""
    return {
        "stack": stack,
        "changed": False,
        "failed": True,
        "error_code": "run_died",
        "msg": f"The process of this stack on the controller ended without a result{ended}. Run the playbook again: it "
        "continues from the current state.",
    }
