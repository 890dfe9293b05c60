# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out a plan, one Engine call for each operation. Decides nothing.

The order is the plan's. Stopping tasks may still use a removed network or config, or the name of a new network: Apply
retries within a time limit. After a lost answer, it asks the Engine whether the call was carried out, and only then
sends it again.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.content import create_key, digest
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import lingers
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    DeployError,
    EngineError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import TRIES, Backoff, is_transient
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.confirm import exists_by_name, id_if_done
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.telling import progress_reporter
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.renew import Renewal
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait_gone import remove_network
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import NOTE, WAIT, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import CONTENT, id_of, labels_of, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.hand_over import replacement_start
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.with_snapshots import RESTORE, SNAPSHOT
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.in_plan import restore_volume, snapshot_volume

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        ContentEntry,
        Objects,
        Observed,
    )

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between tries to remove an object that is still in use
OBJECTS: Tuple[Tuple[str, Objects], ...] = (("network", "networks"), ("config", "configs"), ("secret", "secrets"))
PATIENCE = 60.0  # seconds; the stop time of its tasks is added
PORT_LAG = 10.0  # seconds for which the Engine may still count a freed port of a service
PORT_HOLDER = re.compile(r"port '\d+' is already in use by service '([^']+)'")

#: Compares a service that another client changed with the desired one. Returns the remaining operation.
Recompare = Callable[[str, "Service"], Operation]


