# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops an Engine for a while. It is started and unlocked again, even if this process is killed."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Callable, Iterator, NamedTuple, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling.own import unlock

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock

PAUSE, ANSWER = 0.5, 5.0  # seconds: between two reads, and for one answer


class Commands(NamedTuple):
    """The command lines that stop and start the Engine, and the limit for each in seconds."""

    stop: str
    start: str
    timeout: float


@contextmanager
def stopped(client: EngineClient, clock: Clock, commands: Commands, keys: Sequence[str]) -> Iterator[None]:
    """Stops the Engine for the body, then starts and unlocks it, even if this process is killed.

    Raises StackwrightError (``engine_not_stopped``, ``engine_not_started``), and EngineError if it stays locked.
    """
    # A broken connection must not end this process halfway.
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    over = _if_killed(lambda: _start_after_kill(client, clock, commands, keys))
    failed: Optional[BaseException] = None
    try:
        _stop(client, clock, commands)
        yield
    except BaseException as error:
        failed = error
        raise
    finally:
        try:
            _start(client, clock, commands, keys)
        except StackwrightError as down:
            if failed is None or down.error_code != "engine_not_started":
                raise
            if _answers(client):  # it was never stopped, so only the first error matters
                raise failed from None
            down.message += f" It was stopped, and then this failed: {failed}"
            raise
        finally:
            over()


def _if_killed(then: Callable[[], None]) -> Callable[[], None]:
    """Starts a process that calls ``then`` if this process ends before it calls the returned function."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        # A process without a parent survives if this process is killed with all its children.
        os.setsid()
        if os.fork():
            os._exit(0)
        try:
            os.close(writing)
            nothing = os.open(os.devnull, os.O_RDWR)
            # Release the output: its reader must not wait for this process.
            for number in (0, 1, 2):
                os.dup2(nothing, number)
            if not os.read(reading, 1):
                then()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(reading)

    def over() -> None:
        with suppress(OSError):
            os.write(writing, b".")
        os.close(writing)

    return over


def _start_after_kill(client: EngineClient, clock: Clock, commands: Commands, keys: Sequence[str]) -> None:
    # An Engine that still answers may be stopping. Only one that was started after that can be unlocked.
    with suppress(StackwrightError):
        if _answers(client):
            _stop(client, clock, commands)
    deadline = clock.now() + commands.timeout
    while clock.now() < deadline:
        with suppress(StackwrightError):
            _start(client, clock, commands, keys)
            return
        clock.sleep(PAUSE)


def _stop(client: EngineClient, clock: Clock, commands: Commands) -> None:
    hint = "Set stop_command to the command that stops it on this host."
    _command(commands.stop, commands.timeout, "engine_not_stopped", "stops", hint)
    text = f"The Engine still answers {commands.timeout:g} s after {commands.stop!r}."
    _until(client, clock, False, commands.timeout, StackwrightError(text, "engine_not_stopped", hint))


def _start(client: EngineClient, clock: Clock, commands: Commands, keys: Sequence[str]) -> None:
    """Starts the Engine, and unlocks it if it is locked."""
    hint = "Start it by hand, and set start_command to the command that starts it on this host."
    _command(commands.start, commands.timeout, "engine_not_started", "starts", hint)
    text = f"The Engine does not answer {commands.timeout:g} s after {commands.start!r}."
    hint = "Start it by hand, and check its log."
    _until(client, clock, True, commands.timeout, StackwrightError(text, "engine_not_started", hint))
    if (client.get("/info").get("Swarm") or {}).get("LocalNodeState") == "locked":
        unlock(client, clock, keys)


def _until(client: EngineClient, clock: Clock, answers: bool, timeout: float, error: StackwrightError) -> None:
    """Waits until the Engine answers, or does not. Raises ``error`` after ``timeout`` seconds."""
    deadline = clock.now() + timeout
    while _answers(client) != answers:
        if clock.now() >= deadline:
            raise error
        clock.sleep(PAUSE)


def _command(line: str, timeout: float, code: str, does: str, hint: str) -> None:
    wrong = ""
    try:
        ran = subprocess.run(
            shlex.split(line),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        if ran.returncode:
            output = ran.stdout.decode(errors="replace").strip().rstrip(".")
            wrong = f"exit code {ran.returncode}{': ' + output if output else ''}"
    except subprocess.TimeoutExpired:
        wrong = f"it did not end within {timeout:g} s"
    except (OSError, ValueError) as error:
        wrong = str(error)
    if wrong:
        raise StackwrightError(f"The command that {does} the Engine, {line!r}, failed: {wrong}.", code, hint)


def _answers(client: EngineClient) -> bool:
    try:
        client.get("/info", timeout=ANSWER)
    except EngineError as error:
        # An Engine that is still loading answers with an error.
        return error.error_code not in ("daemon_unreachable", "timeout")
    return True
