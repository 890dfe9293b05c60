# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of an Engine and its connection options as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

DEFAULT_HOST = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Connection:
    """Connection options with the names of community.docker.

    ``timeout`` limits each wait for the Engine, in seconds. ``api_version`` is ``auto`` or a version such as ``1.41``.
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
        """The path of the Unix socket; None for TCP and SSH."""
        host = self.docker_host
        if host.startswith("unix://"):
            return "/" + host[len("unix://") :].lstrip("/")
        return host if host.startswith("/") else None