class Apply:
    """Carries out operations. ``completed`` has the operations that succeeded, ``done`` their lines. ``attempted``
    also has those that may have been carried out.

    ``ids`` maps (kind, name) to ids, also of created objects. ``header`` returns the X-Registry-Auth for an image.
    ``progress`` receives a line for each operation. ``patience`` (seconds) limits the wait for objects in use.
    ``keep`` renews the lock before each write. ``insist`` overwrites a service even if another client changed it since
    the plan. ``paid`` is called with each volume that was restored."""

    def __init__(
        self,
        client: EngineClient,
        clock: Clock,
        observed: Observed,
        recompare: Optional[Recompare] = None,
        header: Callable[[str], Optional[str]] = lambda image: None,
        progress: Callable[[str], None] = lambda line: None,
        patience: float = PATIENCE,
        keep: Callable[[], None] = lambda: None,
        insist: bool = False,
        paid: Callable[[str], None] = lambda volume: None,
    ) -> None:
        self.client, self.clock, self.keep, self.insist, self.paid = client, clock, keep, insist, paid
        self.recompare, self.header, self.progress, self.patience = recompare, header, progress, patience
        self.done: List[str] = []
        self.completed: List[Operation] = []
        self.attempted: List[Operation] = []
        self.touched: Dict[str, Operation] = {}
        self.since: Dict[str, str] = {}  # id → when Swarm began to replace tasks, if not with the last update
        self.key: Optional[str] = observed.get("key")
        self._predefined: Mapping[str, str] = observed.get("predefined") or {}
        self._renewal = Renewal(client, clock, observed, keep)
        #: The specs that the plan was made for, by id.
        known: Sequence[Any] = (*observed["services"], *observed["configs"], *observed["secrets"])
        self._seen: Dict[str, Mapping[str, object]] = {id_of(obj): obj["Spec"] for obj in known}
        self.ids = {(kind, name_of(obj)): id_of(obj) for kind, plural in OBJECTS for obj in observed[plural]}

    def run(self, operations: Sequence[Operation], later: Sequence[Operation] = ()) -> None:
        """Carries out ``operations`` in their order; the caller carries out ``later`` afterwards.

        Raises DeployError with the code of its cause; ``details["outcome"]`` has ``done``, ``failed``, ``not_done``.
        """
        tell = progress_reporter(operations, self.progress, self.clock)
        for index, operation in enumerate(operations):
            tell(operation)
            try:
                self._carry_out(operation)
            except StackwrightError as error:
                outcome = {
                    "done": list(self.done),
                    "failed": str(operation),
                    "not_done": [str(op) for op in (*operations[index + 1 :], *later)],
                }
                message = error.message
                if isinstance(error, EngineError):
                    message = f"{operation.action} {operation.kind} {operation.name} failed: {message}"
                details = {**error.details, "outcome": outcome}
                raise DeployError(message, error.error_code, error.hint, details) from error
            self.done.append(str(operation))
            self.completed.append(operation)

    def _carry_out(self, operation: Operation) -> None:
        """Carries out one operation, with retries: see the module."""
        call = CALLS[operation.action, operation.kind]
        backoff = Backoff(self.clock, self.keep)
        self.keep()
        self.attempted.append(operation)
        lost, unclear, refused = False, False, None
        while True:
            try:
                # Checked first: an object that appears in between may be ours.
                shown = refused is not None and exists_by_name(self.client, operation)
                if lost and self._was_done(operation):
                    return
                if refused is not None:
                    # A new leader refuses the name before it lists the object.
                    if shown or not backoff.pause():
                        raise refused
                    continue
                call(self, operation)
                return
            except EngineError as error:
                unclear = unclear or is_transient(error)
                if not unclear and (error is refused or not _may_be_ours(error, operation)):
                    self.attempted.pop()  # the Engine has refused it
                if error is refused or _in_use(error):
                    raise
                if _may_be_ours(error, operation):
                    lost, refused = True, error  # the name is in use: by our own object, or by another one
                    continue
                lost = unclear
                backoff.bear(error)

    def _was_done(self, operation: Operation) -> bool:
        if operation.payload.get("key") or operation.kind == "volume":
            return False  # create_key reads the existing key, and a snapshot the existing files
        found = id_if_done(self.client, operation, self._body(operation), self._matches(operation))
        if found is None:
            return False
        if operation.kind == "service" and operation.action != "remove":
            self.touched[found] = operation
        elif operation.action == "create":
            self.ids[operation.kind, operation.name] = found
        return True

    def _matches(self, operation: Operation) -> Callable[[Any], bool]:
        """Returns a check whether a live service has the spec of ``operation``."""
        names = {identity: name for (_kind, name), identity in self.ids.items()}
        names.update(self._predefined)

        def matches(live: Service) -> bool:
            sent = self._with_ids(operation.payload["spec"])
            if _forced(live["Spec"]) < _forced(sent):
                return False  # the only difference between before and after a restart
            return normalise.service(live["Spec"], names) == normalise.service(sent, names, self.client.api_version)

        return matches

    def _body(self, operation: Operation) -> Optional[Mapping[str, Any]]:
        """Returns the body of the call that creates an object, or changes its labels."""
        payload = operation.payload
        if operation.kind in ("config", "secret") and operation.action != "remove":
            labels = dict(payload["spec"].get("Labels") or {})
            if operation.action == "create" or payload.get("adopt"):
                labels[CONTENT] = self._digest(operation)
            body = {**payload["spec"], "Labels": labels}
            with_data = operation.action == "create" and payload["data"] is not None
            return {**body, "Data": payload["data"]} if with_data else body
        return payload.get("spec")

    # -- one method for each kind of call

    def create_network(self, operation: Operation) -> None:
        spec = dict(operation.payload["spec"])
        if self.client.api_version and self.client.api_version < (1, 44):
            spec["CheckDuplicate"] = True
        else:
            spec.pop("CheckDuplicate", None)
        self._retry_while(
            lambda: self.ids.update({("network", operation.name): self.client.create("/networks/create", spec)}),
            lambda error: error.error_code == "conflict" and self._lingers(operation.name),
        )

    def create_config(self, operation: Operation) -> None:
        if operation.payload.get("key"):
            self.key = create_key(self.client)
            return
        self._create_object(operation, "configs")

    def create_secret(self, operation: Operation) -> None:
        self._create_object(operation, "secrets")

    def _create_object(self, operation: Operation, plural: str) -> None:
        self.ids[operation.kind, operation.name] = self.client.create(f"/{plural}/create", self._body(operation) or {})

    def _digest(self, operation: Operation) -> str:
        payload = operation.payload
        entry: ContentEntry = {"name": payload["base"], "spec": payload["spec"], "data": payload["data"]}
        return digest(operation.kind, entry, self.key)

    def update_object(self, operation: Operation) -> None:
        body = self._body(operation)
        self._update(operation, body, None, lambda live: labels_of(live) == (body or {}).get("Labels"))

    def create_service(self, operation: Operation) -> None:
        spec = self._with_ids(operation.payload["spec"])

        def create() -> None:
            self.touched[self.client.create("/services/create", spec, self._auth(spec))] = operation

        self._retry_while(create, self._is_freed, PORT_LAG)

    def update_service(self, operation: Operation) -> None:
        spec = self._with_ids(operation.payload["spec"])
        matches = self._matches(operation)
        if "after" in operation.payload:
            operation = self._after_extra(operation)

        def update() -> None:
            done = self._update(operation, spec, self._auth(spec), matches)
            self.touched[done.payload["id"]] = done

        self._retry_while(update, self._is_freed, PORT_LAG)
        self._renewal.after(operation, spec, self._auth(spec))

    def _is_freed(self, error: EngineError) -> bool:
        """Whether one of our services had the port: the Engine frees it with a delay."""
        holder = PORT_HOLDER.search(error.message)
        return holder is not None and any((op.kind, op.name) == ("service", holder.group(1)) for op in self.attempted)

    def _after_extra(self, operation: Operation) -> Operation:
        """Returns the operation at the version after its extra step if no other client changed the service since."""
        live = self.client.get(f"/services/{operation.payload['id']}")
        step = replace(operation, payload={"spec": operation.payload["after"]})
        if self._matches(step)(live):
            self._seen[operation.payload["id"]] = live["Spec"]
            self.since[operation.payload["id"]] = replacement_start(operation, live)
            return replace(operation, payload={**operation.payload, "version": live["Version"]["Index"]})
        return operation

    def _update(
        self,
        operation: Operation,
        body: object,
        headers: Optional[Dict[str, str]],
        is_done: Callable[[Mapping[str, object]], bool],
    ) -> Operation:
        """Sends ``body`` at the object's version; returns the operation that was carried out.

        A newer version has several causes: Swarm writes too, an answer to us was lost, or a new leader does not show
        its latest state yet. So the current spec decides: it is the desired one, the planned one, or changed by others.
        """
        backoff, moved = Backoff(self.clock, self.keep, also=("out_of_sequence",)), 0
        path = f"/{operation.kind}s/{operation.payload['id']}"
        while True:
            version = operation.payload["version"]
            try:
                self.client.post(f"{path}/update", {"version": version}, body, headers)
                return operation
            except EngineError as error:
                if error.error_code != "out_of_sequence":
                    raise
                refused = error
            live = self.client.get(path)
            if is_done(live):
                return operation
            if live["Version"]["Index"] == version:
                backoff.bear(refused)
                continue
            moved += 1
            if moved > TRIES:
                break
            fresh = self._at_current_version(operation, live, refused)
            if fresh.action == "keep":
                return operation
            if fresh is not operation and fresh.kind == "service":
                body = self._with_ids(fresh.payload["spec"])
            operation = fresh
        text = f"{operation.kind} {operation.name} was changed by another client during every attempt."
        raise EngineError(text, "out_of_sequence", "Run again later.")

    def _at_current_version(self, operation: Operation, live: Service, refused: EngineError) -> Operation:
        """Returns the operation at the version of ``live``. Raises ``refused`` if another client changed the object."""
        if live["Spec"] == self._seen.get(operation.payload["id"]):
            self.since[operation.payload["id"]] = replacement_start(operation, live)
            return replace(operation, payload={**operation.payload, "version": live["Version"]["Index"]})
        if operation.kind != "service" or self.recompare is None:
            raise refused
        fresh = self.recompare(operation.name, live)
        if fresh.action != "keep" and fresh.changes != operation.changes and not self.insist:
            raise refused
        return fresh

    def send_nothing(self, operation: Operation) -> None:
        """Sends nothing: only the run's own revision records it, or another run already sent it."""

    def remove_now(self, operation: Operation) -> None:
        self.client.delete(f"/{operation.kind}s/{operation.payload['id']}")

    def remove_when_free(self, operation: Operation) -> None:
        self._retry_while(lambda: self.client.delete(f"/{operation.kind}s/{operation.payload['id']}"), _in_use)

    def _retry_while(
        self, call: Callable[[], object], passes: Callable[[EngineError], bool], most: Optional[float] = None
    ) -> None:
        """Retries while ``passes`` accepts the error, for ``most`` seconds or the usual patience."""
        deadline = self.clock.now() + (self.patience if most is None else most)
        pause = FIRST_PAUSE
        while True:
            try:
                call()
                return
            except EngineError as error:
                if not passes(error) or self.clock.now() + pause > deadline:
                    raise
            self.clock.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
            self.keep()

    def _lingers(self, name: str) -> bool:
        """Whether the name of a removed network will be free soon, or is free since it was refused."""
        found = self.client.list("/networks", {"filters": {"name": [name]}})
        named = [network for network in found if name_of(network) == name]
        return not named or any(map(lingers, named))

    def _auth(self, spec: ServiceSpec) -> Optional[Dict[str, str]]:
        value = self.header(spec["TaskTemplate"]["ContainerSpec"].get("Image") or "")
        return {"X-Registry-Auth": value} if value else None

    def _with_ids(self, spec: ServiceSpec) -> Any:
        """Returns the spec with the ids of configs and secrets, which the Engine needs besides their names."""
        template: Any = spec["TaskTemplate"]
        container = dict(template["ContainerSpec"])
        for kind, list_key, name_key, id_key in (
            ("config", "Configs", "ConfigName", "ConfigID"),
            ("secret", "Secrets", "SecretName", "SecretID"),
        ):
            if container.get(list_key):
                container[list_key] = [
                    {**ref, id_key: self.ids.get((kind, ref[name_key])) or ref.get(id_key)}
                    for ref in container[list_key]
                ]
        privileges = container.get("Privileges") or {}
        credentials = privileges.get("CredentialSpec") or {}
        if credentials.get("Config"):
            config = self.ids.get(("config", credentials["Config"]), credentials["Config"])
            container["Privileges"] = {**privileges, "CredentialSpec": {**credentials, "Config": config}}
        return {**spec, "TaskTemplate": {**template, "ContainerSpec": container}}


