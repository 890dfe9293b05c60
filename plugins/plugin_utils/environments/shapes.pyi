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
    desired_state: str

class Service(TypedDict):
    """What counts of a service of stack_info. ``desired``: how many tasks should run."""

    name: str
    desired: int
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
    or had tasks with volumes. ``data`` are volumes with copied data, each with the id of its node. ``stamp`` is
    another text after an update.
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
    """What a look is of: what counts of a Copy."""

    target: str

class Looked(TypedDict, total=False):
    """What volume_copy in check mode says of ``item`` on ``host``. Without ``node_id``, it is not there; with an
    ``error_code``, services have to stop first."""

    host: str
    item: Target
    changed: bool
    node: str
    node_id: str
    error_code: str

class User(TypedDict):
    """A service of the clone: as stack_service names it."""

    name: str
    service: str

class Copy(TypedDict, total=False):
    """A volume of the clone (``target``) that gets the data of one of another environment.

    ``users``: services of the clone that run with it. ``host``, ``node``, ``node_id`` and ``copied`` (whether it has
    the data already) are known after a look at the nodes, ``labels`` after the stacks were compiled.
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

class Export(TypedDict):
    """What counts of a stack in the result of stack_export."""

    name: str
    folder: str
    not_exported: list[str]
    options: dict[str, object]
    secrets: list[str]

class Exports(TypedDict):
    """What counts of the result of stack_export."""

    dest: str
    stacks: list[Export]
