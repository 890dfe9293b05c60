# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effect of each key outside of services: networks, volumes, configs, secrets and the file itself."""

from __future__ import annotations

from typing import Dict

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.fate import (
    Fate,
    carried,
    compiled,
    no_effect,
    quiet,
)

_DRIVER = "TaskTemplate.ContainerSpec.Mounts[].VolumeOptions."
_EXTERNAL = compiled("the object must already exist")
_NAME = compiled("the object's name in the Swarm")
_DATA = carried("Data")

TOP: Dict[str, Fate] = {
    "configs": carried("ConfigSpec"),
    "configs.*.content": _DATA,
    "configs.*.environment": _DATA,
    "configs.*.external": _EXTERNAL,
    "configs.*.file": _DATA,
    "configs.*.labels": carried("Labels"),
    "configs.*.name": _NAME,
    "configs.*.template_driver": carried("Templating.Name"),
    "include": compiled("resolved when the file is loaded"),
    "models": quiet("only a service that uses one is refused"),
    "name": compiled("the stack's name, if the task sets none"),
    "networks": carried("the body of NetworkCreate"),
    "networks.*.attachable": carried("Attachable"),
    "networks.*.driver": carried("Driver"),
    "networks.*.driver_opts": carried("Options"),
    "networks.*.enable_ipv4": no_effect("Swarm networks always have IPv4 addresses", default=True),
    "networks.*.enable_ipv6": carried("EnableIPv6"),
    "networks.*.external": _EXTERNAL,
    "networks.*.internal": carried("Internal"),
    "networks.*.ipam": carried("IPAM"),
    "networks.*.ipam.config": carried("IPAM.Config"),
    "networks.*.ipam.config[].aux_addresses": no_effect("Swarm networks can't reserve addresses"),
    "networks.*.ipam.config[].gateway": carried("IPAM.Config[].Gateway"),
    "networks.*.ipam.config[].ip_range": carried("IPAM.Config[].IPRange"),
    "networks.*.ipam.config[].subnet": carried("IPAM.Config[].Subnet"),
    "networks.*.ipam.driver": carried("IPAM.Driver"),
    "networks.*.ipam.options": carried("IPAM.Options"),
    "networks.*.labels": carried("Labels"),
    "networks.*.name": _NAME,
    "secrets": carried("SecretSpec"),
    "secrets.*.content": _DATA,
    "secrets.*.driver": carried("Driver.Name"),
    "secrets.*.driver_opts": carried("Driver.Options"),
    "secrets.*.environment": _DATA,
    "secrets.*.external": _EXTERNAL,
    "secrets.*.file": _DATA,
    "secrets.*.labels": carried("Labels"),
    "secrets.*.name": _NAME,
    "secrets.*.template_driver": carried("Templating.Name"),
    "services": carried("ServiceSpec"),
    "version": compiled("ignored: all versions are read the same way"),
    "volumes": carried("the mounts that refer to them; a node creates a volume when a task starts there"),
    "volumes.*.driver": carried(_DRIVER + "DriverConfig.Name"),
    "volumes.*.driver_opts": carried(_DRIVER + "DriverConfig.Options"),
    "volumes.*.external": _EXTERNAL,
    "volumes.*.labels": carried(_DRIVER + "Labels"),
    "volumes.*.name": _NAME,
}
