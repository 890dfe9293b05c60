# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data about routes that service labels can't have: routes that proxies missed, and domains that moved between stacks.

It is JSON in the label of one Docker secret, ``ROUTE_BOOK``: every deployment lists the secrets in any case.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import ROUTE_BOOK, labels_of, name_of


class Debt(NamedTuple):
    """A proxy (a host of the inventory) that missed the routes of a stack, or with ``gone`` their removal."""

    proxy: str
    stack: str  # its id
    name: str  # its full name
    since: str
    gone: bool = False


class Taken(NamedTuple):
    """A domain that a stack has taken from others with routes for it."""

    domain: str
    stack: str
    name: str
    since: str


@dataclass(frozen=True)
class Book:
    """The whole record."""

    owed: Tuple[Debt, ...] = ()
    taken: Tuple[Taken, ...] = ()

    def with_missed(self, proxies: Iterable[str], debt: Debt) -> Book:
        """Returns the record with ``debt`` for each proxy; it replaces earlier debts of the same stack."""
        names = set(proxies)
        kept = [one for one in self.owed if not (one.proxy in names and one.stack == debt.stack)]
        return replace(self, owed=tuple(sorted([*kept, *(debt._replace(proxy=name) for name in names)])))

    def without(self, settled: Iterable[Debt]) -> Book:
        """Returns the record without these debts; routes that were missed since are a different debt."""
        gone = set(settled)
        return replace(self, owed=tuple(debt for debt in self.owed if debt not in gone))

    def with_taken(self, domains: Iterable[str], taken: Taken) -> Book:
        """Returns the record with these domains taken by the stack, and no longer by any other."""
        names = set(domains)
        kept = [one for one in self.taken if one.domain not in names]
        return replace(self, taken=tuple(sorted([*kept, *(taken._replace(domain=name) for name in names)])))

    def owned(self, stack: str) -> FrozenSet[str]:
        """Returns the domains that the stack (an id) has taken."""
        return frozenset(one.domain for one in self.taken if one.stack == stack)

    def lost(self, stack: str, claims: Iterable[Tuple[str, str]]) -> Dict[str, Taken]:
        """Returns the domains that other stacks have taken and still have routes for.

        :param stack: the id of the stack that lost them.
        :param claims: pairs of a domain and the name of a stack whose live services have a route for it.
        """
        live = set(claims)
        return {one.domain: one for one in self.taken if one.stack != stack and _covered(one.domain, one.name, live)}

    @property
    def label(self) -> str:
        """The text of the label."""
        entries = {"owed": [one._asdict() for one in self.owed], "taken": [one._asdict() for one in self.taken]}
        return json.dumps(entries, separators=(",", ":"), sort_keys=True)


def _covered(domain: str, name: str, live: Any) -> bool:
    wildcard = "*." + domain.partition(".")[2]
    return (domain, name) in live or (wildcard, name) in live


def book_in(secrets: Iterable[Mapping[str, object]]) -> Book:
    """Returns the record from the Swarm's secrets; an empty one if it is missing or can't be read."""
    found = next((secret for secret in secrets if name_of(secret) == ROUTE_BOOK), None)
    return book_of(labels_of(found).get(ROUTE_BOOK, "")) if found is not None else Book()


def book_of(text: str) -> Book:
    """Returns the record from a label's text."""
    try:
        found = parse(text.encode()) if text else {}
    except ValueError:
        found = {}
    found = found if isinstance(found, dict) else {}
    return Book(tuple(_read(Debt, found.get("owed"))), tuple(_read(Taken, found.get("taken"))))


def _read(kind: object, entries: object) -> List[Any]:
    found = [entry_of(kind, entry) for entry in (entries if isinstance(entries, list) else ())]
    return [entry for entry in found if entry is not None]


def entry_of(kind: Any, entry: object) -> Any:
    """Returns ``entry`` (a map) as a ``kind``, or None if it is invalid."""
    names: Sequence[str] = kind._fields
    if not isinstance(entry, dict) or set(entry) != set(names):
        return None
    if not all(isinstance(entry[name], bool if name == "gone" else str) for name in names):
        return None
    return kind(**entry)


def deployment_facts(book: Book, stack: str, own: Iterable[str], claims: Iterable[Tuple[str, str]]) -> Dict[str, Any]:
    """Returns what a deployment of ``stack`` (an id) must know; an empty map if there is nothing.

    ``own`` are the domains of its live services: a taken domain without a route is no longer its own.
    ``owed``: the proxies that have missed something; ``takes``: the domains that the stack has taken before;
    ``yields``: those that others have taken, each with the name of that stack.
    """
    facts: Dict[str, Any] = {
        "owed": sorted({debt.proxy for debt in book.owed}),
        "takes": sorted(book.owned(stack).intersection(own)),
        "yields": {domain: taken.name for domain, taken in sorted(book.lost(stack, claims).items())},
    }
    return facts if any(facts.values()) else {}
