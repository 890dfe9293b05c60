# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out a plan, one Engine call for each operation. Decides nothing.

The order is the plan's. A removed network or config may still be held by tasks that are on their way out: that is
waited for within a time limit.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.content import digest
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.model import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    CONTENT,
    KEY_CONFIG,
    id_of,
    name_of,
)

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between tries to remove what is still in use
TRIES_OUT_OF_SEQUENCE = 5

#: Compares a service that somebody else touched with what is wanted: the operation that is left.
Recheck = Callable[[str, Mapping[str, Any]], Operation]


class Apply:
    """Carries out operations. ``done`` holds the lines of what succeeded, in order.

    ``ids`` maps (kind, name) to ids and is extended by what is created; ``header`` gives the X-Registry-Auth of an
    image; ``progress`` is told each operation; ``patience`` (seconds) bounds the wait for what is still in use.
    """

    def __init__(
        self,
        client: EngineClient,
        clock: Any,
        observed: Mapping[str, Any],
        recheck: Optional[Recheck] = None,
        header: Callable[[str], Optional[str]] = lambda image: None,
        progress: Callable[[str], None] = lambda line: None,
        patience: float = 60.0,
    ) -> None:
        self.client, self.clock = client, clock
        self.recheck, self.header, self.progress, self.patience = recheck, header, progress, patience
        self.done: List[str] = []
        self.touched: Dict[str, Operation] = {}
        self.key: Optional[str] = observed.get("key")
        self.ids = {
            (kind, name_of(obj)): id_of(obj)
            for kind, plural in (("network", "networks"), ("config", "configs"), ("secret", "secrets"))
            for obj in observed[plural]
        }

    def run(self, operations: Sequence[Operation], later: Sequence[Operation] = ()) -> None:
        """Carries out ``operations`` in their order; ``later`` is what the caller means to do after them.

        Raises DeployError with the cause's code; ``details["outcome"]`` has done, failed and not_done.
        """
        for index, operation in enumerate(operations):
            self.progress(str(operation))
            try:
                HOW[operation.action, operation.kind](self, operation)
            except EngineError as error:
                outcome = {
                    "done": list(self.done),
                    "failed": str(operation),
                    "not_done": [str(op) for op in (*operations[index + 1 :], *later)],
                }
                raise DeployError(
                    f"{operation.action} {operation.kind} {operation.name} failed: {error.message}",
                    error.error_code,
                    f"{error.hint} {self._so_far()}".strip(),
                    {**error.details, "outcome": outcome},
                ) from error
            self.done.append(str(operation))

    def _so_far(self) -> str:
        count = len(self.done)
        done = "Nothing was done" if not count else f"{count} operation{' was' if count == 1 else 's were'} done"
        return f"{done}; running again completes the rest."

    # -- one method for each kind of call

    def create_network(self, operation: Operation) -> None:
        spec = dict(operation.payload["spec"])
        if self.client.api_version and self.client.api_version < (1, 44):
            spec["CheckDuplicate"] = True
        else:
            spec.pop("CheckDuplicate", None)
        self.ids["network", operation.name] = self.client.create("/networks/create", spec)

    def create_config(self, operation: Operation) -> None:
        if operation.payload.get("key"):
            self.key = create_key(self.client)
            return
        self._create_object(operation, "configs")

    def create_secret(self, operation: Operation) -> None:
        self._create_object(operation, "secrets")

    def _create_object(self, operation: Operation, plural: str) -> None:
        payload = operation.payload
        body = {**payload["spec"], "Data": payload["data"]}
        if payload["data"] is None:
            del body["Data"]
        body["Labels"] = {**(body.get("Labels") or {}), CONTENT: self._digest(operation)}
        self.ids[operation.kind, operation.name] = self.client.create(f"/{plural}/create", body)

    def _digest(self, operation: Operation) -> str:
        payload = operation.payload
        entry = {"name": payload["base"], "spec": payload["spec"], "data": payload["data"]}
        return digest(operation.kind, entry, self.key)

    def update_object(self, operation: Operation) -> None:
        payload = operation.payload
        body = payload["spec"]
        if payload.get("adopt"):
            body = {**body, "Labels": {**body["Labels"], CONTENT: self._digest(operation)}}
        self.client.post(f"/{operation.kind}s/{payload['id']}/update", {"version": payload["version"]}, body)

    def create_service(self, operation: Operation) -> None:
        spec = self._with_ids(operation.payload["spec"])
        made = self.client.create("/services/create", spec, self._auth(spec))
        self.touched[made] = operation

    def update_service(self, operation: Operation) -> None:
        for _try in range(TRIES_OUT_OF_SEQUENCE):
            payload = operation.payload
            spec = self._with_ids(payload["spec"])
            try:
                self.client.post(
                    f"/services/{payload['id']}/update", {"version": payload["version"]}, spec, self._auth(spec)
                )
            except EngineError as error:
                if error.error_code != "out_of_sequence" or self.recheck is None:
                    raise
                fresh = self.recheck(operation.name, self.client.get(f"/services/{payload['id']}"))
                if fresh.action == "keep":
                    return
                if fresh.changes != operation.changes:
                    raise
                operation = fresh
            else:
                self.touched[payload["id"]] = operation
                return
        raise EngineError(
            f"service {operation.name} is changed by somebody else all the time.", "out_of_sequence", "Run again later."
        )

    def remove_now(self, operation: Operation) -> None:
        self._delete(f"/{operation.kind}s/{operation.payload['id']}")

    def remove_when_free(self, operation: Operation) -> None:
        deadline = self.clock.now() + self.patience
        pause = FIRST_PAUSE
        while True:
            try:
                self._delete(f"/{operation.kind}s/{operation.payload['id']}")
                return
            except EngineError as error:
                if not _in_use(error) or self.clock.now() + pause > deadline:
                    raise
            self.clock.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _delete(self, path: str) -> None:
        try:
            self.client.delete(path)
        except EngineError as error:
            if error.error_code != "not_found":  # gone already: that is what was wanted
                raise

    # -- what a service needs

    def _auth(self, spec: Mapping[str, Any]) -> Optional[Dict[str, str]]:
        value = self.header(spec["TaskTemplate"]["ContainerSpec"].get("Image") or "")
        return {"X-Registry-Auth": value} if value else None

    def _with_ids(self, spec: Mapping[str, Any]) -> Dict[str, Any]:
        """The specification with the ids of configs and secrets, which the Engine asks for beside their names."""
        template = spec["TaskTemplate"]
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


HOW: Dict[Any, Callable[[Apply, Operation], None]] = {
    ("create", "network"): Apply.create_network,
    ("create", "config"): Apply.create_config,
    ("create", "secret"): Apply.create_secret,
    ("create", "service"): Apply.create_service,
    ("update", "config"): Apply.update_object,
    ("update", "secret"): Apply.update_object,
    ("update", "service"): Apply.update_service,
    ("remove", "service"): Apply.remove_now,
    ("remove", "config"): Apply.remove_when_free,
    ("remove", "secret"): Apply.remove_when_free,
    ("remove", "network"): Apply.remove_when_free,
}


def create_key(client: EngineClient) -> str:
    """Creates the cluster's key for digests of secrets, or reads the one that another run made just now (base64)."""
    import base64
    import secrets

    data = base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    try:
        client.create("/configs/create", {"Name": KEY_CONFIG, "Labels": {}, "Data": data})
        return data
    except EngineError as error:
        if error.error_code != "conflict":
            raise
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.observe import configs_named

    return str(configs_named(client, [KEY_CONFIG])[0]["Spec"]["Data"])


def _in_use(error: EngineError) -> bool:
    text = error.message.lower()
    return "in use" in text or "active endpoints" in text
