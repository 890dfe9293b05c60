# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error messages for TLS that name the option to check."""

from __future__ import annotations

from typing import Callable, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection

# (text in OpenSSL's message in lower case, what to do); the first match wins.
HINTS: Tuple[Tuple[str, str], ...] = (
    ("mismatch", "Set tls_hostname to a name in the Engine's certificate."),
    ("doesn't match", "Set tls_hostname to a name in the Engine's certificate."),
    ("expired", "Renew the Engine's certificate, or set the clock of this host."),
    ("verify failed", "Set ca_path to the CA that signed the Engine's certificate."),
    ("wrong version number", "The Engine does not use TLS on this port: correct docker_host, or turn off TLS."),
    ("record layer failure", "The Engine does not use TLS on this port: correct docker_host, or turn off TLS."),
    ("eof occurred", "Set client_cert and client_key to a pair that the Engine's CA signed."),
    ("alert", "Set client_cert and client_key to a pair that the Engine's CA signed."),
)


def tls_failure(reason: str, docker_host: str) -> EngineError:
    """Returns the error for a failed TLS handshake; ``reason`` is OpenSSL's text."""
    lower = reason.lower()
    hint = next((hint for text, hint in HINTS if text in lower), "Check the TLS options.")
    return EngineError(f"No TLS connection to the Engine at {docker_host}: {reason}.", "tls_error", hint)


def check_files(connection: Connection, is_file: Callable[[str], bool]) -> None:
    """Raises EngineError (``tls_error``) if a file is missing, or a certificate has no key or the other way round."""
    files = {name: getattr(connection, name) for name in ("ca_path", "client_cert", "client_key")}
    for name, path in files.items():
        if path and not is_file(path):
            raise EngineError(
                f"There is no file {path} on this host ({name}).",
                "tls_error",
                "Correct the option, or the folder in DOCKER_CERT_PATH.",
            )
    if bool(files["client_cert"]) != bool(files["client_key"]):
        given, missing = ("client_cert", "client_key") if files["client_cert"] else ("client_key", "client_cert")
        raise EngineError(f"{given} is given without {missing}.", "tls_error", "Give both or neither.")
