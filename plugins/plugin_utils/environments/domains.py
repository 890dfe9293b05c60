# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. The domains of a clone, from the files' domains and a pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.previews import shortened

DEFAULT_PATTERN = "{environment}-{domain}"
FIELDS = ("project", "environment", "stack", "service", "domain")
#: The longest label of a domain, and the longest domain (RFC 1035).
LABEL, DOMAIN = 63, 253

_FIELD = re.compile(r"\{([^{}]*)\}")


def domain_of(pattern: str, fields: Mapping[str, str]) -> str:
    """Returns the domain for ``pattern`` and its ``fields`` (FIELDS), in lower case. Long labels end with a digest.

    A wildcard stays one: in ``*.shop.example.com``, the pattern applies to ``shop.example.com``.
    Raises StackwrightError (``invalid_options``).
    """
    unknown = [name for name in _FIELD.findall(pattern) if name not in FIELDS]
    if unknown or "{" in _FIELD.sub("", pattern) or "}" in _FIELD.sub("", pattern):
        raise _refusal(pattern, f"{{{unknown[0]}}} is unknown" if unknown else "a brace is not closed or not opened")
    star, rest = ("*.", fields["domain"][2:]) if fields["domain"].startswith("*.") else ("", fields["domain"])
    given = {**{name: re.sub(r"[^a-z0-9-]+", "-", fields[name].lower()).strip("-") for name in FIELDS}, "domain": rest}
    text = _FIELD.sub(lambda field: given[field.group(1)], pattern).lower().rstrip(".")
    labels = [label if len(label) <= LABEL else shortened(label, LABEL, label) for label in text.split(".")]
    for label in labels:
        if not re.match(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z", label):
            raise _refusal(pattern, f"{text} has the label {label!r}, which is not valid in a domain")
    made = star + ".".join(labels)
    if len(made) > DOMAIN:
        raise _refusal(pattern, f"{made[:40]}… has more than {DOMAIN} characters")
    return made


def _refusal(pattern: str, why: str) -> StackwrightError:
    return StackwrightError(
        f"The pattern {pattern!r} does not give a valid domain: {why}.",
        error_code="invalid_options",
        hint=f"Use letters, digits, '-', '.' and the fields {', '.join('{' + name + '}' for name in FIELDS)}.",
    )
