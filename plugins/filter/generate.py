# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters generate_*: the generators of Compose files, for playbooks; a seed gives the same value each time."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible.errors import AnsibleFilterError

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import GeneratorError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import (
    GENERATORS,
    Context,
    Generator,
    full_name,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seeded import Seeded
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain

#: The name of the signing key while a token is generated.
KEY = "key"


def generate(generator: Generator, purpose: object, *positional: object, seed: object = None, **named: object) -> str:
    if not isinstance(purpose, str):
        raise AnsibleFilterError(f"{generator.name} needs a text that names the purpose of the value.")
    if seed is not None and (not isinstance(seed, str) or not seed):
        raise AnsibleFilterError(f"{generator.name}: seed must be a non-empty text.")
    try:
        params = generator.params(plain(positional), plain(named))
        return generator.make(_source(generator, params, plain(purpose), plain(seed)), params)
    except GeneratorError as error:
        raise AnsibleFilterError(f"{generator.name}: {error}") from error


def _source(generator: Generator, params: Mapping[str, object], purpose: str, seed: str | None) -> Any:
    if seed is None:
        return secrets.SystemRandom()
    return Seeded(seed, "\0".join((generator.name, json.dumps(params, sort_keys=True), purpose)))


def generate_jwt(key: object, days: object = 0, **claims: object) -> str:
    if not isinstance(key, str) or not key:
        raise AnsibleFilterError("generate_jwt needs the key that signs the token.")
    generator = GENERATORS["generate_jwt"]
    try:
        context = Context({full_name(KEY): plain(key)}, int(time.time()))
        return generator.make(secrets.SystemRandom(), {**plain(claims), "key": KEY, "days": plain(days)}, context)
    except (GeneratorError, TypeError) as error:
        raise AnsibleFilterError(f"generate_jwt: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        every: dict[str, Callable[..., Any]] = {
            name: partial(generate, generator) for name, generator in GENERATORS.items()
        }
        return {**every, "generate_jwt": generate_jwt}
