# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and configs that belong to no stack: created under a name with a hash of their content, removed if unused."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.content import create_key, digest, suffixed
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import configs_named, manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock, SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    CONTENT,
    KEY_CONFIG,
    OBJECT,
    PRIVATE,
    id_of,
    labels_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.loose_objects import (
    CREATE,
    REMOVE,
    UPDATE,
    Step,
    described,
    outdated,
    own_labels,
    superfluous,
    users_of,
    users_of_one,
    versions,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import ObjectOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config, ContentSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ContentEntry

Result = Dict[str, Any]
Item = Mapping[str, Any]
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\Z")
LARGEST = {"secret": 512_000, "config": 1_024_000}  # bytes, as swarmkit has it
LONGEST_NAME = 64
RACES = ("conflict", "out_of_sequence", "not_found")


def change_secret(client: EngineClient, params: ObjectOptions, check: bool) -> Result:
    """Creates, rotates or removes the secret of ``params``."""
    return change_object(client, SystemClock(), "secret", params, check)


def change_config(client: EngineClient, params: ObjectOptions, check: bool) -> Result:
    """Creates, rotates or removes the config of ``params``."""
    return change_object(client, SystemClock(), "config", params, check)


def change_object(client: EngineClient, clock: Clock, kind: str, params: ObjectOptions, check: bool) -> Result:
    """Creates, rotates or removes one object. If another run changes it at the same time, compares again.

    Raises StackwrightError (``invalid_options``, ``invalid_name``), EngineError (``conflict``, ``in_use``).
    """
    data = _data(kind, params)
    backoff = Backoff(clock, also=RACES, limit=5.0)
    made = False
    while True:
        work = _Work(client, kind, params, data)
        if check:
            return work.result()
        try:
            work.run()
        except EngineError as error:
            made = made or bool(work.done)
            if error.details.get("final"):
                error.details.pop("final")
                raise
            backoff.bear(error)
            continue
        work.steps = work.done
        result = work.result()
        return {**result, "changed": made or result["changed"]}


class _Work:
    """One comparison and its steps."""

    def __init__(self, client: EngineClient, kind: str, params: ObjectOptions, data: Optional[str]) -> None:
        self.client, self.kind, self.params, self.data = client, kind, params, data
        self.name, self.path = str(params["name"]), f"/{kind}s"
        self.info = manager_info(client)
        self.found = versions(self.name, client.list(self.path))
        self.users = users_of(kind, client.list("/services"))
        self.key: Optional[str] = None
        self.notices: List[str] = []
        self.done: List[Step] = []
        if params["state"] == "absent":
            self.current, self.steps = "", self._removal()
        else:
            if kind == "secret":
                keys = configs_named(client, [KEY_CONFIG])
                self.key = keys[0]["Spec"].get("Data") if keys else None
            self.steps = self._presence()

    # -- the steps

    def _presence(self) -> List[Step]:
        self.spec: ContentSpec = {}
        if self.params["template_driver"]:
            self.spec["Templating"] = {"Name": self.params["template_driver"]}
        self.digest = digest(self.kind, {"name": self.name, "spec": self.spec, "data": self.data}, self.key)
        hashed = self.params["hashed_name"]
        # Without a key of the Swarm, no run has created a secret of ours yet, so it is new in any case.
        self.current = (suffixed(self.name, self.digest) if self.digest else "") if hashed else self.name
        live = next((obj for obj in self.found if self.current and name_of(obj) == self.current), None)
        if live is None:
            reason = "new" if not self.found else "its content is new"
            shown = self.current or f"{self.name}_*"
            return [Step(CREATE, shown, "", reason), *self._superfluous()]
        self._refuse_others(live)
        if not self._is_same(live):
            self._refuse_users(live, "has another content, which Swarm can't change")
            reason = "its content differs, and no service uses it"
            return [Step(REMOVE, self.name, id_of(live), reason), Step(CREATE, self.name, "", reason)]
        labels = self._labels()
        if labels is not None and own_labels(live) != labels:
            return [Step(UPDATE, self.current, id_of(live), "its labels differ"), *self._superfluous()]
        return self._superfluous()

    def _superfluous(self) -> List[Step]:
        return superfluous(self.found, self.current, int(self.params["keep_versions"]), self.users)

    def _removal(self) -> List[Step]:
        for obj in self.found:
            self._refuse_others(obj)
            self._refuse_users(obj, "is in use", "in_use")
            for user in users_of_one(obj, self.users):
                self.notices.append(f"{self.kind} {name_of(obj)}: {user} used it, so Swarm can't roll that update back")
        return [Step(REMOVE, name_of(obj), id_of(obj), "state absent") for obj in self.found]

    def _is_same(self, live: Config) -> bool:
        known = labels_of(live).get(CONTENT)
        if known is None and self.kind == "config":
            entry: ContentEntry = {"name": self.name, "spec": live["Spec"], "data": live["Spec"].get("Data")}
            return digest("config", entry, None) == self.digest
        return bool(self.digest) and known == self.digest

    def _refuse_others(self, obj: Config) -> None:
        if stack_of(obj):
            raise _final(
                f"The {self.kind} {name_of(obj)} belongs to the stack {stack_of(obj)}.",
                "conflict",
                "Use another name, or change it in the Compose file of the stack.",
            )

    def _refuse_users(self, obj: Config, what: str, code: str = "conflict") -> None:
        using = [str(user) for user in users_of_one(obj, self.users) if not user.before]
        if not using:
            return
        hint = "Remove it from these services first." if code == "in_use" else "Set hashed_name: true to rotate it."
        error = _final(
            f"The {self.kind} {name_of(obj)} {what}: {', '.join(using)} use{'s' * (len(using) == 1)} it.", code, hint
        )
        error.details["used_by"] = using
        raise error

    def _labels(self) -> Optional[Dict[str, str]]:
        given = self.params["labels"]
        return None if given is None else {str(name): _text(value) for name, value in given.items()}

    # -- carrying them out

    def run(self) -> None:
        """Carries out the steps; ``done`` has those that this run did, not another one. Raises EngineError."""
        for step in self.steps:
            if step.action == CREATE:
                self._create()
            elif step.action == UPDATE:
                self._update(step)
            elif not self._remove(step):
                continue
            self.done.append(step)

    def _create(self) -> None:
        if self.kind == "secret" and self.key is None:
            self.key = create_key(self.client)
            self.digest = digest(self.kind, {"name": self.name, "spec": self.spec, "data": self.data}, self.key)
            if self.params["hashed_name"]:
                self.current = suffixed(self.name, self.digest)
        body: ContentSpec = {**self.spec, "Name": self.current, "Labels": {**(self._labels() or {}), **self._private()}}
        identity = self.client.create(f"{self.path}/create", {**body, "Data": self.data or ""})
        made: Config = {"ID": identity, "Spec": body}
        self.found = [made, *(obj for obj in self.found if name_of(obj) != self.current)]

    def _private(self) -> Dict[str, str]:
        return {OBJECT: self.name, CONTENT: self.digest}

    def _update(self, step: Step) -> None:
        live = next(obj for obj in self.found if id_of(obj) == step.id)
        private = {key: text for key, text in labels_of(live).items() if key.startswith(PRIVATE)}
        # The Engine does not return a secret's data, and keeps it if an update has none.
        spec = {**live["Spec"], "Labels": {**(self._labels() or {}), **private}}
        self.client.post(f"{self.path}/{step.id}/update", {"version": live["Version"]["Index"]}, spec)

    def _remove(self, step: Step) -> bool:
        try:
            removed = self.client.delete(f"{self.path}/{step.id}")
        except EngineError as error:
            if error.error_code == "invalid_spec" and "in use" in str(error):
                raise _final(f"The {self.kind} {step.name} is in use again: {error.message}", "in_use") from None
            raise
        self.found = [obj for obj in self.found if id_of(obj) != step.id]
        return removed

    # -- the result

    def result(self) -> Result:
        """Returns the result, without the content."""
        lines = [step.line(self.kind) for step in self.steps]
        old = outdated(self.found, self.current, self.users) if self.current else []
        notices = self.notices + [f"{user} still uses {name}: deploy it with {self.current}" for user, name in old]
        cluster = (self.info.get("Swarm") or {}).get("Cluster") or {}
        current = next((obj for obj in self.found if self.current and name_of(obj) == self.current), None)
        return {
            "changed": bool(self.steps),
            "name": self.name,
            "object_name": self.current,
            "object_id": id_of(current) if current is not None else "",
            "versions": [described(obj, self.current, self.users) for obj in self.found],
            "outdated": [{"service": user.service, "stack": user.stack, "version": name} for user, name in old],
            "plan_lines": lines,
            "notices": notices,
            "warnings": notices,
            "diff": self._diff(),
            "cluster_id": str(cluster.get("ID") or ""),
            "node": str(self.info.get("Name") or ""),
            "calls": self.client.calls,
        }

    def _diff(self) -> Dict[str, str]:
        before = [f"{self.kind} {step.name}\n" for step in self.steps if step.action == REMOVE]
        after = [f"{self.kind} {step.name}\n" for step in self.steps if step.action == CREATE]
        for step in self.steps:
            if step.action == UPDATE:
                live = next((obj for obj in self.found if id_of(obj) == step.id), None)
                before.append(f"{self.kind} {step.name} labels {own_labels(live) if live else {}}\n")
                after.append(f"{self.kind} {step.name} labels {self._labels()}\n")
        return {"before": "".join(before), "after": "".join(after)}


def _final(message: str, code: str, hint: str = "") -> EngineError:
    """Returns an error for which there is no retry."""
    return EngineError(message, code, hint, details={"final": True})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _data(kind: str, params: ObjectOptions) -> Optional[str]:
    """Returns the content in base64, or None with state absent. Raises StackwrightError, never with the content."""
    name = str(params["name"])
    if not NAME.match(name) or len(name) > LONGEST_NAME:
        raise StackwrightError(
            f"{name!r} is not a valid name for a {kind}.",
            "invalid_name",
            f"Use at most {LONGEST_NAME} letters, digits, '-', '_' and '.'; begin and end with a letter or digit.",
        )
    if name.startswith(PRIVATE):
        raise StackwrightError(f"Names that begin with {PRIVATE} are reserved.", "invalid_name", "Use another name.")
    if params["state"] == "absent":
        return None
    if params["data"] is None:
        raise StackwrightError("data is required with state present.", "invalid_options")
    raw: bytes = str(params["data"]).encode("utf-8", "surrogateescape")
    if params["data_is_b64"]:
        try:
            raw = base64.b64decode(b"".join(raw.split()), validate=True)
        except (binascii.Error, ValueError):
            raise StackwrightError("data is not valid base64.", "invalid_options") from None
    if not 0 < len(raw) <= LARGEST[kind]:
        raise StackwrightError(
            f"The {kind} {name} has {len(raw)} bytes; Swarm takes 1 to {LARGEST[kind]}.", "invalid_options"
        )
    return base64.b64encode(raw).decode("ascii")
