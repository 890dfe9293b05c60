# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of an engine and its connection options: plain data, from parameters and environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

DEFAULT_HOST = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Connection:
    """The connection options, named like community.docker's.

    ``timeout`` is in seconds and bounds each single wait for the engine. ``api_version`` is ``auto`` or like ``1.41``.
    """

    docker_host: str = DEFAULT_HOST
    tls: bool = False
    validate_certs: bool = False
    tls_hostname: Optional[str] = None
    ca_path: Optional[str] = None
    client_cert: Optional[str] = None
    client_key: Optional[str] = None
    api_version: str = "auto"
    timeout: float = 60.0
    use_ssh_client: bool = False

    @property
    def socket_path(self) -> Optional[str]:
        """The path of the unix socket, or None if the engine is reached in another way."""
        host = self.docker_host
        if host.startswith("unix://"):
            return "/" + host[len("unix://") :].lstrip("/")
        return host if host.startswith("/") else None
