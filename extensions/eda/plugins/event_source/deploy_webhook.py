# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source for ansible-rulebook: requests to deploy a stack."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from pathlib import Path
from typing import Any, Dict

DOCUMENTATION = r"""
---
module: deploy_webhook
short_description: Receive requests to deploy a stack
version_added: 1.1.0
description:
  - 'Receives C(POST /STACK) with the header C(Authorization: Bearer TOKEN), and a body such as V({"variables": {"TAG": "1.5"}}), or none.
    The answer to each accepted request is 202. The request becomes an event of the type V(deploy_requested).'
  - The token is the kept value C(stack/DEPLOY_TOKEN) of the stack. Set it with M(stackwright.swarm.stack_values); it is read for
    each request, so a new token is valid at once. A token of fewer than 16 characters is refused.
  - A request can only set the variables that O(stacks) allows. No value may contain a template.
  - A body has at most 16384 bytes. After 10 wrong tokens in a minute, an address must wait.
author:
  - The stackwright.swarm maintainers
options:
  stacks:
    description:
      - The stacks that can be deployed, by the path of the request.
      - Each entry has C(name) (by default the path), C(project), C(environment), C(src) and C(variables).
      - C(src) is passed on, for the action.
      - C(variables) is a list of names that a request may set, or a map of names to regular expressions that the whole value must match.
        Without an expression, a value has letters, digits and C(._/:@+-), at most 255.
    type: dict
    required: true
  host:
    description: The address to listen on.
    type: str
    default: 127.0.0.1
  port:
    description: The port to listen on, 0 to 65535. V(0) is any free port.
    type: int
    default: 5000
  rate:
    description: How often one stack is deployed in a minute at most, 1 to 6000.
    type: float
    default: 6
  certfile:
    description: A file with the certificate of the server, for HTTPS.
    type: str
  keyfile:
    description: A file with its key.
    type: str
  store:
    description:
      - The store of the token. V(swarm) reads it from a manager's Engine, and can't read values that are encrypted.
      - V(host_facts) reads it from the files of this machine, if it is the manager.
    type: str
    choices: [swarm, host_facts]
    default: swarm
  path:
    description: For O(store=host_facts), the directory. Defaults to V(/etc/ansible/facts.d).
    type: str
  managers:
    description: The managers to ask, in order, as in the event source P(stackwright.swarm.swarm_events#event_source).
    type: list
    elements: raw
    default: ["unix:///var/run/docker.sock"]
  docker_host:
    description: The manager to ask, if there is only one.
    type: str
  api_version:
    description: The version of the Engine API to use.
    type: str
    default: auto
  timeout:
    description: Seconds for one answer of the Engine, 1 to 86400.
    type: float
    default: 60
  tls:
    description: Use TLS without verifying the Engine's certificate.
    type: bool
    default: false
  validate_certs:
    description: Use TLS and verify the Engine's certificate.
    type: bool
    default: false
  tls_hostname:
    description: The name that the Engine's certificate must carry, if it is not the host of O(docker_host).
    type: str
  ca_path:
    description: The certificate authority to trust, a file where ansible-rulebook runs.
    type: str
  client_cert:
    description: The client's certificate, a file where ansible-rulebook runs.
    type: str
  client_key:
    description: The client's key, a file where ansible-rulebook runs.
    type: str
  use_ssh_client:
    description: For an V(ssh://) address, use the C(ssh) command instead of Paramiko.
    type: bool
    default: false
requirements:
  - Python >= 3.9 where ansible-rulebook runs
  - the Docker SDK for Python, only for V(tcp://) and V(ssh://) addresses
"""

EXAMPLES = r"""
- name: Deploy on request
  hosts: all
  sources:
    - name: Requests
      stackwright.swarm.deploy_webhook:
        docker_host: unix:///var/run/docker.sock
        port: 5000
        stacks:
          shop:
            src: /srv/shop/compose.yml
            variables: [TAG]
  rules:
    - name: Deploy the stack
      condition: event.type == "deploy_requested"
      action:
        run_playbook:
          name: stackwright.swarm.deploy
          extra_vars:
            stack_name: "{{ event.owner.name }}"
            stack_src: "{{ event.src }}"
            stack_variables: "{{ event.variables }}"
"""


def _source() -> Any:
    """The part of the collection that does the work; see swarm_events.py, which ansible-rulebook runs alone as well."""
    collections = Path(__file__).absolute().parents[6]
    if collections.name == "ansible_collections":
        sys.path.append(str(collections.parent))
        package = importlib.import_module("ansible_collections")
        if str(collections) != next(iter(package.__path__)):
            package.__path__ = [str(collections), *package.__path__]
    return importlib.import_module("ansible_collections.stackwright.swarm.plugins.plugin_utils.events.webhook")


async def main(queue: asyncio.Queue, args: Dict[str, Any]) -> None:
    """Puts events on ``queue`` until it is cancelled. Raises an error for options that are wrong."""
    await _source().receive(queue, args, logging.getLogger("stackwright.swarm.deploy_webhook"))
