# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of the Engine's objects, with the fields that engine/shapes.py checks.

Imported for types only: a stub is never sent to a host. A field may be absent or null: read it as ``.get(...) or ...``.
"""

from typing import Dict, List, TypedDict

Labels = Dict[str, str]

class Version(TypedDict):
    Index: int

class Attachment(TypedDict, total=False):
    Target: str
    Aliases: List[str]
    DriverOpts: Labels

class Port(TypedDict, total=False):
    Name: str
    Protocol: str
    TargetPort: int
    PublishedPort: int
    PublishMode: str

class File(TypedDict, total=False):
    Name: str
    UID: str
    GID: str
    Mode: int

class Driver(TypedDict, total=False):
    Name: str
    Options: Labels

class BindOptions(TypedDict, total=False):
    Propagation: str
    NonRecursive: bool

class VolumeOptions(TypedDict, total=False):
    NoCopy: bool
    Labels: Labels
    DriverConfig: Driver
    Subpath: str

class TmpfsOptions(TypedDict, total=False):
    SizeBytes: int
    Mode: int

class Mount(TypedDict, total=False):
    Type: str
    Source: str
    Target: str
    ReadOnly: bool
    Consistency: str
    BindOptions: BindOptions
    VolumeOptions: VolumeOptions
    TmpfsOptions: TmpfsOptions

class HealthCheck(TypedDict, total=False):
    Test: List[str]
    Interval: int
    Timeout: int
    StartPeriod: int
    StartInterval: int
    Retries: int

class DNSConfig(TypedDict, total=False):
    Nameservers: List[str]
    Search: List[str]
    Options: List[str]

class SecretReference(TypedDict, total=False):
    File: File
    SecretID: str
    SecretName: str

class ConfigReference(TypedDict, total=False):
    File: File
    ConfigID: str
    ConfigName: str

class CredentialSpec(TypedDict, total=False):
    Config: str
    File: str
    Registry: str

class Privileges(TypedDict, total=False):
    CredentialSpec: CredentialSpec

class Ulimit(TypedDict, total=False):
    Name: str
    Soft: int
    Hard: int

class ContainerSpec(TypedDict, total=False):
    Image: str
    Labels: Labels
    Command: List[str]
    Args: List[str]
    Hostname: str
    Env: List[str]
    Dir: str
    User: str
    Groups: List[str]
    TTY: bool
    OpenStdin: bool
    ReadOnly: bool
    Init: bool
    Isolation: str
    StopSignal: str
    StopGracePeriod: int
    Mounts: List[Mount]
    Healthcheck: HealthCheck
    Hosts: List[str]
    DNSConfig: DNSConfig
    Secrets: List[SecretReference]
    Configs: List[ConfigReference]
    Privileges: Privileges
    Sysctls: Labels
    CapabilityAdd: List[str]
    CapabilityDrop: List[str]
    Ulimits: List[Ulimit]
    OomScoreAdj: int

class NamedResource(TypedDict, total=False):
    Kind: str
    Value: str

class DiscreteResource(TypedDict, total=False):
    Kind: str
    Value: int

class GenericResource(TypedDict, total=False):
    NamedResourceSpec: NamedResource
    DiscreteResourceSpec: DiscreteResource

class Amounts(TypedDict, total=False):
    NanoCPUs: int
    MemoryBytes: int
    Pids: int
    GenericResources: List[GenericResource]

class Resources(TypedDict, total=False):
    Limits: Amounts
    Reservations: Amounts

class RestartPolicy(TypedDict, total=False):
    Condition: str
    Delay: int
    MaxAttempts: int
    Window: int

class Spread(TypedDict, total=False):
    SpreadDescriptor: str

class Preference(TypedDict, total=False):
    Spread: Spread

class Platform(TypedDict, total=False):
    Architecture: str
    OS: str

class Placement(TypedDict, total=False):
    Constraints: List[str]
    Preferences: List[Preference]
    MaxReplicas: int
    Platforms: List[Platform]

class TaskTemplate(TypedDict, total=False):
    ContainerSpec: ContainerSpec
    Resources: Resources
    RestartPolicy: RestartPolicy
    Placement: Placement
    Networks: List[Attachment]
    LogDriver: Driver
    ForceUpdate: int
    Runtime: str

class UpdateConfig(TypedDict, total=False):
    Parallelism: int
    Delay: int
    FailureAction: str
    Monitor: int
    Order: str

class Replicated(TypedDict, total=False):
    Replicas: int

class Empty(TypedDict): ...

class ReplicatedJob(TypedDict, total=False):
    MaxConcurrent: int
    TotalCompletions: int

class Mode(TypedDict, total=False):
    Replicated: Replicated
    Global: Empty
    ReplicatedJob: ReplicatedJob
    GlobalJob: Empty

class EndpointSpec(TypedDict, total=False):
    Mode: str
    Ports: List[Port]

class ServiceSpec(TypedDict, total=False):
    Name: str
    Labels: Labels
    TaskTemplate: TaskTemplate
    Mode: Mode
    UpdateConfig: UpdateConfig
    RollbackConfig: UpdateConfig
    Networks: List[Attachment]
    EndpointSpec: EndpointSpec

class Endpoint(TypedDict, total=False):
    Ports: List[Port]

class UpdateStatus(TypedDict, total=False):
    State: str
    StartedAt: str
    CompletedAt: str
    Message: str

class ServiceStatus(TypedDict, total=False):
    RunningTasks: int
    DesiredTasks: int
    CompletedTasks: int

class JobIteration(TypedDict, total=False):
    Index: int

class JobStatus(TypedDict, total=False):
    JobIteration: JobIteration
    LastExecution: str

class Service(TypedDict, total=False):
    ID: str
    Version: Version
    CreatedAt: str
    UpdatedAt: str
    Spec: ServiceSpec
    PreviousSpec: ServiceSpec
    Endpoint: Endpoint
    UpdateStatus: UpdateStatus
    ServiceStatus: ServiceStatus
    JobStatus: JobStatus

class ContainerStatus(TypedDict, total=False):
    ContainerID: str
    PID: int
    ExitCode: int

class TaskStatus(TypedDict, total=False):
    Timestamp: str
    State: str
    Message: str
    Err: str
    ContainerStatus: ContainerStatus
    PortStatus: Endpoint

class Task(TypedDict, total=False):
    ID: str
    CreatedAt: str
    UpdatedAt: str
    Labels: Labels
    Spec: TaskTemplate
    ServiceID: str
    Slot: int
    NodeID: str
    Status: TaskStatus
    DesiredState: str
    JobIteration: JobIteration

class TLSInfo(TypedDict, total=False):
    TrustRoot: str

class NodeSpec(TypedDict, total=False):
    Name: str
    Labels: Labels
    Role: str
    Availability: str

class Plugin(TypedDict, total=False):
    Type: str
    Name: str

class NodeEngine(TypedDict, total=False):
    EngineVersion: str
    Labels: Labels
    Plugins: List[Plugin]

class NodeDescription(TypedDict, total=False):
    Hostname: str
    Platform: Platform
    Resources: Amounts
    Engine: NodeEngine
    TLSInfo: TLSInfo

class NodeStatus(TypedDict, total=False):
    State: str
    Message: str
    Addr: str

class ManagerStatus(TypedDict, total=False):
    Leader: bool
    Reachability: str
    Addr: str

class Node(TypedDict, total=False):
    ID: str
    Version: Version
    CreatedAt: str
    UpdatedAt: str
    Spec: NodeSpec
    Description: NodeDescription
    Status: NodeStatus
    ManagerStatus: ManagerStatus

class ConfigFrom(TypedDict, total=False):
    Network: str

class Subnet(TypedDict, total=False):
    Subnet: str
    IPRange: str
    Gateway: str
    AuxiliaryAddresses: Labels

class IPAM(TypedDict, total=False):
    Driver: str
    Options: Labels
    Config: List[Subnet]

class Network(TypedDict, total=False):
    Id: str
    Name: str
    Created: str
    Scope: str
    Driver: str
    EnableIPv6: bool
    Attachable: bool
    Internal: bool
    Ingress: bool
    ConfigOnly: bool
    ConfigFrom: ConfigFrom
    IPAM: IPAM
    Options: Labels
    Labels: Labels

class ContentSpec(TypedDict, total=False):
    Name: str
    Labels: Labels
    Data: str
    Templating: Driver
    Driver: Driver

class Config(TypedDict, total=False):
    """A config or a secret."""

    ID: str
    Version: Version
    CreatedAt: str
    UpdatedAt: str
    Spec: ContentSpec

class Plugins(TypedDict, total=False):
    Volume: List[str]
    Network: List[str]
    Log: List[str]

class RemoteManager(TypedDict, total=False):
    NodeID: str
    Addr: str

class CAConfig(TypedDict, total=False):
    NodeCertExpiry: int

class ClusterSpec(TypedDict, total=False):
    CAConfig: CAConfig

class Cluster(TypedDict, total=False):
    ID: str
    DefaultAddrPool: List[str]
    SubnetSize: int
    DataPathPort: int
    Spec: ClusterSpec
    TLSInfo: TLSInfo
    RootRotationInProgress: bool

class SwarmInfo(TypedDict, total=False):
    NodeID: str
    NodeAddr: str
    LocalNodeState: str
    ControlAvailable: bool
    Error: str
    RemoteManagers: List[RemoteManager]
    Nodes: int
    Managers: int
    Cluster: Cluster

class Info(TypedDict, total=False):
    ID: str
    Name: str
    Driver: str
    OSType: str
    Architecture: str
    ServerVersion: str
    DockerRootDir: str
    Labels: List[str]
    Plugins: Plugins
    Swarm: SwarmInfo

class EncryptionConfig(TypedDict, total=False):
    AutoLockManagers: bool

class Orchestration(TypedDict, total=False):
    TaskHistoryRetentionLimit: int

class SwarmSpec(TypedDict, total=False):
    EncryptionConfig: EncryptionConfig
    Orchestration: Orchestration

class Swarm(TypedDict, total=False):
    ID: str
    CreatedAt: str
    Spec: SwarmSpec
    DefaultAddrPool: List[str]
    DataPathPort: int
    JoinTokens: Labels

class ContainerMount(TypedDict, total=False):
    Type: str
    Name: str
    Source: str
    Destination: str

class ContainerPort(TypedDict, total=False):
    PrivatePort: int
    PublicPort: int
    Type: str
    IP: str

class Container(TypedDict, total=False):
    Id: str
    Names: List[str]
    Image: str
    ImageID: str
    Labels: Labels
    State: str
    Mounts: List[ContainerMount]
    Ports: List[ContainerPort]

class Probe(TypedDict, total=False):
    ExitCode: int
    Output: str

class ContainerHealth(TypedDict, total=False):
    FailingStreak: int
    Log: List[Probe]

class ContainerState(TypedDict, total=False):
    Health: ContainerHealth

class ContainerConfig(TypedDict, total=False):
    Healthcheck: HealthCheck

class Inspected(TypedDict, total=False):
    """One container."""

    State: ContainerState
    Config: ContainerConfig

class Image(TypedDict, total=False):
    Id: str
    RepoTags: List[str]
    RepoDigests: List[str]
    Labels: Labels

class Volume(TypedDict, total=False):
    Name: str
    Driver: str
    Labels: Labels
    Options: Labels
    Scope: str

class Volumes(TypedDict, total=False):
    Volumes: List[Volume]
