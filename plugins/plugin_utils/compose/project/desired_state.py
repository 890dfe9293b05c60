# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types of the desired state: the result of compiling, which platform and parts change (docs/architecture.md).

Imported for types only. Specs have more fields: these are the ones that our code reads.
"""

from __future__ import annotations

from typing import Any, Dict, List, TypedDict


class ContainerSpec(TypedDict, total=False):
    Labels: Dict[str, str]
    Mounts: List[Dict[str, Any]]
    Configs: List[Dict[str, str]]
    Secrets: List[Dict[str, str]]
    Privileges: Dict[str, Any]


class TaskTemplate(TypedDict, total=False):
    ContainerSpec: ContainerSpec
    Networks: List[Dict[str, Any]]
    Placement: Dict[str, object]
    Resources: Dict[str, Dict[str, object]]


class Spec(TypedDict, total=False):
    Mode: Dict[str, object]
    TaskTemplate: TaskTemplate
    EndpointSpec: Dict[str, List[Dict[str, object]]]


class AsDocker(TypedDict):
    """The spec that ``docker stack deploy`` would create for a service, and the keys that it ignores."""

    spec: Spec
    keys: List[str]


class Service(TypedDict, total=False):
    key: str
    name: str
    spec: Spec
    as_docker: AsDocker


class _Whole(TypedDict):
    format: int
    stack: Dict[str, str]
    networks: List[Dict[str, Any]]
    configs: List[Dict[str, Any]]
    secrets: List[Dict[str, Any]]
    services: List[Dict[str, Any]]
    waves: List[List[str]]
    routes: List[Dict[str, Any]]
    values: List[Dict[str, Any]]
    notices: List[Dict[str, Any]]


class Desired(_Whole, total=False):
    """The desired state. ``part``: the stack has other services. ``recreate_volumes``: names of volumes."""

    part: bool
    recreate_volumes: List[str]
