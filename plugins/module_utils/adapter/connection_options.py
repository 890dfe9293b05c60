# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options of the Engine, with the names and environment variables of community.docker."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Mapping, Optional

from ansible.module_utils.basic import AnsibleFallbackNotFound

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.docker_context import TLS_FILES, context_options

Reader = Callable[[str], Optional[str]]


def env_fallback(*names: str) -> str:
    """Returns the first of these environment variables that is not empty. The docker CLI ignores empty ones too.

    :raises AnsibleFallbackNotFound: none is set.
    """
    for name in names:
        value = os.environ.get(name)
        if value:
            return value
    raise AnsibleFallbackNotFound


CONNECTION: Dict[str, Dict[str, Any]] = {
    "docker_host": {"type": "str", "fallback": (env_fallback, ["DOCKER_HOST"]), "aliases": ["docker_url"]},
    "api_version": {
        "type": "str",
        "default": "auto",
        "fallback": (env_fallback, ["DOCKER_API_VERSION"]),
        "aliases": ["docker_api_version"],
    },
    "timeout": {"type": "int", "default": 60, "fallback": (env_fallback, ["DOCKER_TIMEOUT"])},
    "tls": {"type": "bool", "default": False, "fallback": (env_fallback, ["DOCKER_TLS"])},
    "validate_certs": {
        "type": "bool",
        "default": False,
        "fallback": (env_fallback, ["DOCKER_TLS_VERIFY"]),
        "aliases": ["tls_verify"],
    },
    "tls_hostname": {"type": "str", "fallback": (env_fallback, ["DOCKER_TLS_HOSTNAME"])},
    "ca_path": {"type": "path", "aliases": ["ca_cert", "tls_ca_cert", "cacert_path"]},
    "client_cert": {"type": "path", "aliases": ["tls_client_cert", "cert_path"]},
    "client_key": {"type": "path", "aliases": ["tls_client_key", "key_path"]},
    "use_ssh_client": {"type": "bool", "default": False},
}


def connection_options(params: Mapping[str, object], environ: Mapping[str, str], read: Reader) -> Dict[str, Any]:
    """Returns the connection from ``params`` and the environment of the target, as the docker CLI does.

    An address overrides DOCKER_CONTEXT. TLS without file options uses ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH,
    else in the CLI's folder if they exist.

    :param read: returns the text of a file, or None.
    :raises EngineError: the context in DOCKER_CONTEXT does not exist.
    """
    given = {name: params[name] for name in CONNECTION if params[name] not in (None, "")}
    folder = environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    if "docker_host" not in given and environ.get("DOCKER_CONTEXT"):
        context = context_options(environ["DOCKER_CONTEXT"], folder, read)
        given.update({name: value for name, value in context.items() if not given.get(name)})
    if given.get("tls") or given.get("validate_certs"):
        given.update(_certificates(given, environ.get("DOCKER_CERT_PATH") or "", folder, read))
    return given


def _certificates(given: Mapping[str, object], named: str, folder: str, read: Reader) -> Dict[str, str]:
    files = {name: os.path.join(named or folder, file) for name, file in TLS_FILES.items() if name not in given}
    # The client certificate is optional: not all Engines require one.
    needed = {"ca_path"} if named and given.get("validate_certs") else set()
    return {name: path for name, path in files.items() if name in needed or read(path) is not None}
