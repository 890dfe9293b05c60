# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registry credentials, from options or as the docker CLI finds them on this host. Imported only if needed."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import HUB, is_registry, registry_of

#: The address of Docker Hub in docker's credentials.
HUB_ADDRESS = "https://index.docker.io/v1/"
#: The host that serves Docker Hub's images; in registry_auth it means Docker Hub.
HUB_SERVER = "registry-1.docker.io"
_NAMED = re.compile(r"(?:https?://)?([^/]+)(?:/.*)?\Z", re.IGNORECASE | re.DOTALL)


class RegistryAuth:
    """Finds credentials: first in ``given``, a list of {registry, username, password}.

    With ``from_config``, then in this host's docker config (config.json, credential stores and helpers, read by the
    Docker SDK).
    """

    def __init__(self, given: Optional[List[Mapping[str, str]]] = None, from_config: bool = False) -> None:
        self._given = {_checked(entry["registry"]): entry for entry in given or []}
        if HUB_SERVER in self._given:
            self._given.setdefault(HUB, self._given[HUB_SERVER])
        self._from_config = from_config
        self._config: Any = None
        self._found: Dict[str, Optional[str]] = {}

    def header(self, image: str) -> Optional[str]:
        """Returns the X-Registry-Auth header for ``image``; None without credentials.

        Raises EngineError (``registry_auth``).
        """
        registry = registry_of(image)
        if not registry:
            return None
        if registry not in self._found:
            credentials = self._credentials(registry)
            self._found[registry] = None if credentials is None else _encoded(credentials)
        return self._found[registry]

    def account(self, registry: str) -> Optional[Dict[str, Any]]:
        """Returns the credentials for a login at a registry (``POST /auth``), or None. Raises as ``header``."""
        header = self.header(f"{registry}/x" if registry != HUB else "x")
        return None if header is None else dict(json.loads(base64.urlsafe_b64decode(header)))

    def _credentials(self, registry: str) -> Optional[Dict[str, Any]]:
        entry = self._given.get(registry)
        if entry is not None:
            address = HUB_ADDRESS if registry == HUB else registry
            return {"username": entry["username"], "password": entry["password"], "serveraddress": address}
        if not self._from_config:
            return None
        try:
            import docker.auth
            import docker.errors
        except ImportError as error:
            raise EngineError(
                f"Reading this host's docker credentials needs the Docker SDK for Python: {error}",
                "registry_auth",
                "Install it on this host (`pip install docker`), or give registry_auth.",
            ) from None
        try:
            if self._config is None:
                self._config = docker.auth.load_config()
            found = self._config.resolve_authconfig(registry)
        except (docker.errors.DockerException, OSError, ValueError) as error:
            raise EngineError(
                f"The docker credentials for {registry} can't be read: {error}",
                "registry_auth",
                "Log in again with `docker login`, or give registry_auth.",
            ) from None
        if not found:
            return None
        known = {key.lower(): value for key, value in found.items()}
        names = ("username", "password", "email", "serveraddress", "auth", "identitytoken", "registrytoken")
        return {name: known[name] for name in names if known.get(name)}


def _checked(text: str) -> str:
    registry = registry_named(text)
    if not registry:
        raise EngineError(
            f"registry_auth does not name a registry: {text!r}.",
            "registry_auth",
            "Write the registry as in image names (registry.example.com:5000), docker.io for Docker Hub. Check for an "
            "empty variable.",
        )
    return registry


def registry_named(text: str) -> str:
    """Returns the registry in ``text``, which may have a scheme and a path; empty if there is none."""
    match = _NAMED.match(text.strip())
    name = match.group(1) if match and is_registry(match.group(1)) else ""
    return HUB if name == "index.docker.io" else name


def _encoded(credentials: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(credentials).encode()).decode("ascii")
