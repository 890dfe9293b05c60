# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table from path patterns to functions, read while walking down a tree.

A pattern is dotted text; ``*`` matches any key of a mapping, ``[]`` any item of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place

Rule = Callable[[Any, Place], Any]


class Rules:
    """One level of the table: the rule for this node and, by key, those for the nodes below."""

    __slots__ = ("below", "rule")

    def __init__(self, table: Mapping[str, object] | None = None) -> None:
        self.rule: Any = None
        self.below: dict[str, Rules] = {}
        for pattern, rule in (table or {}).items():
            node = self
            for key in pattern.replace("[]", ".[]").split("."):
                node = node.below.setdefault(key, Rules())
            node.rule = rule

    def next(self, key: str) -> Rules | None:
        """Returns the rules for the value of ``key`` in a mapping; those of the key itself win over ``*``."""
        return self.below.get(key) or self.below.get("*")

    def apply(self, node: object, place: Place) -> Any:
        """Replaces each value that has a rule with the rule's result, from the leaves up; changes ``node``."""
        if isinstance(node, dict):
            keys = list(node) if "*" in self.below else [key for key in self.below if key in node]
            for key in keys:
                rules = self.next(key)
                if rules is not None:
                    node[key] = rules.apply(node[key], place.at(node, key))
        elif isinstance(node, list) and "[]" in self.below:
            rules = self.below["[]"]
            for index, value in enumerate(node):
                node[index] = rules.apply(value, place.at(node, index))
        return self.rule(node, place) if self.rule else node
