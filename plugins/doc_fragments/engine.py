# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # Options for the connection to the Engine
    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - The Engine to connect to, for example V(unix:///var/run/docker.sock), V(tcp://10.0.0.5:2376) or V(ssh://ops@manager1).
      - If not given, the environment variable E(DOCKER_HOST) of the target is used, then the context in E(DOCKER_CONTEXT), then
        V(unix:///var/run/docker.sock). An empty environment variable counts as not set, here and below.
    type: str
    aliases: [docker_url]
  api_version:
    description:
      - The version of the Engine API to use. V(auto) uses the newest that the Engine offers, up to V(1.51).
      - Engine 29 rejects versions below V(1.44), Engine 20.10 those above V(1.41).
      - If not given, the environment variable E(DOCKER_API_VERSION) is used.
    type: str
    default: auto
    aliases: [docker_api_version]
  timeout:
    description:
      - Seconds for one answer of the Engine, from the connection to its last byte; 1 to 86400. It does not limit the wait for a stack.
      - If not given, the environment variable E(DOCKER_TIMEOUT) is used.
    type: int
    default: 60
  tls:
    description:
      - Use TLS without verifying the Engine's certificate.
      - If not given, the environment variable E(DOCKER_TLS) is used.
    type: bool
    default: false
  validate_certs:
    description:
      - Use TLS and verify the Engine's certificate.
      - If not given, the environment variable E(DOCKER_TLS_VERIFY) is used.
    type: bool
    default: false
    aliases: [tls_verify]
  tls_hostname:
    description:
      - The name that the Engine's certificate must carry, if it is not the host of O(docker_host).
      - If not given, the environment variable E(DOCKER_TLS_HOSTNAME) is used.
    type: str
  ca_path:
    description:
      - The certificate authority to trust, a file on the target.
      - Defaults to C(ca.pem) in the directory E(DOCKER_CERT_PATH) or in Docker's configuration directory, if it exists, else to the authorities that
        the target trusts.
    type: path
    aliases: [ca_cert, tls_ca_cert, cacert_path]
  client_cert:
    description:
      - The client's certificate, a file on the target.
      - Defaults to C(cert.pem) in the same directories, if it exists.
    type: path
    aliases: [tls_client_cert, cert_path]
  client_key:
    description:
      - The client's key, a file on the target.
      - Defaults to C(key.pem) in the same directories, if it exists.
    type: path
    aliases: [tls_client_key, key_path]
  use_ssh_client:
    description:
      - For an V(ssh://) address, use the C(ssh) command instead of Paramiko.
    type: bool
    default: false
requirements:
  - Python >= 3.8 on the target
  - Docker Engine >= 20.10 (API 1.41)
  - the Docker SDK for Python (docker >= 5.0.0) on the target, only for V(tcp://) and V(ssh://) addresses, and to read the registry credentials of the target
"""
