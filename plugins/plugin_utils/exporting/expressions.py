# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kept values in an exported file: the expressions that generate them replace the references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import REFERENCE, STACK

#: Mark the place of an expression while the text is written. YAML doesn't escape these characters.
_BEGIN, _END = "\ue000", "\ue001"
#: The block of the stack's own values.
BLOCK = "x-env"


class Expressions:
    """The expressions of one file. ``generators`` maps the name of a value to its generator and parameters."""

    def __init__(self, generators: Mapping[str, tuple[str, Mapping[str, object]]]) -> None:
        self.generators = generators
        self.used: list[str] = []

    def marked(self, tree: Mapping[str, object]) -> dict[str, Any]:
        """Returns a copy of a file's tree with marks for references, and with the block of the stack's own values."""
        made: dict[str, Any] = self._marked(tree)
        own = {}
        for name in list(self.used):
            owner, _slash, key = name.partition("/")
            if owner == STACK:
                own[key] = _BEGIN + self._text(name) + _END
        return {BLOCK: dict(sorted(own.items())), **made} if own else made

    def _marked(self, node: object) -> Any:
        if isinstance(node, str):
            return REFERENCE.sub(lambda match: self._mark(match.group(1)), node) if "\0" in node else node
        if isinstance(node, Mapping):
            return {key: self._marked(value) for key, value in node.items()}
        return [self._marked(item) for item in node] if isinstance(node, list) else node

    def _mark(self, name: str) -> str:
        if name not in self.used:
            self.used.append(name)
        return f"{_BEGIN}{self.used.index(name)}{_END}"

    def expanded(self, text: str) -> str:
        """Returns the text of the file with expressions in place of marks."""
        for number, name in enumerate(self.used):
            owner, _slash, key = name.partition("/")
            expression = f"${{{key}}}" if owner == STACK else self._text(name)
            text = text.replace(f"{_BEGIN}{number}{_END}", expression)
        return text.replace(_BEGIN, "").replace(_END, "")

    def _text(self, name: str) -> str:
        generator, params = self.generators[name]
        arguments = ", ".join(
            f"{param}='{value}'" if isinstance(value, str) else f"{param}={value}" for param, value in params.items()
        )
        return f"{{{{ {generator}({arguments}) }}}}" if arguments else f"{{{{ {generator} }}}}"
