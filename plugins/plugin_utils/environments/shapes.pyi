# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of environments. Imported for types only."""

from typing import TypedDict

from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

class Preview(TypedDict):
    """The options of a preview; ``ttl`` is in the format of ``seconds_of``."""

    ref: str
    ttl: str
    keep: bool

class Owner(TypedDict):
    """The owner of a stack of stack_info."""

    project: str
    environment: str
    name: str

class Task(TypedDict):
    """A task of stack_info, with the fields that are used."""

    node: str
    desired_state: str

class Service(TypedDict):
    """A service of stack_info, with the fields that are used. ``desired``: how many tasks should run."""

    name: str
    desired: int
    labels: dict[str, str]
    volumes: list[str]
    tasks: list[Task]

class Live(TypedDict):
    """A stack of stack_info, with the fields that are used."""

    owner: Owner
    services: list[Service]

class Config(TypedDict):
    """A config of swarm_info, with the fields that are used."""

    name: str
    labels: dict[str, str]

class Found(TypedDict):
    """One environment. ``expires`` and ``updated`` are times in UTC, empty unless it is a preview.

    ``members`` are its stacks as options of the modules, ``full_names`` their names in the Swarm. ``nodes`` have or had
    tasks with volumes. ``data``: volumes with copied data, each with the id of its node. ``stamp`` changes with each
    update.
    """

    project: str
    environment: str
    record: str
    stacks: list[str]
    members: list[dict[str, str]]
    full_names: list[str]
    nodes: list[str]
    data: dict[str, str]
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

class Target(TypedDict):
    """The Copy that a Looked is about, with the fields that are used."""

    target: str

class Looked(TypedDict, total=False):
    """The result of volume_copy for ``item`` on ``host`` in check mode. Without ``node_id``, the volume doesn't exist;
    with an ``error_code``, services must stop first."""

    host: str
    item: Target
    changed: bool
    node: str
    node_id: str
    error_code: str

class User(TypedDict):
    """A service of the clone, as options of stack_service."""

    name: str
    service: str

class Copy(TypedDict, total=False):
    """A volume of the clone (``target``) that gets the data of another environment's volume.

    ``users``: services of the clone that run with it. ``host``, ``node``, ``node_id`` and ``copied`` (whether the data
    is already there) are known after the nodes were read, ``labels`` after the stacks were compiled.
    """

    volume: str
    source: str
    target: str
    users: list[User]
    host: str
    node: str
    node_id: str
    copied: bool
    labels: dict[str, str]

class Options(TypedDict, total=False):
    """The options of compose_stack for a stack, with the fields that are used."""

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

class Export(TypedDict):
    """A stack in the result of stack_export, with the fields that are used."""

    name: str
    folder: str
    not_exported: list[str]
    options: dict[str, object]
    secrets: list[str]

class Exports(TypedDict):
    """The result of stack_export, with the fields that are used."""

    dest: str
    stacks: list[Export]
