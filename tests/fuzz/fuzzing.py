"""Hunts for faults of a door: cases made from seeds go through it in a worker process with limits of time and memory.

A test says how a case is made and what the door does with it::

    def make(random):            # a random.Random of its own for each case; returns anything
    def door(case):              # raises what is a finding; what may be raised it catches itself

    hunt(make, door, few=200, full=2000)
    try_each(cases, door)        # these, under the same limits

STACKWRIGHT_FUZZ sets how many cases are tried ("full": each test's full count), STACKWRIGHT_FUZZ_SEED the first seed.
A finding names its case's number: STACKWRIGHT_FUZZ_SEED=NUMBER STACKWRIGHT_FUZZ=1 tries it again, alone.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import resource
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest

SECONDS = 5  # of the processor, for one case: the machine may be busy with others
MEGABYTES = 300  # of memory, for the whole process
MOST_FINDINGS = 20
#: Ansible's own calls stand above a door's.
FRAMES_ABOVE = 120
_TICK = os.sysconf("SC_CLK_TCK")

Make = Callable[[random.Random], Any]
Door = Callable[[Any], None]


def hunt(
    make: Make, door: Door, few: int, full: int, seconds: float = SECONDS, megabytes: float = MEGABYTES, seed: int = 0
) -> None:
    """Fails with what was found: an exception out of ``door``, too much time or memory, a worker that died."""
    wanted = os.environ.get("STACKWRIGHT_FUZZ", "")
    count = full if wanted == "full" else int(wanted or few)
    first = int(os.environ.get("STACKWRIGHT_FUZZ_SEED") or seed)
    _try_numbers(make, door, range(first, first + count), seconds, megabytes)


def try_each(cases: Sequence[Any], door: Door, seconds: float = SECONDS, megabytes: float = MEGABYTES) -> None:
    """As ``hunt``, with cases that are known."""
    numbered = {random.Random(number).random(): case for number, case in enumerate(cases)}
    _try_numbers(lambda chance: numbered[chance.random()], door, range(len(cases)), seconds, megabytes)


def _try_numbers(make: Make, door: Door, numbers: range, seconds: float, megabytes: float) -> None:
    crowd = min(os.cpu_count() or 1, 4) if len(numbers) > 1000 else 1
    workers = [_Worker(make, door, numbers[at::crowd], seconds, megabytes) for at in range(crowd)]
    findings: list[str] = []
    try:
        while any(not worker.ended for worker in workers) and len(findings) < MOST_FINDINGS:
            wait([worker.pipe for worker in workers if not worker.ended], timeout=0.5)
            for worker in workers:
                findings += worker.look()
    finally:
        for worker in workers:
            worker.end()
    if findings:
        about = f"{len(findings)} findings in {len(numbers)} cases from seed {numbers.start}"
        pytest.fail("\n\n".join([about, *findings]))


class _Worker:
    """A process that tries cases, begun anew behind a case that it did not survive."""

    def __init__(self, make: Make, door: Door, numbers: range, seconds: float, megabytes: float) -> None:
        self.make = make
        self.door = door
        self.numbers = numbers
        self.seconds = seconds
        self.megabytes = megabytes
        self.ended = False
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe(duplex=False)
        # The number of the case that is being tried, and the processor's time before it.
        self.at = context.RawArray("d", [self.numbers.start, -1.0])
        self.process = context.Process(
            target=_try_all,
            args=(self.make, self.door, self.numbers, self.seconds, self.megabytes, theirs, self.at),
            daemon=True,
        )
        self.process.start()
        theirs.close()

    def look(self) -> list[str]:
        """What there is to say by now."""
        if self.ended:
            return []
        said = []
        try:
            while self.pipe.poll():
                text = self.pipe.recv()
                if text is None:
                    self.ended = True
                    return said
                said.append(text)
        except EOFError:
            self.process.join()
            return [*said, self._gone(f"the process died with {self.process.exitcode}")]
        used = _processor(self.process.pid) - self.at[1]
        if self.at[1] >= 0 and used > self.seconds * 3:
            self.end()
            return [*said, self._gone(f"still at work after {used:.0f} s")]
        return said

    def _gone(self, why: str) -> str:
        number = int(self.at[0])
        self.pipe.close()
        self.numbers = range(number + self.numbers.step, self.numbers.stop, self.numbers.step)
        self._begin()
        return _told(number, why, self.make)

    def end(self) -> None:
        self.process.kill()
        self.process.join()


def _try_all(
    make: Make, door: Door, numbers: range, seconds: float, megabytes: float, pipe: Connection, at: Any
) -> None:
    # An address space far above what may be used: what would take gigabytes ends here with a MemoryError.
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()  # what pytest and the files take is none of a case's
    for number in numbers:
        at[0], at[1] = number, time.process_time()
        case = make(random.Random(number))
        _forget_peak()
        before = time.process_time()
        why = _try(door, case)
        used, peak = time.process_time() - before, _peak()
        if used > seconds or peak > megabytes:
            why += f"took {used:.1f} s and {peak:.0f} MB"
        if why:
            pipe.send(_told(number, why, make))
    pipe.send(None)


def _try(door: Door, case: Any, frames: int = FRAMES_ABOVE) -> str:
    if frames:
        return _try(door, case, frames - 1)
    try:
        door(case)
    except BaseException:
        return traceback.format_exc(limit=-12, chain=False)
    return ""


def _told(number: int, why: str, make: Make) -> str:
    try:
        case = repr(make(random.Random(number)))
    except Exception as error:  # a number of 5,000 digits, for one
        case = f"(a case that can't be shown: {error})"
    shown = case if len(case) < 3000 else f"{case[:2000]} … {case[-900:]}"
    return f"case {number}: {why}\n{shown}"


def _processor(pid: int | None) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    """The most memory that this process had since, in MB."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024
