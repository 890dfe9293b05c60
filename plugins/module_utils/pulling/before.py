# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls the new images on the nodes that may run them, before the first service changes. Why: docs/decisions/0064.

A manager can't reach the Engines of other nodes, so a job for each image and node has the node pull it.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.image_digests import ask_registry
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    DeployError,
    EngineError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff, patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import is_active, is_down
from ansible_collections.stackwright.swarm.plugins.module_utils.health.pulls import HINTS
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import (
    Operation,
    with_short_digests,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.pulling.jobs import (
    Pull,
    job_of,
    outcome_of,
    pulls_of,
    reason_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import PULL, id_of, name_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, Task

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.05, 0.5, 1.5  # seconds, seconds, factor
TELL_EVERY = 10.0  # seconds
TIMEOUT_HINT = "Raise rollout.timeout, or check the network of the nodes."
SHOWN = 10  # failures that a message lists
NODE_HINT = (
    "The registry has the image, so check the node: its disk space, and its connection to the registry "
    "(`docker pull` there)."
)


class Around(NamedTuple):
    """The context of a run: ``header`` returns the X-Registry-Auth for an image, ``keep`` renews the run's lock."""

    client: EngineClient
    clock: Clock
    stack: str
    header: Callable[[str], Optional[str]]
    progress: Callable[[str], None]
    keep: Callable[[], None]


def pull_before(around: Around, operations: Sequence[Operation], at_once: int, timeout: float) -> None:
    """Pulls the images of ``operations``, at most ``at_once`` at a time over all nodes, and removes all its jobs.

    :param timeout: seconds without a finished pull.
    :raises DeployError: with each image that a node could not pull (``details["failures"]``), after it tried the
        others: ``image_not_found``, ``registry_auth``, ``registry_unreachable``, ``image_not_pulled``, ``timeout``.
        EngineError if the Engine fails.
    """
    remove_left(around.client, around.clock, around.stack, around.progress, around.keep)
    nodes = patiently(around.clock, lambda: around.client.list("/nodes"), around.keep)
    pulls = pulls_of(operations, nodes)
    if not pulls:
        return
    images, hosts = len({pull.image for pull in pulls}), len({pull.node for pull in pulls})
    around.progress(f"pulling {_count(images, 'image')} on {_count(hosts, 'node')} before the first change")
    work = _Work(around, pulls)
    try:
        work.run(at_once, timeout)
    finally:
        work.remove_rest()
    if work.failures:
        raise _error(around, work.failures)


def remove_left(
    client: EngineClient,
    clock: Clock,
    stack: str,
    progress: Callable[[str], None] = lambda line: None,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Removes the jobs of a run that died while it pulled images. Raises EngineError."""
    left = patiently(clock, lambda: client.list("/services", _of(stack)), keep)
    for service in left:
        _remove(client, clock, id_of(service), keep)
    if left:
        progress(f"removed {_count(len(left), 'job')} of an interrupted run that pulled images")


class _Work:
    """The pulls of one run; ``failures`` are the failed ones, with the node's error."""

    def __init__(self, around: Around, pulls: Sequence[Pull]) -> None:
        self.around = around
        self.total = len(pulls)
        self.waiting: Deque[Pull] = deque(pulls)
        self.running: Dict[str, Pull] = {}  # by the id of the job
        self.failures: List[Tuple[Pull, str]] = []

    def run(self, at_once: int, timeout: float) -> None:
        clock = self.around.clock
        progressed = reported = clock.now()
        pause = FIRST_PAUSE
        while self.waiting or self.running:
            self.around.keep()
            self._start(at_once)
            ended = self._collect()
            now = clock.now()
            progressed, pause = (now, FIRST_PAUSE) if ended else (progressed, min(pause * GROWTH, LONGEST_PAUSE))
            if now - progressed >= timeout:
                raise self._timed_out(timeout)
            if now - reported >= TELL_EVERY:
                reported = now
                going = sorted({f"{pull.image} on {pull.host}" for pull in self.running.values()})
                left = len(self.waiting) + len(self.running)
                line = f"pulled {self.total - left} of {self.total}; now {', '.join(going[:3])}"
                self.around.progress(with_short_digests(line))
            if self.running:
                clock.sleep(pause)

    def remove_rest(self) -> None:
        """Removes the jobs that still exist. A job that can't be removed is left to the next run."""
        for job in list(self.running):
            with suppress(StackwrightError):
                _remove(self.around.client, self.around.clock, job)

    def _start(self, at_once: int) -> None:
        refused = {pull.image for pull, _error in self.failures}
        while self.waiting and len(self.running) < at_once:
            pull = self.waiting.popleft()
            if pull.image not in refused:  # other nodes would fail in the same way
                self.running[self._create(pull)] = pull

    def _create(self, pull: Pull) -> str:
        client, spec = self.around.client, job_of(self.around.stack, pull)
        auth = self.around.header(pull.image)
        backoff = Backoff(self.around.clock, self.around.keep)
        while True:
            try:
                return client.create("/services/create", spec, {"X-Registry-Auth": auth} if auth else None)
            except EngineError as error:
                # An earlier attempt may have created the job although its answer was lost.
                jobs = patiently(self.around.clock, self._jobs, self.around.keep)
                found = [id_of(job) for job in jobs if name_of(job) == spec["Name"]]
                if found:
                    return found[0]
                backoff.bear(error)

    def _collect(self) -> bool:
        """Removes the jobs that have ended; returns whether there were any."""
        client, clock, keep = self.around.client, self.around.clock, self.around.keep
        tasks = {str(task.get("ServiceID")): task for task in patiently(clock, self._tasks, keep)}
        lost = self._lost()
        ended = False
        for job, pull in list(self.running.items()):
            outcome = outcome_of(tasks.get(job))
            if outcome is None and pull.node not in lost:
                continue
            ended = True
            _remove(client, clock, job, keep)
            del self.running[job]
            if outcome:
                self.failures.append((pull, outcome))
            elif outcome is None:
                line = f"{pull.image} is not pulled on {pull.host}: the node no longer takes tasks"
                self.around.progress(with_short_digests(line))
            elif not any(other.image == pull.image for other in (*self.running.values(), *self.waiting)):
                self.around.progress(with_short_digests(f"pulled {pull.image}"))
        return ended

    def _jobs(self) -> List[Service]:
        return self.around.client.list("/services", _of(self.around.stack))

    def _tasks(self) -> List[Task]:
        return self.around.client.list("/tasks", _of(self.around.stack))

    def _lost(self) -> List[str]:
        """Returns the ids of the nodes that no longer take tasks: the deployment won't use them either."""
        nodes = patiently(self.around.clock, lambda: self.around.client.list("/nodes"), self.around.keep)
        return [id_of(node) for node in nodes if is_down(node) or not is_active(node)]

    def _timed_out(self, timeout: float) -> DeployError:
        for pull in self.running.values():
            self.failures.append((pull, f"it did not end within {timeout:g} s"))
        return _failed(self.around.stack, self.failures, "timeout", TIMEOUT_HINT)


def _error(around: Around, failures: Sequence[Tuple[Pull, str]]) -> DeployError:
    """Returns the error, with its code from the registry: a node only reports that there is no image."""
    images = sorted({pull.image for pull, _error in failures})
    answers: Mapping[str, Mapping[str, Any]] = {}
    with suppress(EngineError):
        answers = ask_registry(around.client, images, around.header)
    codes = [reason_of(answers.get(image) or {}) for image in images]
    code = next((known for known in HINTS if known in codes), codes[0])
    return _failed(around.stack, failures, code, HINTS.get(code, NODE_HINT))


def _failed(stack: str, failures: Sequence[Tuple[Pull, str]], code: str, hint: str) -> DeployError:
    details = [
        {"service": service, "image": pull.image, "node": pull.host, "error": error, "reason": "its image is missing"}
        for pull, error in failures
        for service in pull.services
    ]
    lines = [f"  {one['service']}: {one['image']} on node {one['node']}: {one['error']}" for one in details[:SHOWN]]
    if len(details) > SHOWN:
        lines.append(f"  and {len(details) - SHOWN} more")
    count = _count(len({pull.image for pull, _error in failures}), "image")
    head = f"{count} of the stack {stack} could not be pulled, and nothing was changed:"
    return DeployError("\n".join([head, *lines]), code, hint, {"failures": details})


def _remove(client: EngineClient, clock: Clock, job: str, keep: Callable[[], None] = lambda: None) -> None:
    patiently(clock, lambda: client.delete(f"/services/{job}"), keep)


def _of(stack: str) -> Dict[str, Any]:
    return {"filters": {"label": [f"{PULL}={stack}"]}}


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
