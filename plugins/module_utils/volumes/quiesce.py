# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops or pauses the users of volumes during a copy.

A note in the folder of the snapshots lists them first, so that the next run can start them if this one dies.
"""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING, Callable, Iterator, List, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import AWAY, patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import could_be
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import local
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.shelf import QUIESCED, load, save, unfinished

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Container, Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.volume_types import Quiesced

STOP, PAUSE, COMMAND, NONE = "stop", "pause", "command", "none"
#: The consistency of a snapshot.
CONSISTENCY = {STOP: "stopped", PAUSE: "paused", COMMAND: "command", NONE: "crash-consistent"}
POLL = 0.1  # seconds between two checks
#: Sets the replicas of a service (the Engine's object), and waits.
Scale = Callable[["Service", int], None]


class Users:
    """The users of ``volumes`` on this node. ``dest`` is the folder of the snapshots; waits end after ``limit`` s."""

    def __init__(
        self, client: EngineClient, clock: Clock, volumes: Sequence[str], dest: str, scale: Scale, limit: float
    ) -> None:
        self.client, self.clock, self.volumes, self.scale, self.limit = client, clock, volumes, scale, limit
        self._note = os.path.join(dest, QUIESCED)
        info = client.get("/info") or {}
        swarm = info.get("Swarm") or {}
        self.node, self._id = str(info.get("Name") or ""), str(swarm.get("NodeID") or "")
        self._manages = bool(swarm.get("ControlAvailable"))
        self.stopped: List[str] = []

    def running(self) -> List[Container]:
        """Returns the running containers."""
        found = {one["Id"]: one for volume in self.volumes for one in local.running(self.client, volume)}
        return [found[key] for key in sorted(found)]

    def services(self) -> List[Service]:
        """Returns the services with running or coming tasks on this node; empty on a worker, which can't list them."""
        if not self._manages:
            return []
        mine = {"filters": {"node": [self._id], "desired-state": ["running", "ready"]}}
        ids = {task.get("ServiceID") for task in self.client.list("/tasks", mine)}
        return [one for one in self.client.list("/services") if one["ID"] in ids and self._mounts(one)]

    def refuse(self, hint: str = "Stop it, or set quiesce: stop.") -> None:
        """Raises StackwrightError (``volume_in_use``) if the volumes have users."""
        names = sorted({*map(local.name_of, self.running()), *(one["Spec"]["Name"] for one in self.services())})
        if names:
            raise StackwrightError(
                f"The volume {', '.join(self.volumes)} on {self.node} is in use by {', '.join(names)}. Nothing was "
                "changed.",
                "volume_in_use",
                hint,
            )

    def quiesce(self, how: str, command: Sequence[str]) -> None:
        """Stops or pauses the users, or runs ``command`` in them.

        Raises StackwrightError (``cannot_stop``, ``not_a_manager``, ``timeout``, ``command_failed``).
        """
        if how == COMMAND:
            for one in self.running():
                self._execute(one, command)
        elif how == PAUSE:
            found = [one["Id"] for one in self.running() if one.get("State") == "running"]
            self._write({"paused": found})
            for container in found:
                self.client.post(f"/containers/{container}/pause")
        elif how == STOP:
            self._stop()

    @contextlib.contextmanager
    def resuming(self, after_success: bool = True) -> Iterator[None]:
        """Calls ``resume`` at the end, also after an error. If no Engine answers, the error lists what is stopped."""
        failed: Optional[StackwrightError] = None
        ended = False
        try:
            yield
            ended = True
        except StackwrightError as error:
            failed = error
            raise
        finally:
            try:
                if after_success or not ended:
                    self.resume()
            except StackwrightError as error:
                if error.error_code not in AWAY:
                    raise
                noted = load(self._note) or {}
                left = [*(noted.get("services") or ()), *(noted.get("containers") or ()), *(noted.get("paused") or ())]
                raise StackwrightError(
                    f"{(failed or error).message} Still stopped or paused on {self.node}: {', '.join(left)}.",
                    (failed or error).error_code,
                    "Run the task again when the Engine answers: that starts them.",
                ) from error
            if failed is not None:
                self.clear()

    def clear(self) -> None:
        """Removes our containers that are left because the Engine stopped answering."""
        with contextlib.suppress(EngineError):  # the next run removes them
            for volume in self.volumes:
                patiently(self.clock, partial(local.clear, self.client, volume))

    def resume(self) -> None:
        """Starts everything that this run or an earlier one has stopped or paused, unless it was removed.

        Does nothing while a restore is unfinished. Raises EngineError for a container that does not start, after all
        others; the next run tries again.
        """
        if unfinished(os.path.dirname(self._note)):
            return
        noted = load(self._note) or {}
        for container in noted.get("paused") or ():
            self._post(f"/containers/{container}/unpause", 500)  # 500: it is not paused
        failed: Optional[EngineError] = None
        for container in noted.get("containers") or ():
            try:
                self._post(f"/containers/{container}/start")
            except EngineError as error:
                if error.error_code in AWAY:
                    raise
                failed = error
        every = patiently(self.clock, lambda: self.client.list("/services")) if noted.get("services") else []
        services = {one["Spec"]["Name"]: one for one in every}
        for name, count in (noted.get("services") or {}).items():
            # If a user has started it since, it stays as it is.
            if name in services and _replicas(services[name]) == 0:
                self.scale(services[name], count)
        if failed is not None:
            raise EngineError(
                f"A container on {self.node} that was stopped for the copy of a volume does not start. "
                f"{failed.message.rstrip('.')}.",
                failed.error_code,
                "Start or remove it, then run the task again.",
                failed.status,
            )
        if os.path.exists(self._note):
            os.unlink(self._note)

    def check_stop(self) -> Tuple[List[Service], List[str]]:
        """Returns the services and the ids of other containers that STOP stops.

        Raises StackwrightError (``cannot_stop``, ``not_a_manager``).
        """
        services, containers = self.services(), self.running()
        names = {one["Spec"]["Name"] for one in services}
        plain = [one["Id"] for one in containers if local.TASK not in (one.get("Labels") or {})]
        unknown = sorted(
            {local.name_of(one) for one in containers if one["Id"] not in plain and local.name_of(one) not in names}
        )
        if unknown and not self._manages:
            raise StackwrightError(
                f"{self.node} is a worker, which can't stop services ({', '.join(unknown)}).",
                "not_a_manager",
                "Scale them to 0 on a manager first (stack_service), or choose another quiesce.",
            )
        fixed = sorted(one["Spec"]["Name"] for one in services if _replicas(one) is None)
        if fixed:
            raise StackwrightError(
                f"{', '.join(fixed)} can't be scaled to 0, because it is global or a job. Nothing was changed.",
                "cannot_stop",
                "Choose another quiesce, or remove the service first.",
            )
        return services, plain

    def _stop(self) -> None:
        services, plain = self.check_stop()
        self.stopped = sorted(one["Spec"]["Name"] for one in services)
        self._write({"services": {one["Spec"]["Name"]: _replicas(one) or 0 for one in services}, "containers": plain})
        for one in services:
            self.scale(one, 0)
        for container in plain:
            self.client.post(f"/containers/{container}/stop", timeout=self.limit)
        self._until("the containers have not ended", lambda: not self.running())

    def _execute(self, container: Container, command: Sequence[str]) -> None:
        body = {"Cmd": list(command), "AttachStdout": False, "AttachStderr": False}
        made = self.client.create(f"/containers/{container['Id']}/exec", body)
        self.client.post(f"/exec/{made}/start", body={"Detach": True})
        self._until("the command has not ended", lambda: not self.client.get(f"/exec/{made}/json").get("Running"))
        code = self.client.get(f"/exec/{made}/json").get("ExitCode")
        if code:
            raise StackwrightError(
                f"The command in {local.name_of(container)} on {self.node} ended with exit code {code}. No snapshot "
                "was taken.",
                "command_failed",
                "Run it with `docker exec` to see its output.",
            )

    def _until(self, what: str, done: Callable[[], bool]) -> None:
        deadline = self.clock.now() + self.limit
        while not done():
            if self.clock.now() >= deadline:
                raise StackwrightError(f"On {self.node}, {what} within {self.limit:g} s.", "timeout")
            self.clock.sleep(POLL)

    def _write(self, found: Quiesced) -> None:
        noted: Quiesced = load(self._note) or {}  # type: ignore[assignment]
        services = {**(found.get("services") or {}), **(noted.get("services") or {})}
        containers = [*(noted.get("containers") or []), *(found.get("containers") or [])]
        paused = [*(noted.get("paused") or []), *(found.get("paused") or [])]
        save(self._note, {"services": services, "containers": containers, "paused": paused})

    def _post(self, path: str, *harmless: int) -> None:
        """Posts, again if the Engine restarts. Ignores containers that were removed, and ``harmless`` statuses."""
        try:
            patiently(self.clock, lambda: self.client.post(path))
        except EngineError as error:
            if error.status not in (404, 409, *harmless):
                raise

    def _mounts(self, service: Service) -> bool:
        container = service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}
        sources = [str(one.get("Source") or "") for one in container.get("Mounts") or [] if one.get("Type") == "volume"]
        return any(could_be(source, volume) for source in sources for volume in self.volumes)


def _replicas(service: Service) -> Optional[int]:
    """Returns the replicas of a service; None if it is global or a job."""
    replicated = (service["Spec"].get("Mode") or {}).get("Replicated")
    return None if replicated is None else int(replicated.get("Replicas") or 0)
