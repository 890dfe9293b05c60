# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of the Engine's responses: the fields that we use. The client checks each response once."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.shape import Map, Obj

TEXTS, LABELS = [str], Map(str)
VERSION = Obj(Index_=int)
ATTACHMENT = Obj(Target=str, Aliases=TEXTS, DriverOpts=LABELS)
PORT = Obj(Name=str, Protocol=str, TargetPort=int, PublishedPort=int, PublishMode=str)
FILE = Obj(Name=str, UID=str, GID=str, Mode=int)
DRIVER = Obj(Name=str, Options=LABELS)
MOUNT = Obj(
    Type=str,
    Source=str,
    Target=str,
    ReadOnly=bool,
    Consistency=str,
    BindOptions=Obj(Propagation=str, NonRecursive=bool),
    VolumeOptions=Obj(NoCopy=bool, Labels=LABELS, DriverConfig=DRIVER, Subpath=str),
    TmpfsOptions=Obj(SizeBytes=int, Mode=int),
)
HEALTH_CHECK = Obj(Test=TEXTS, Interval=int, Timeout=int, StartPeriod=int, StartInterval=int, Retries=int)
CONTAINER_SPEC = Obj(
    Image=str,
    Labels=LABELS,
    Command=TEXTS,
    Args=TEXTS,
    Hostname=str,
    Env=TEXTS,
    Dir=str,
    User=str,
    Groups=TEXTS,
    TTY=bool,
    OpenStdin=bool,
    ReadOnly=bool,
    Init=bool,
    Isolation=str,
    StopSignal=str,
    StopGracePeriod=int,
    Mounts=[MOUNT],
    Healthcheck=HEALTH_CHECK,
    Hosts=TEXTS,
    DNSConfig=Obj(Nameservers=TEXTS, Search=TEXTS, Options=TEXTS),
    Secrets=[Obj(File=FILE, SecretID=str, SecretName=str)],
    Configs=[Obj(File=FILE, ConfigID=str, ConfigName=str)],
    Privileges=Obj(CredentialSpec=Obj(Config=str, File=str, Registry=str)),
    Sysctls=LABELS,
    CapabilityAdd=TEXTS,
    CapabilityDrop=TEXTS,
    Ulimits=[Obj(Name=str, Soft=int, Hard=int)],
    OomScoreAdj=int,
)
GENERIC = [
    Obj(NamedResourceSpec=Obj(Kind=str, Value=str), DiscreteResourceSpec=Obj(Kind=str, Value=int)),
]
RESOURCES = Obj(NanoCPUs=int, MemoryBytes=int, Pids=int, GenericResources=GENERIC)
TEMPLATE = Obj(
    ContainerSpec=CONTAINER_SPEC,
    Resources=Obj(Limits=RESOURCES, Reservations=RESOURCES),
    RestartPolicy=Obj(Condition=str, Delay=int, MaxAttempts=int, Window=int),
    Placement=Obj(
        Constraints=TEXTS,
        Preferences=[Obj(Spread=Obj(SpreadDescriptor=str))],
        MaxReplicas=int,
        Platforms=[Obj(Architecture=str, OS=str)],
    ),
    Networks=[ATTACHMENT],
    LogDriver=DRIVER,
    ForceUpdate=int,
    Runtime=str,
)
UPDATE = Obj(Parallelism=int, Delay=int, FailureAction=str, Monitor=int, Order=str)
SERVICE_SPEC = Obj(
    Name_=str,
    Labels=LABELS,
    TaskTemplate_=TEMPLATE,
    Mode_=Obj(
        Replicated=Obj(Replicas=int),
        Global=Obj(),
        ReplicatedJob=Obj(MaxConcurrent=int, TotalCompletions=int),
        GlobalJob=Obj(),
    ),
    UpdateConfig=UPDATE,
    RollbackConfig=UPDATE,
    Networks=[ATTACHMENT],
    EndpointSpec=Obj(Mode=str, Ports=[PORT]),
)
SERVICE = Obj(
    ID_=str,
    Version_=VERSION,
    CreatedAt=str,
    UpdatedAt=str,
    Spec_=SERVICE_SPEC,
    PreviousSpec=SERVICE_SPEC,
    Endpoint=Obj(Ports=[PORT]),
    UpdateStatus=Obj(State=str, StartedAt=str, CompletedAt=str, Message=str),
    ServiceStatus=Obj(RunningTasks=int, DesiredTasks=int, CompletedTasks=int),
    JobStatus=Obj(JobIteration=Obj(Index=int), LastExecution=str),
)
TASK = Obj(
    ID_=str,
    CreatedAt=str,
    UpdatedAt=str,
    Labels=LABELS,
    Spec=TEMPLATE,
    ServiceID=str,
    Slot=int,
    NodeID=str,
    Status=Obj(
        Timestamp=str,
        State=str,
        Message=str,
        Err=str,
        ContainerStatus=Obj(ContainerID=str, PID=int, ExitCode=int),
        PortStatus=Obj(Ports=[PORT]),
    ),
    DesiredState=str,
    JobIteration=Obj(Index=int),
)
TLS_INFO = Obj(TrustRoot=str)
NODE = Obj(
    ID_=str,
    Version=VERSION,
    CreatedAt=str,
    UpdatedAt=str,
    Spec=Obj(Name=str, Labels=LABELS, Role=str, Availability=str),
    Description=Obj(
        Hostname=str,
        Platform=Obj(Architecture=str, OS=str),
        Resources=RESOURCES,
        Engine=Obj(EngineVersion=str, Labels=LABELS, Plugins=[Obj(Type=str, Name=str)]),
        TLSInfo=TLS_INFO,
    ),
    Status=Obj(State=str, Message=str, Addr=str),
    ManagerStatus=Obj(Leader=bool, Reachability=str, Addr=str),
)
_NETWORK = {
    "Name_": str,
    "Created": str,
    "Scope": str,
    "Driver": str,
    "EnableIPv6": bool,
    "Attachable": bool,
    "Internal": bool,
    "Ingress": bool,
    "ConfigOnly": bool,
    "ConfigFrom": Obj(Network=str),
    "IPAM": Obj(
        Driver=str,
        Options=LABELS,
        Config=[Obj(Subnet=str, IPRange=str, Gateway=str, AuxiliaryAddresses=LABELS)],
    ),
    "Options": LABELS,
    "Labels": LABELS,
}
NETWORK = Obj(Id_=str, **_NETWORK)
CONTENT_SPEC = Obj(Name_=str, Labels=LABELS, Data=str, Templating=DRIVER, Driver=DRIVER)
CONFIG = Obj(ID_=str, Version_=VERSION, CreatedAt=str, UpdatedAt=str, Spec_=CONTENT_SPEC)
#: The specification of each kind of object.
SPECS = {"network": Obj(**_NETWORK), "config": CONTENT_SPEC, "secret": CONTENT_SPEC, "service": SERVICE_SPEC}
INFO = Obj(
    ID=str,
    Name=str,
    Driver=str,
    OSType=str,
    Architecture=str,
    ServerVersion=str,
    DockerRootDir=str,
    Labels=TEXTS,
    Plugins=Obj(Volume=TEXTS, Network=TEXTS, Log=TEXTS),
    Swarm=Obj(
        NodeID=str,
        NodeAddr=str,
        LocalNodeState=str,
        ControlAvailable=bool,
        Error=str,
        RemoteManagers=[Obj(NodeID=str, Addr=str)],
        Nodes=int,
        Managers=int,
        Cluster=Obj(
            ID=str,
            DefaultAddrPool=TEXTS,
            SubnetSize=int,
            DataPathPort=int,
            Spec=Obj(CAConfig=Obj(NodeCertExpiry=int)),
            TLSInfo=TLS_INFO,
            RootRotationInProgress=bool,
        ),
    ),
)
SWARM = Obj(
    ID=str,
    CreatedAt=str,
    Spec=Obj(
        EncryptionConfig=Obj(AutoLockManagers=bool),
        Orchestration=Obj(TaskHistoryRetentionLimit=int),
    ),
    DefaultAddrPool=TEXTS,
    DataPathPort=int,
    JoinTokens=LABELS,
)
CONTAINER = Obj(
    Id_=str,
    Names=TEXTS,
    Image=str,
    ImageID=str,
    Labels=LABELS,
    State=str,
    Mounts=[Obj(Type=str, Name=str, Source=str, Destination=str)],
    Ports=[Obj(PrivatePort=int, PublicPort=int, Type=str, IP=str)],
)
ONE_CONTAINER = Obj(
    State=Obj(Health=Obj(FailingStreak=int, Log=[Obj(ExitCode=int, Output=str)])),
    Config=Obj(Healthcheck=HEALTH_CHECK),
)
IMAGE = Obj(Id_=str, RepoTags=TEXTS, RepoDigests=TEXTS, Labels=LABELS)
VOLUMES = Obj(Volumes=[Obj(Name_=str, Driver=str, Labels=LABELS, Options=LABELS, Scope=str)])
DISTRIBUTION = Obj(
    Descriptor=Obj(digest=str),
    Platforms=[Obj(architecture=str, Architecture=str, os=str, OS=str, variant=str)],
)
#: /KIND returns a list of them, /KIND/ID one.
KINDS = {
    "services": SERVICE,
    "tasks": TASK,
    "nodes": NODE,
    "networks": NETWORK,
    "configs": CONFIG,
    "secrets": CONFIG,
}
PLACES: Dict[Tuple[str, ...], Any] = {
    ("info",): INFO,
    ("swarm",): SWARM,
    ("volumes",): VOLUMES,
    ("containers", "json"): [CONTAINER],
    ("images", "json"): [IMAGE],
}


def shape_of(path: str) -> Any:
    """Returns the shape of the response to a GET of ``path`` (without version and query); None if unknown."""
    parts = tuple(path.lstrip("/").split("/"))
    if parts in PLACES:
        return PLACES[parts]
    if parts[0] in KINDS and len(parts) <= 2:
        return [KINDS[parts[0]]] if len(parts) == 1 else KINDS[parts[0]]
    if parts[0] in ("distribution", "containers") and parts[-1] == "json":
        return DISTRIBUTION if parts[0] == "distribution" else ONE_CONTAINER
    return None