CALLS: Dict[Any, Callable[[Apply, Operation], None]] = {
    ("create", "network"): Apply.create_network,
    ("create", "volume"): lambda applying, operation: None,  # a node creates it when a task starts there
    (SNAPSHOT, "volume"): snapshot_volume,
    (RESTORE, "volume"): restore_volume,
    ("create", "config"): Apply.create_config,
    ("create", "secret"): Apply.create_secret,
    ("create", "service"): Apply.create_service,
    ("update", "config"): Apply.update_object,
    ("update", "secret"): Apply.update_object,
    (NOTE, "config"): Apply.update_object,
    (NOTE, "secret"): Apply.update_object,
    ("update", "service"): Apply.update_service,
    **{(action, "service"): Apply.send_nothing for action in ("record", WAIT)},
    ("remove", "service"): Apply.remove_now,
    ("remove", "config"): Apply.remove_when_free,
    ("remove", "secret"): Apply.remove_when_free,
    ("remove", "network"): remove_network,
}


def _forced(spec: ServiceSpec) -> int:
    return int(spec["TaskTemplate"].get("ForceUpdate") or 0)


def _may_be_ours(error: EngineError, operation: Operation) -> bool:
    return error.error_code == "conflict" and operation.action == "create"


def _in_use(error: EngineError) -> bool:
    text = error.message.lower()
    return "in use" in text or "active endpoints" in text
