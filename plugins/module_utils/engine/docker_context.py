# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoint of a docker CLI context, read from the CLI's own files without the CLI.

Layout of the CLI's context store: ``DIR/contexts/meta/SHA256(NAME)/meta.json`` and, for TLS,
``DIR/contexts/tls/SHA256(NAME)/docker/{ca,cert,key}.pem``, where DIR is ``~/.docker`` or ``DOCKER_CONFIG``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse

Reader = Callable[[str], Optional[str]]


def current_context(config_dir: str, read: Reader) -> str:
    """Returns the name of the context that ``docker context use`` has set, else ``default``."""
    text = read(f"{config_dir}/config.json")
    try:
        value = parse(text or "{}")
    except ValueError:
        return "default"
    name = value.get("currentContext") if isinstance(value, dict) else None
    return name if isinstance(name, str) and name else "default"


def context_options(name: Optional[str], config_dir: str, read: Reader) -> Dict[str, Any]:
    """Returns the connection options of the context ``name`` (if empty, of the current one); {} for ``default``.

    ``read`` returns the text of a file, or None. Raises EngineError (``daemon_unreachable``) for an unknown context.
    """
    name = name or current_context(config_dir, read)
    if name == "default":
        return {}
    from hashlib import sha256

    digest = sha256(name.encode()).hexdigest()
    text = read(f"{config_dir}/contexts/meta/{digest}/meta.json")
    try:
        endpoint = parse(text or "null")["Endpoints"]["docker"]
        options: Dict[str, Any] = {"docker_host": str(endpoint["Host"])}
    except (ValueError, KeyError, TypeError):
        raise EngineError(
            f"The docker context '{name}' has no usable docker endpoint in {config_dir}.",
            "daemon_unreachable",
            "List the contexts with `docker context ls`, or set docker_host.",
        ) from None
    folder = f"{config_dir}/contexts/tls/{digest}/docker"
    found = {key: f"{folder}/{file}" for key, file in TLS_FILES.items() if read(f"{folder}/{file}") is not None}
    if found:
        options.update(found, tls=True, validate_certs=not endpoint.get("SkipTLSVerify", False))
    return options


TLS_FILES = {"ca_path": "ca.pem", "client_cert": "cert.pem", "client_key": "key.pem"}
