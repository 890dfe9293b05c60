# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how to reach the Engine; the same names and environment variables as community.docker's."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from ansible.module_utils.basic import env_fallback

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


def with_certificate_folder(params: Mapping[str, Any], environ: Mapping[str, str]) -> Dict[str, Any]:
    """The connection options of ``params``, with the files of ``DOCKER_CERT_PATH`` where none is named.

    As docker's CLI reads it: ca.pem, cert.pem and key.pem in that folder, only where TLS is wanted.
    """
    found = {name: params[name] for name in CONNECTION}
    folder = environ.get("DOCKER_CERT_PATH")
    if folder and (found["tls"] or found["validate_certs"]):
        for option, name in (("ca_path", "ca.pem"), ("client_cert", "cert.pem"), ("client_key", "key.pem")):
            if not found[option]:
                found[option] = os.path.join(folder, name)
    return found
