# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how to reach the Engine; the same names and environment variables as community.docker's."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Mapping, Optional

from ansible.module_utils.basic import env_fallback

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.context import context_options

Reader = Callable[[str], Optional[str]]

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


def connection_options(params: Mapping[str, Any], environ: Mapping[str, str], read: Reader) -> Dict[str, Any]:
    """The connection that ``params`` and the environment of the target ask for.

    As docker's CLI does it: an address wins over DOCKER_CONTEXT, and the files of DOCKER_CERT_PATH (ca.pem, cert.pem,
    key.pem) serve where TLS is wanted and none is named.

    :param read: the text of a file, or None.
    :raises EngineError: the context that DOCKER_CONTEXT names is not known.
    """
    given = {name: params[name] for name in CONNECTION if params[name] is not None}
    if "docker_host" not in given and environ.get("DOCKER_CONTEXT"):
        folder = environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
        given.update(context_options(environ["DOCKER_CONTEXT"], folder, read))
    certificates = environ.get("DOCKER_CERT_PATH")
    if certificates and (given["tls"] or given["validate_certs"]):
        for option, name in (("ca_path", "ca.pem"), ("client_cert", "cert.pem"), ("client_key", "key.pem")):
            given.setdefault(option, os.path.join(certificates, name))
    return given
