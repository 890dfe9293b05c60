# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces kept values with references in the specifications for an export."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import Pinned
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.content import digest
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import present
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import CONTENT, labels_of, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import (
    SECRETS,
    STACK,
    bind_values,
    references_in,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config, Info, Service

#: Its value is signed with another value, so it is exported as a text.
SIGNED = "generate_jwt"


class Referring:
    """The kept values of one stack. Raises StackwrightError if they can't be read.

    ``generators`` has generator and parameters of each value that an expression can replace. ``secrets`` maps the real
    names of secrets whose content is exactly one value to their keys.
    """

    def __init__(self, snapshot: Mapping[str, object], values: Pinned) -> None:
        self.snapshot: Any = snapshot
        self.texts = values.texts()
        made = {name: how for name, how in values.generators().items() if how[0] != SIGNED}
        self.generators = {name: how for name, how in made.items() if not (name.startswith(STACK) and "#" in name)}
        self.secrets: Dict[str, str] = {}

    def in_service(self, service: Service) -> Service:
        """Returns the service with references in place of their values."""
        known = next((one for one in self.snapshot["services"] if one["name"] == name_of(service)), None)
        if known is None:
            return service
        written = [text for text in _texts(known["spec"]) if self._is_usable(text, known["key"])]
        # Inside a ContainerSpec, binding escapes Swarm's templates; outside it does not.
        inside = bind_values({"ContainerSpec": {"Env": written}}, self.texts)["ContainerSpec"]["Env"]
        bound = {**dict(zip(bind_values(written, self.texts), written)), **dict(zip(inside, written))}
        spec: Any = _replaced(service["Spec"], bound)
        return {**service, "Spec": spec}

    def _is_usable(self, text: str, service: str) -> bool:
        """Whether an expression at this place would mean the same values."""
        names = references_in(text)
        for name in names:
            owner, _slash, key = name.partition("/")
            own = owner == service and text.startswith(key.partition("#")[0] + "=")
            if name not in self.generators or not (own or owner == STACK):
                return False
        return bool(names)

    def find_secrets(self, live: List[Config], key: Optional[str]) -> None:
        """Adds to ``secrets`` those whose content is exactly a kept value, by the digest with the cluster's key."""
        labels = {name_of(secret): labels_of(secret).get(CONTENT) for secret in live}
        for entry in self.snapshot["secrets"]:
            name = f"{SECRETS}/{entry['key']}"
            if entry["external"] or name not in self.generators:
                continue
            data = base64.b64encode(self.texts[name].encode("utf-8", "surrogateescape")).decode("ascii")
            mark = digest("secret", {"name": entry["name"], "spec": entry["spec"], "data": data}, key)
            if mark and labels.get(entry["real"]) == mark:
                self.secrets[entry["real"]] = entry["key"]


def referring(client: EngineClient, info: Info, stack: str) -> Optional[Referring]:
    """Returns the kept values of the stack's last good revision; None if it has none.

    Raises EngineError and StackwrightError, also if the values are in a vault on the controller.
    """
    last = present(History(client, None, stack).read())
    if last is None or last.damaged or not last.packed:
        return None
    snapshot = unpack(last.packed)
    return Referring(snapshot, Pinned(client, info, snapshot)) if snapshot.get("values") else None


def why_not(stack: str, error: StackwrightError) -> str:
    """Returns the notice for a stack whose values can't be read."""
    return f"stack {stack}: its kept values are written as they run, because they can't be read: {error.message}"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _replaced(value: object, texts: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, dict):
        return {name: _replaced(item, texts) for name, item in value.items()}
    return [_replaced(item, texts) for item in value] if isinstance(value, list) else value
