# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # Options for the admin API of a Caddy
    DOCUMENTATION = r"""
options:
  admin:
    description:
      - The admin APIs of the proxy's replicas, for example V(unix:///var/lib/stackwright/caddy/admin.sock), V(http://tasks.caddy:2019) or
        V(https://proxy1.example.com:2021). Each is updated and reported separately.
      - A host with several addresses, such as C(tasks.SERVICE) in the Swarm's DNS, means one replica at each of them. An address that several
        replicas share, such as the virtual IP of a service, is an error.
      - A unix socket is the safest choice. It is opened on the target of the task.
    type: list
    elements: str
    default: ["unix:///var/lib/stackwright/caddy/admin.sock"]
  admin_ca:
    description:
      - The certificate authority that signed the certificate of an V(https://) admin API, a file on the target.
      - Defaults to the authorities that the target trusts.
    type: path
  admin_cert:
    description:
      - The client's certificate for an V(https://) admin API, a file on the target.
    type: path
  admin_key:
    description:
      - The client's key for an V(https://) admin API, a file on the target.
    type: path
  admin_hostname:
    description:
      - The name that the certificate of an V(https://) admin API must carry, if it is not the host of its address.
    type: str
  admin_timeout:
    description:
      - Seconds for one answer of an admin API, from the connection to its last byte, 1 to 86400. All missing answers together also count as one, so
        the task waits for a hanging replica only once.
    type: int
    default: 10
  server:
    description:
      - The HTTP server with the routes, by its name in the proxy's configuration.
      - Required if the proxy has several servers.
    type: str
    default: ""
requirements:
  - Caddy >= 2.6.2
"""
