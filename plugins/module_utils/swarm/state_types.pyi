# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of a stack's state: as it is observed, desired and recorded. Imported for types only."""

from typing import Dict, List, Literal, Mapping, Optional, Protocol, Sequence, TypedDict

from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import References
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import StoreOptions
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
    Config,
    ContentSpec,
    Info,
    Mode,
    Mount,
    Network,
    Node,
    Platform,
    Service,
    ServiceSpec,
    Task,
    Volume,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_types import ValueEntry

# Names of the lists in a state.
Lists = Literal["services", "networks", "configs", "secrets"]
Objects = Literal["networks", "configs", "secrets"]
Contents = Literal["configs", "secrets"]

class Answer(TypedDict, total=False):
    """A registry's answer about an image: its name with the digest, or the code why it was ``refused``."""

    image: str
    platforms: List[Platform]
    refused: str

class Placing(TypedDict, total=False):
    """The data for the placement of tasks: all nodes, the running tasks of all stacks, the volumes of this node."""

    nodes: List[Node]
    tasks: List[Task]
    volumes: List[Volume]

class Observed(TypedDict, total=False):
    """One snapshot of the Swarm (cluster/observe.py). Parts that were not requested are absent."""

    info: Info
    api: List[int]
    services: List[Service]
    networks: List[Network]
    secrets: List[Config]
    configs: List[Config]
    lock: Optional[Config]
    key: Optional[str]
    history_key: str
    predefined: Dict[str, str]
    nodes: List[Node]
    tasks: List[Task]
    volumes: List[Volume]
    all_services: List[Service]
    attached: Dict[str, List[str]]
    mounting: Mapping[str, List[str]]
    placing: Placing
    revisions: Sequence[Revision]
    kept: References

class Gathered(TypedDict, total=False):
    """The objects that swarm_info describes (info/swarm_objects.py). Parts that were not requested are absent."""

    info: List[Info]
    nodes: List[Node]
    services: List[Service]
    tasks: List[Task]
    networks: List[Network]
    configs: List[Config]
    secrets: List[Config]

class Note(TypedDict, total=False):
    """A note about a change by our own run, as a revision records it (drift/own_changes.py)."""

    kind: str
    name: str
    state: str
    paths: Dict[str, str]
    did: str
    who: str
    at: float

class Binding(TypedDict, total=False):
    """The object in the Swarm for a config or secret of a state, None if it must be created."""

    name: str
    object: Optional[Config]
    reason: str
    adopt: bool
    was: Optional[str]

class NetworkEntry(TypedDict, total=False):
    """``base``: the name in the files, if the network was replaced; ``replaces``, ``in_place``: networks to remove."""

    key: str
    name: str
    external: bool
    spec: Optional[Network]
    base: str
    replaces: List[str]
    in_place: List[str]
    reason: str

class ContentEntry(TypedDict, total=False):
    """A config or secret; ``data`` is base64. A snapshot has ``real`` and ``content`` in place of the data."""

    key: str
    name: str
    external: bool
    spec: Optional[ContentSpec]
    data: Optional[str]
    template: bool
    binding: Binding
    real: str
    content: str

class Dependency(TypedDict, total=False):
    condition: str
    restart: bool
    required: bool

class AsDocker(TypedDict):
    """The service that ``docker stack deploy`` would create, and the keys that it ignores."""

    spec: ServiceSpec
    keys: List[str]

class ServiceEntry(TypedDict, total=False):
    """A snapshot has ``forced``, and ``not_run`` of a job that a rollback did not run again.

    ``left``: a job that must not run.
    """

    key: str
    name: str
    image: str
    spec: ServiceSpec
    as_docker: AsDocker
    depends_on: Mapping[str, Dependency]
    where: str
    step_of: str
    leave: List[str]
    forced: int
    not_run: bool
    left: bool

class RouteEntry(TypedDict, total=False):
    """The fields that a deployment reads; routing/route.py reads all."""

    domain: str
    base_path: str
    service: str
    upstream: str
    tls: str

class Recreated(TypedDict, total=False):
    """A volume that an empty one replaces."""

    name: str
    base: str
    old: str
    why: str

class Binder(Protocol):
    """The source of a revision's references to kept values (binding/kept_values.py, pinned.py)."""

    labels: Dict[str, str]
    options: StoreOptions
    unbound: State

    @property
    def desired(self) -> State: ...

class State(TypedDict, total=False):
    """The common fields of a DesiredState, a bound one and a snapshot (docs/architecture.md)."""

    format: int
    stack: Mapping[str, str]
    networks: List[NetworkEntry]
    configs: List[ContentEntry]
    secrets: List[ContentEntry]
    services: List[ServiceEntry]
    waves: List[List[str]]
    routes: List[RouteEntry]
    notices: List[Mapping[str, object]]
    sources: Mapping[str, object]
    part: bool
    recreate_volumes: List[str]
    replace_networks: bool
    recreated: List[Recreated]
    not_recreated: List[str]
    renamed_volumes: Mapping[str, str]
    binder: Binder

class Desired(State, total=False):
    values: List[ValueEntry]

class KeptValues(TypedDict, total=False):
    """The kept values that a revision used: their versions by name, and where they are."""

    labels: Mapping[str, str]
    store: StoreOptions

class Snapshot(State, total=False):
    values: KeptValues

class HasMode(TypedDict, total=False):
    """The common fields of a ServiceSpec and its normal form."""

    Mode: Mode

class NormalEndpoint(TypedDict, total=False):
    Mode: str
    Ports: List[str]

class NormalContainer(TypedDict, total=False):
    Mounts: Dict[str, Mount]

class NormalTask(TypedDict, total=False):
    ContainerSpec: NormalContainer

class NormalSpec(HasMode, total=False):
    """The normal form of a ServiceSpec (normalise.py): lists with a natural key are maps."""

    Labels: Dict[str, str]
    TaskTemplate: NormalTask
    EndpointSpec: NormalEndpoint
