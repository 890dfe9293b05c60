# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of modules' options, and of what action plugins send along with them. Imported for types only."""

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, TypedDict

from ansible_collections.stackwright.swarm.plugins.module_utils.core.node_types import Place, Step
from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Logins
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Desired

class Naming(TypedDict):
    """The options that name a stack (names.py: Stack.of)."""

    name: Optional[str]
    project: Optional[str]
    environment: Optional[str]
    label_prefix: str

class ProxyOptions(TypedDict, total=False):
    """The options for the connection to proxies, and their server."""

    admin: List[str]
    admin_timeout: float
    admin_hostname: Optional[str]
    admin_ca: Optional[str]
    admin_cert: Optional[str]
    admin_key: Optional[str]
    server: str

class StackRoutes(TypedDict):
    """The routes of one of many stacks."""

    stack: str
    name: str
    busy: bool
    routes: Optional[List[Dict[str, object]]]

class RouteOptions(ProxyOptions, total=False):
    """The options of caddy_route and caddy_route_info."""

    stack: str
    stacks: Optional[List[StackRoutes]]
    routes: Optional[List[Dict[str, object]]]
    services_of: Optional[str]
    state: str
    exclusive: bool
    takes: List[str]
    take_over: str
    live_services: Optional[Mapping[str, str]]
    label_prefix: str
    maintenance: Optional[str]

class ServerOptions(ProxyOptions, total=False):
    """The options of caddy_server."""

    trusted_proxies: List[str]
    https_port: int
    https: Optional[bool]
    h2c: Optional[bool]

class Ciphertext(TypedDict, total=False):
    """A request for the encrypted values of a stack, or to write them (``put``)."""

    owner: str
    put: str
    number: int
    key: str

class Compiled(TypedDict, total=False):
    """The kept values that an action plugin sends: ``vaults`` by slot, with the key that seals them."""

    vaults: Optional[Mapping[str, Any]]
    ciphertext: Ciphertext
    read_key: str
    meet: bool

class Handed(Compiled, total=False):
    """The data that an action plugin and adapter/run_change.py add to the options of a change."""

    check: bool
    defer: bool
    detach: Optional[Callable[[], None]]
    progress: Optional[Callable[[str], None]]
    identity: Optional[Mapping[str, object]]
    who: str
    desired: Desired
    labels: Optional[Dict[str, object]]
    asked: Optional[Mapping[str, object]]
    node: Place
    volume: Step

class CleanupPart(Handed, total=False):
    """One part of stack_cleanup (adapter/cleanup.py); ``seconds`` is the length of a lease."""

    part: str
    run: str
    seconds: float
    seen: Sequence[str]
    others: bool
    wait: float
    facts: Dict[str, Any]
    until: Sequence[float]
    why: str

class PreflightOptions(Logins):
    """The options of stack_preflight that the check of the cluster reads."""

    resolve_image: str

class DiskOptions(TypedDict):
    """The limits of free disk space on a node in MiB: fewer is an error, a warning."""

    min_free_mib: int
    warn_free_mib: int

class PreflightParams(PreflightOptions, DiskOptions): ...

class ObjectOptions(TypedDict):
    """The options of swarm_config and swarm_secret."""

    name: str
    state: str
    data: Optional[str]
    data_is_b64: bool
    labels: Optional[Dict[str, object]]
    template_driver: Optional[str]
    hashed_name: bool
    keep_versions: int

class NetworkOptions(TypedDict):
    """The options of swarm_network."""

    name: str
    state: str
    driver: str
    driver_options: Optional[Dict[str, object]]
    encrypted: bool
    attachable: bool
    internal: bool
    ipv6: bool
    ipam: List[Dict[str, Optional[str]]]
    labels: Optional[Dict[str, object]]
    recreate: bool

class Needs(TypedDict):
    """The images that a Swarm needs (pruning/needs.py): ids of nodes, and for each image those that may run it."""

    cluster_id: str
    nodes: List[str]
    images: Dict[str, List[str]]

class PruneOptions(TypedDict):
    """The options of node_prune."""

    containers: bool
    networks: bool
    volumes: bool
    images: str
    keep_images: List[str]
    build_cache: bool
    older_than: int
    disk_threshold: int
    needed: Optional[Needs]

class LogLine(TypedDict, total=False):
    """A line of stack_logs; the Engine gives neither its service nor its slot."""

    time: str
    service: Optional[str]
    task: str
    slot: Optional[int]
    node: str
    stream: str
    text: str
