# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of routes (routing/book.py) in the Swarm: reads it, and changes it with compare-and-swap."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.book import (
    Book,
    Taken,
    book_in,
    deployment_facts,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.conflicts import claims_in_swarm
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import ROUTE_BOOK, id_of, name_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config, Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

#: Seconds to retry if other runs write at the same time.
CONTENTION = 20.0
TEXT = (
    "Record of stackwright.swarm: its labels list routes that proxies have missed, and domains that moved between "
    "stacks."
)

Secret = Dict[str, Any]


def read_book(client: EngineClient) -> Book:
    """Returns the record. Raises EngineError."""
    return book_in(_secret(client))


def change_book(client: EngineClient, clock: Clock, change: Callable[[Book], Book]) -> bool:
    """Changes the record; repeats this if another run was faster. Returns whether it changed. Raises EngineError."""
    backoff = Backoff(clock, limit=CONTENTION, also=("out_of_sequence", "conflict"))
    while True:
        found = _secret(client)
        before = book_in(found)
        after = change(before)
        if after == before:
            return False
        try:
            _write(client, found[0] if found else None, after)
            return True
        except EngineError as error:
            # If the answer was lost, the next read shows whether the write succeeded.
            backoff.bear(error)


def _secret(client: EngineClient) -> Sequence[Config]:
    found = client.list("/secrets", {"filters": {"name": [ROUTE_BOOK]}})
    return [secret for secret in found if name_of(secret) == ROUTE_BOOK]


def _write(client: EngineClient, secret: Optional[Config], book: Book) -> None:
    spec = {"Name": ROUTE_BOOK, "Labels": {ROUTE_BOOK: book.label}}
    if secret is None:
        client.post("/secrets/create", body={**spec, "Data": base64.b64encode(TEXT.encode()).decode()})
        return
    version = {"version": secret["Version"]["Index"]}
    client.post(f"/secrets/{id_of(secret)}/update", version, body=spec)


def claims_of_others(services: Iterable[Service], prefix: str, but: str) -> Iterator[Tuple[str, str]]:
    """Yields domains, each with the full name of another stack whose running services claim it."""
    for claim in claims_in_swarm(services, prefix, but):
        yield claim.domain, claim.stack


def read_deployment_facts(client: EngineClient, stack: str, observed: Observed, options: Options) -> Dict[str, Any]:
    """Returns the parts of the record for a deployment of ``stack``; see ``deployment_facts``.

    Reads all services only if another stack has taken a domain. Raises EngineError.
    """
    book = book_in(observed.get("secrets") or ())
    identity = str((options.get("identity") or {}).get("id") or "")
    own = {domain for domain, _name in claims_of_others(observed["services"], options["prefix"], "") if book.taken}
    claims: Iterable[Tuple[str, str]] = ()
    if any(taken.stack != identity for taken in book.taken):
        services = observed["all_services"] if "all_services" in observed else client.list("/services")
        claims = claims_of_others(services, options["prefix"], stack)
    return deployment_facts(book, identity, own, claims)


def taken_from(client: EngineClient, stack: str, identity: str, observed: Observed, prefix: str) -> List[Taken]:
    """Returns the domains that other stacks have taken from the running services of ``stack`` (its full name).

    Reads all services only if a domain was taken. Raises EngineError.
    """
    own = {domain for domain, _name in claims_of_others(observed["services"], prefix, "")}
    book = book_in(observed["secrets"])
    if not any(taken.domain in own and taken.stack != identity for taken in book.taken):
        return []
    lost = book.lost(identity, claims_of_others(client.list("/services"), prefix, stack))
    return [taken for domain, taken in sorted(lost.items()) if domain in own]
