# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a service (CONVERSION.md 5, 7 and 16)."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys import kinds as k
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import (
    ALWAYS,
    WITH_IMAGE,
    Key,
    carried,
    compiled,
    no_effect,
    part,
    quiet,
    refused,
)

_C = "TaskTemplate.ContainerSpec."
_NAMESPACE = "Swarm gives every container its own namespaces"
_CPU = "Swarm limits CPUs only by their number"
_CPU_INSTEAD = "use deploy.resources.limits.cpus"
_HOOK = "Swarm has no container start and stop hooks"

SERVICE: dict[str, Key] = {
    "annotations": no_effect(k.PAIRS, "Swarm does not support container annotations", "use labels", values=True),
    "attach": quiet(k.BOOLEAN_OR_NULL, "logs are not followed during a deployment"),
    "blkio_config": no_effect(
        k.OTHER, "Swarm does not support block device limits", "set them on the node, for dockerd's cgroup"
    ),
    "build": quiet(k.BUILD, "Swarm does not build images; the service needs image"),
    "cap_add": carried(k.TEXTS, _C + "CapabilityAdd"),
    "cap_drop": carried(k.TEXTS, _C + "CapabilityDrop"),
    "cgroup": no_effect(
        k.TEXT_OR_NULL, "Swarm does not support cgroup namespaces per service", "set default-cgroupns-mode of dockerd"
    ),
    "cgroup_parent": no_effect(
        k.TEXT_OR_NULL, "Swarm does not support a parent cgroup per service", "set cgroup-parent of dockerd"
    ),
    "cgroupns_mode": no_effect(
        k.TEXT_OR_NULL, "Swarm does not support cgroup namespaces per service", "set default-cgroupns-mode of dockerd"
    ),
    "command": carried(k.COMMAND, _C + "Args", values=True),
    "configs": carried(k.CONFIGS, _C + "Configs", step=ALWAYS),
    "configs[].gid": carried(k.PLAIN, _C + "Configs[].File.GID"),
    "configs[].mode": carried(k.FILE_MODE, _C + "Configs[].File.Mode"),
    "configs[].source": carried(k.TEXT, _C + "Configs[].ConfigName"),
    "configs[].target": carried(k.TEXT, _C + "Configs[].File.Name"),
    "configs[].uid": carried(k.PLAIN, _C + "Configs[].File.UID"),
    "container_name": compiled(
        k.PLAIN_OR_NULL, "an alias in TaskTemplate.Networks[] if another service uses it as a host name", ignored=True
    ),
    "cpu_count": no_effect(k.INTEGER_OR_NULL, _CPU, _CPU_INSTEAD),
    "cpu_percent": no_effect(k.NUMBER_OR_NULL, _CPU, _CPU_INSTEAD),
    "cpu_period": compiled(k.MICROSECONDS, "with cpu_quota: TaskTemplate.Resources.Limits.NanoCPUs"),
    "cpu_quota": compiled(k.MICROSECONDS, "with cpu_period: TaskTemplate.Resources.Limits.NanoCPUs"),
    "cpu_rt_period": no_effect(k.MICROSECONDS, _CPU, _CPU_INSTEAD),
    "cpu_rt_runtime": no_effect(k.MICROSECONDS, _CPU, _CPU_INSTEAD),
    "cpu_shares": no_effect(
        k.INTEGER_OR_NULL._replace(schema="number_or_null"), _CPU, "use deploy.resources.reservations.cpus"
    ),
    "cpus": carried(k.CPUS, "TaskTemplate.Resources.Limits.NanoCPUs, unless deploy.resources.limits.cpus is given"),
    "cpuset": no_effect(k.PLAIN_OR_NULL, "Swarm can't pin a service to certain CPUs", _CPU_INSTEAD),
    "credential_spec": carried(k.OTHER, _C + "Privileges.CredentialSpec", step=ALWAYS),
    "credential_spec.config": carried(k.TEXT, _C + "Privileges.CredentialSpec.Config"),
    "credential_spec.file": carried(k.TEXT, _C + "Privileges.CredentialSpec.File"),
    "credential_spec.registry": carried(k.TEXT, _C + "Privileges.CredentialSpec.Registry"),
    "depends_on": compiled(k.DEPENDS_ON, "the order of the deployment: a service waits for the given condition"),
    "depends_on.*.required": part(k.BOOLEAN),
    "depends_on.*.restart": compiled(k.BOOLEAN, "a run that restarts the other service then restarts this one"),
    "deploy": carried(k.BLOCK, "see below"),
    "develop": quiet(k.OTHER, "it is for development on one machine"),
    "device_cgroup_rules": no_effect(
        k.APPENDED, "services can't use devices", "bind-mount the device if that is enough"
    ),
    "devices": no_effect(k.DEVICES, "services can't use devices", "bind-mount the device if that is enough"),
    "dns": carried(k.TEXT_OR_TEXTS, _C + "DNSConfig.Nameservers", step=ALWAYS),
    "dns_opt": carried(k.TEXT_OR_TEXTS, _C + "DNSConfig.Options", step=ALWAYS),
    "dns_search": carried(k.TEXT_OR_TEXTS, _C + "DNSConfig.Search", step=ALWAYS),
    "domainname": no_effect(
        k.PLAIN_OR_NULL, "services have no domain name", "set the full name as hostname", values=True
    ),
    "entrypoint": carried(k.COMMAND, _C + "Command", values=True),
    "env_file": compiled(k.ENV_FILE, "read into environment"),
    "env_file[].required": part(k.BOOLEAN),
    "environment": carried(k.ENVIRONMENT, _C + "Env", values=True, step=ALWAYS),
    "expose": quiet(k.EXPOSE, "services on the same network can reach all ports of each other"),
    "extends": compiled(k.OTHER, "resolved when the file is loaded"),
    "external_links": no_effect(
        k.APPENDED, "Swarm does not support links", "join the network of the other service and use its name"
    ),
    "extra_hosts": carried(k.EXTRA_HOSTS, _C + "Hosts", step=ALWAYS),
    "gpus": compiled(
        k.OTHER, "TaskTemplate.Resources.Reservations.GenericResources, where the operator names the kind"
    ),
    "group_add": carried(k.PLAINS, _C + "Groups", step=WITH_IMAGE),
    "healthcheck": carried(k.BLOCK, _C + "Healthcheck"),
    "healthcheck.disable": carried(k.BOOLEAN, _C + "Healthcheck.Test"),
    "healthcheck.interval": carried(k.HEALTH_TIME, _C + "Healthcheck.Interval"),
    "healthcheck.retries": carried(k.INTEGER_OR_NUMBER, _C + "Healthcheck.Retries"),
    "healthcheck.start_interval": carried(k.HEALTH_TIME, _C + "Healthcheck.StartInterval", since="1.44"),
    "healthcheck.start_period": carried(k.HEALTH_TIME, _C + "Healthcheck.StartPeriod"),
    "healthcheck.test": carried(k.HEALTH_TEST, _C + "Healthcheck.Test", values=True),
    "healthcheck.timeout": carried(k.HEALTH_TIME, _C + "Healthcheck.Timeout"),
    "hostname": carried(k.PLAIN_OR_NULL, _C + "Hostname", values=True),
    "image": carried(k.TEXT_OR_NULL, _C + "Image", step=WITH_IMAGE),
    "init": carried(k.SWITCH, _C + "Init"),
    "ipc": no_effect(k.TEXT_OR_NULL, _NAMESPACE),
    "isolation": carried(
        k.TEXT_OR_NULL._replace(words=("default", "process", "hyperv"), any_case=True), _C + "Isolation", step=ALWAYS
    ),
    "label_file": compiled(k.TEXT_OR_TEXTS, "read into labels"),
    "labels": carried(k.PAIRS, _C + "Labels", values=True),
    "links": compiled(k.TEXTS, "the alias goes to TaskTemplate.Networks[].Aliases of the linked service", ignored=True),
    "logging": carried(k.LOGGING, "TaskTemplate.LogDriver", step=ALWAYS),
    "logging.driver": carried(k.TEXT_OR_NULL, "TaskTemplate.LogDriver.Name"),
    "logging.options": carried(k.OPTIONS, "TaskTemplate.LogDriver.Options", values=True),
    "mac_address": no_effect(k.PLAIN_OR_NULL, "Swarm assigns MAC addresses itself"),
    "mem_limit": carried(
        k.MEMORY, "TaskTemplate.Resources.Limits.MemoryBytes, unless deploy.resources.limits.memory is given"
    ),
    "mem_reservation": carried(
        k.MEMORY,
        "TaskTemplate.Resources.Reservations.MemoryBytes, unless deploy.resources.reservations.memory is given",
    ),
    "mem_swappiness": no_effect(
        k.INTEGER_OR_NULL, "Swarm does not support swap limits before API 1.52", "set vm.swappiness on the node"
    ),
    "memswap_limit": no_effect(k.BYTES, "Swarm does not support swap limits before API 1.52"),
    "models": refused(
        k.OTHER,
        "Swarm does not support models",
        "run the model as a separate service and pass its address in a variable",
    ),
    "network_mode": compiled(
        k.TEXT_OR_NULL,
        "host and bridge: TaskTemplate.Networks[].Target; Swarm does not support others",
        ignored=True,
        step=ALWAYS,
    ),
    "networks": carried(k.NETWORKS, "TaskTemplate.Networks"),
    "networks.*.aliases": carried(k.TEXTS, "TaskTemplate.Networks[].Aliases"),
    "networks.*.driver_opts": carried(k.OPTIONS, "TaskTemplate.Networks[].DriverOpts"),
    "networks.*.gw_priority": no_effect(k.Kind("number"), "Swarm does not support network priorities"),
    "networks.*.interface_name": no_effect(k.TEXT, "Swarm names the interfaces itself"),
    "networks.*.ipv4_address": no_effect(k.TEXT, "Swarm assigns addresses itself", "use the service's name"),
    "networks.*.ipv6_address": no_effect(k.TEXT, "Swarm assigns addresses itself", "use the service's name"),
    "networks.*.link_local_ips": no_effect(k.TEXTS, "Swarm assigns addresses itself", "use the service's name"),
    "networks.*.mac_address": no_effect(k.PLAIN, "Swarm assigns MAC addresses itself"),
    "networks.*.priority": no_effect(k.Kind("number"), "Swarm does not support network priorities"),
    "oom_kill_disable": no_effect(k.BOOLEAN_OR_NULL, "Swarm can't disable the OOM killer"),
    "oom_score_adj": carried(
        k.INTEGER_OR_NULL._replace(within=(-1000, 1000)), _C + "OomScoreAdj", since="1.46", ignored=True
    ),
    "pid": no_effect(k.TEXT_OR_NULL, _NAMESPACE),
    "pids_limit": carried(
        k.INTEGER_OR_NULL, "TaskTemplate.Resources.Limits.Pids, unless deploy.resources.limits.pids is given"
    ),
    "platform": carried(k.TEXT_OR_NULL, "TaskTemplate.Placement.Platforms", step=ALWAYS),
    "ports": carried(k.PORTS, "EndpointSpec.Ports"),
    "ports[].app_protocol": quiet(k.TEXT, "it is a comment"),
    "ports[].host_ip": compiled(k.TEXT, "Swarm publishes on every address of a node: a notice for any other"),
    "ports[].mode": carried(k.TEXT, "EndpointSpec.Ports[].PublishMode"),
    "ports[].name": carried(k.TEXT, "EndpointSpec.Ports[].Name"),
    "ports[].protocol": carried(k.TEXT, "EndpointSpec.Ports[].Protocol"),
    "ports[].published": carried(k.OTHER, "EndpointSpec.Ports[].PublishedPort"),
    "ports[].target": carried(k.WHOLE_NUMBER, "EndpointSpec.Ports[].TargetPort"),
    "post_start": no_effect(k.OTHER, _HOOK, "do it in the container's entrypoint, or in pre_start"),
    "pre_start": compiled(
        k.STEPS, "each step is a job that must succeed before any task of the service is created or replaced"
    ),
    "pre_start[].command": compiled(k.COMMAND, "TaskTemplate.ContainerSpec.Args of the job", values=True),
    "pre_start[].environment": compiled(
        k.ENVIRONMENT, "TaskTemplate.ContainerSpec.Env of the job; overrides the service's own", values=True
    ),
    "pre_start[].image": compiled(k.TEXT, "TaskTemplate.ContainerSpec.Image of the job; the service's by default"),
    "pre_start[].per_replica": compiled(
        k.BOOLEAN, "a job with as many tasks as the service, or one on each node for mode global: a notice"
    ),
    "pre_start[].privileged": compiled(k.BOOLEAN, "true is refused: services can't be privileged"),
    "pre_start[].user": compiled(
        k.PLAIN, "TaskTemplate.ContainerSpec.User of the job; the service's, unless image is given", values=True
    ),
    "pre_start[].working_dir": compiled(
        k.TEXT, "TaskTemplate.ContainerSpec.Dir of the job; the service's by default", values=True
    ),
    "pre_stop": no_effect(k.OTHER, _HOOK, "handle the stop signal in the container"),
    "privileged": no_effect(k.BOOLEAN_OR_NULL, "services can't be privileged", "grant what it needs with cap_add"),
    "profiles": compiled(k.PLAINS, "selects the services to deploy"),
    "provider": refused(
        k.OTHER, "Swarm does not support providers", "define the service with an image, or exclude it with a profile"
    ),
    "pull_policy": quiet(k.TEXT_OR_NULL, "Swarm pulls by digest; see the option resolve_image"),
    "pull_refresh_after": quiet(k.TEXT_OR_NULL, "Swarm pulls by digest; see the option resolve_image"),
    "read_only": carried(k.BOOLEAN_OR_NULL, _C + "ReadOnly"),
    "restart": carried(k.TEXT_OR_NULL, "TaskTemplate.RestartPolicy, unless deploy.restart_policy is given"),
    "runtime": no_effect(
        k.TEXT_OR_NULL, "services can't choose a runtime", "set default-runtime of dockerd on dedicated nodes"
    ),
    "scale": carried(k.INTEGER_OR_NULL, "Mode.Replicated.Replicas, unless deploy.replicas is given"),
    "secrets": carried(k.SECRETS, _C + "Secrets", step=ALWAYS),
    "secrets[].gid": carried(k.PLAIN, _C + "Secrets[].File.GID"),
    "secrets[].mode": carried(k.FILE_MODE, _C + "Secrets[].File.Mode"),
    "secrets[].source": carried(k.TEXT, _C + "Secrets[].SecretName"),
    "secrets[].target": carried(k.TEXT, _C + "Secrets[].File.Name"),
    "secrets[].uid": carried(k.PLAIN, _C + "Secrets[].File.UID"),
    "security_opt": compiled(
        k.TEXTS, "ContainerSpec.Privileges; NoNewPrivileges, Seccomp and AppArmor since API 1.44", ignored=True
    ),
    "shm_size": compiled(k.SIZE, "a tmpfs mount on /dev/shm in TaskTemplate.ContainerSpec.Mounts", ignored=True),
    "stdin_open": carried(k.BOOLEAN_OR_NULL, _C + "OpenStdin"),
    "stop_grace_period": carried(k.DURATION, _C + "StopGracePeriod"),
    "stop_signal": carried(k.PLAIN_OR_NULL, _C + "StopSignal"),
    "storage_opt": no_effect(
        k.OPTIONS, "Swarm does not support container storage options", "set them in dockerd's storage-opts"
    ),
    "sysctls": carried(k.PAIRS, _C + "Sysctls", values=True),
    "tmpfs": compiled(k.TEXT_OR_TEXTS, "tmpfs mounts in TaskTemplate.ContainerSpec.Mounts", ignored=True),
    "tty": carried(k.BOOLEAN_OR_NULL, _C + "TTY"),
    "ulimits": carried(k.ULIMITS, _C + "Ulimits"),
    "ulimits.*": part(k.WHOLE_NUMBER),
    "ulimits.*.hard": carried(k.INTEGER, _C + "Ulimits[].Hard"),
    "ulimits.*.soft": carried(k.INTEGER, _C + "Ulimits[].Soft"),
    "use_api_socket": no_effect(
        k.BOOLEAN_OR_NULL,
        "Swarm can't give containers the Engine's socket",
        "bind-mount /var/run/docker.sock if you need it",
    ),
    "user": carried(k.PLAIN_OR_NULL, _C + "User", values=True, step=WITH_IMAGE),
    "userns_mode": no_effect(
        k.TEXT_OR_NULL, "Swarm does not support user namespaces per service", "set userns-remap of dockerd"
    ),
    "uts": no_effect(k.TEXT_OR_NULL, _NAMESPACE, "use hostname"),
    "volumes": carried(k.VOLUMES, _C + "Mounts"),
    "volumes[].bind": carried(k.OTHER, _C + "Mounts[].BindOptions"),
    "volumes[].bind.create_host_path": no_effect(
        k.BOOLEAN,
        "Swarm does not create missing directories on nodes",
        "create the directory on every node that may run the service",
    ),
    "volumes[].bind.propagation": carried(k.TEXT, _C + "Mounts[].BindOptions.Propagation"),
    "volumes[].bind.recursive": carried(k.OTHER, _C + "Mounts[].BindOptions.NonRecursive, ReadOnly…: since API 1.44"),
    "volumes[].bind.selinux": no_effect(k.OTHER, "services can't relabel files", "relabel them on the node"),
    "volumes[].cluster": compiled(
        k.OTHER, "ContainerSpec.Mounts[].ClusterOptions of a mount of type cluster (since API 1.42)"
    ),
    "volumes[].consistency": carried(k.TEXT, _C + "Mounts[].Consistency"),
    "volumes[].image": refused(k.OTHER, "services can't mount images", "copy the files into the service's image"),
    "volumes[].read_only": carried(k.BOOLEAN, _C + "Mounts[].ReadOnly"),
    "volumes[].source": carried(k.TEXT, _C + "Mounts[].Source"),
    "volumes[].target": carried(k.TEXT, _C + "Mounts[].Target"),
    "volumes[].tmpfs": carried(k.OTHER, _C + "Mounts[].TmpfsOptions"),
    "volumes[].tmpfs.mode": carried(k.PLAIN, _C + "Mounts[].TmpfsOptions.Mode", ignored=True),
    "volumes[].tmpfs.size": carried(k.SIZE, _C + "Mounts[].TmpfsOptions.SizeBytes"),
    "volumes[].type": carried(k.TEXT, _C + "Mounts[].Type"),
    "volumes[].volume": carried(k.OTHER, _C + "Mounts[].VolumeOptions"),
    "volumes[].volume.labels": carried(k.PAIRS, _C + "Mounts[].VolumeOptions.Labels", values=True, ignored=True),
    "volumes[].volume.nocopy": carried(k.BOOLEAN, _C + "Mounts[].VolumeOptions.NoCopy"),
    "volumes[].volume.subpath": carried(k.TEXT, _C + "Mounts[].VolumeOptions.Subpath", since="1.45"),
    "volumes_from": no_effect(
        k.APPENDED, "services can't use the volumes of a container", "name the volumes under volumes"
    ),
    "working_dir": carried(k.TEXT_OR_NULL, _C + "Dir", values=True, step=ALWAYS),
}
