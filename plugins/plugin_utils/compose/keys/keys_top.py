# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys outside of services: of networks, volumes, configs, secrets and the file itself."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys import kinds as k
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import (
    Key,
    carried,
    compiled,
    no_effect,
    part,
    quiet,
)

_DRIVER = "TaskTemplate.ContainerSpec.Mounts[].VolumeOptions."
_EXTERNAL = compiled(k.EXTERNAL, "the object must already exist")
_NAME = compiled(k.PLAIN_OR_NULL, "the object's name in the Swarm")
_CONTENT = carried(k.PLAIN, "Data", values=True)
_DATA = carried(k.TEXT, "Data")
_RESOURCE = part(k.RESOURCE)

TOP: dict[str, Key] = {
    "configs": carried(k.OTHER, "ConfigSpec"),
    "configs.*": _RESOURCE,
    "configs.*.content": _CONTENT,
    "configs.*.environment": _DATA,
    "configs.*.external": _EXTERNAL,
    "configs.*.file": _DATA,
    "configs.*.labels": carried(k.PAIRS, "Labels", values=True),
    "configs.*.name": _NAME,
    "configs.*.template_driver": carried(k.TEXT, "Templating.Name"),
    "include": compiled(k.OTHER, "resolved when the file is loaded"),
    "models": quiet(k.OTHER, "only a service that uses one is refused"),
    "name": compiled(k.PLAIN_OR_NULL, "the stack's name, if the task sets none"),
    "networks": carried(k.OTHER, "the body of NetworkCreate"),
    "networks.*": _RESOURCE,
    "networks.*.attachable": carried(k.BOOLEAN, "Attachable"),
    "networks.*.driver": carried(k.TEXT_OR_NULL, "Driver"),
    "networks.*.driver_opts": carried(k.OPTIONS, "Options", values=True),
    "networks.*.enable_ipv4": no_effect(k.BOOLEAN, "Swarm networks always have IPv4 addresses", default=True),
    "networks.*.enable_ipv6": carried(k.BOOLEAN, "EnableIPv6"),
    "networks.*.external": _EXTERNAL,
    "networks.*.internal": carried(k.BOOLEAN, "Internal"),
    "networks.*.ipam": carried(k.OTHER, "IPAM"),
    "networks.*.ipam.config": carried(k.SUBNETS, "IPAM.Config"),
    "networks.*.ipam.config[].aux_addresses": no_effect(k.Kind("options"), "Swarm networks can't reserve addresses"),
    "networks.*.ipam.config[].gateway": carried(k.TEXT, "IPAM.Config[].Gateway"),
    "networks.*.ipam.config[].ip_range": carried(k.TEXT, "IPAM.Config[].IPRange"),
    "networks.*.ipam.config[].subnet": carried(k.TEXT, "IPAM.Config[].Subnet"),
    "networks.*.ipam.driver": carried(k.TEXT, "IPAM.Driver"),
    "networks.*.ipam.options": carried(k.OPTIONS, "IPAM.Options"),
    "networks.*.labels": carried(k.PAIRS, "Labels", values=True),
    "networks.*.name": _NAME,
    "secrets": carried(k.OTHER, "SecretSpec"),
    "secrets.*": _RESOURCE,
    "secrets.*.content": _CONTENT,
    "secrets.*.driver": carried(k.TEXT, "Driver.Name"),
    "secrets.*.driver_opts": carried(k.OPTIONS, "Driver.Options", values=True),
    "secrets.*.environment": _DATA,
    "secrets.*.external": _EXTERNAL,
    "secrets.*.file": _DATA,
    "secrets.*.labels": carried(k.PAIRS, "Labels", values=True),
    "secrets.*.name": _NAME,
    "secrets.*.template_driver": carried(k.TEXT, "Templating.Name"),
    "services": carried(k.OTHER, "ServiceSpec"),
    "version": compiled(k.OTHER, "ignored: all versions are read the same way"),
    "volumes": carried(k.OTHER, "the mounts that refer to them; a node creates a volume when a task starts there"),
    "volumes.*": _RESOURCE,
    "volumes.*.driver": carried(k.TEXT_OR_NULL, _DRIVER + "DriverConfig.Name"),
    "volumes.*.driver_opts": carried(k.OPTIONS, _DRIVER + "DriverConfig.Options", values=True),
    "volumes.*.external": _EXTERNAL,
    "volumes.*.labels": carried(k.PAIRS, _DRIVER + "Labels", values=True),
    "volumes.*.name": _NAME,
}
