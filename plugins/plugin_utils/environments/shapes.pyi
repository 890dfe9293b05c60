# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of environments. Imported for types only."""

from typing import TypedDict

from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

class Preview(TypedDict):
    """What a preview is asked for: ``ttl`` as ``seconds_of`` reads it."""

    ref: str
    ttl: str
    keep: bool

class Owner(TypedDict):
    """Whose a stack of stack_info is."""

    project: str
    environment: str
    name: str

class Task(TypedDict):
    """What counts of a task of stack_info."""

    node: str

class Service(TypedDict):
    """What counts of a service of stack_info."""

    labels: dict[str, str]
    volumes: list[str]
    tasks: list[Task]

class Live(TypedDict):
    """What counts of a stack of stack_info."""

    owner: Owner
    services: list[Service]

class Config(TypedDict):
    """What counts of a config of swarm_info."""

    name: str
    labels: dict[str, str]

class Found(TypedDict):
    """One environment. ``expires`` and ``updated`` are times in UTC, empty unless it is a preview.

    ``members`` are its stacks as the modules name them, ``full_names`` their names in the Swarm. ``nodes`` have
    or had tasks with volumes. ``stamp`` is another text after an update.
    """

    project: str
    environment: str
    record: str
    stacks: list[str]
    members: list[dict[str, str]]
    full_names: list[str]
    nodes: list[str]
    stamp: str
    preview: bool
    ref: str
    ttl: str
    updated: str
    expires: str
    keep: bool
    url: str
    over: bool
    reason: str

class Options(TypedDict, total=False):
    """What counts of the options of a stack for compose_stack."""

    name: str
    project: str
    environment: str
    src: list[str]
    definition: object
    remote_src: bool
    label_prefix: str
    variables: Variables
    env_files: list[str]
    profiles: list[str]
    project_directory: str
    shared_networks: list[str] | None
    platform: dict[str, object]
    env_overrides: dict[str, object]
    confine: str
