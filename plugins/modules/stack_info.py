#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_info
short_description: Show one or all stacks of a Swarm
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Shows the services, tasks, networks, configs, secrets, volumes, images and ports of one stack, or of all stacks of a Swarm.
  - The number of Engine calls does not grow with the number of stacks.
  - Shows every stack, also those that docker's own command has deployed. The content of configs and secrets is never shown.
options:
  name:
    description:
      - The stack to show. All stacks if it is not given.
  history:
    description:
      - Show the recorded deployments as well, and how well they went. This takes one more Engine call.
      - Stacks that were removed are then shown too, as long as the Swarm remembers them.
    type: bool
    default: false
  files:
    description:
      - With O(history=true), show also the text of the Compose files of each revision that O(stackwright.swarm.compose_stack#module:keep_files) has kept.
    type: bool
    default: false
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.stack_group
  - stackwright.swarm.attributes.info
seealso:
  - module: stackwright.swarm.compose_stack
  - module: stackwright.swarm.stack_health
  - module: stackwright.swarm.stack_rollback
"""

EXAMPLES = r"""
- name: Look at all stacks
  stackwright.swarm.stack_info:
  register: swarm

- name: Show which images they run
  ansible.builtin.debug:
    msg: "{{ dict(swarm.stacks | map(attribute='name') | zip(swarm.stacks | map(attribute='images'))) }}"

- name: Look at one
  stackwright.swarm.stack_info:
    name: shop

- name: Look at its history
  stackwright.swarm.stack_info:
    name: shop
    history: true
  register: shop

- name: Show who deployed what, and how it ended
  ansible.builtin.debug:
    msg: "{{ item.number }} {{ item.status }} {{ item.finished }} by {{ item.who }}: {{ item.message }}"
  loop: "{{ shop.stacks[0].revisions }}"
  loop_control:
    label: "{{ item.number }}"
"""

RETURN = r"""
stacks:
  description: The stacks, sorted by name; none if the named one does not exist.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: What the stack is called in the Swarm.
      type: str
    owner:
      description:
        - Which stack it is. Stacks of different projects and environments can have one name in the Swarm.
        - As the labels of its objects say it, or with O(history) its revisions; empty texts where none does, for instance for what
          docker's CLI has made.
      type: dict
      contains:
        id: {description: 'The id, as the filter P(stackwright.swarm.stack_id#filter) gives it.', type: str}
        project: {description: The project; empty if it has none., type: str}
        environment: {description: The environment; empty if it has none., type: str}
        name: {description: The name; empty where only the id is known., type: str}
    status:
      description: The worst status of its services, see M(stackwright.swarm.stack_health).
      type: str
    services:
      description: Its services, sorted by name.
      type: list
      elements: dict
      contains:
        name: {description: The service's name in the Swarm., type: str}
        id: {description: Its id., type: str}
        status: {description: 'How it is, see M(stackwright.swarm.stack_health).', type: str}
        message: {description: What is missing or wrong; empty if nothing is., type: str}
        mode: {description: 'The mode as in Compose, for instance V(replicated).', type: str}
        desired: {description: How many tasks should run., type: int}
        running: {description: How many run., type: int}
        image: {description: 'The image that it runs, with its digest if that was resolved.', type: str}
        image_asked: {description: The image as it is written in the file., type: str}
        labels: {description: The labels of the service., type: dict}
        ports:
          description: Its published ports.
          type: list
          elements: dict
          contains:
            published: {description: The port on the nodes., type: int}
            target: {description: The port in the container., type: int}
            protocol: {description: 'V(tcp), V(udp) or V(sctp).', type: str}
            mode: {description: V(ingress) or V(host)., type: str}
        networks: {description: The names of the networks that it joins., type: list, elements: str}
        volumes: {description: "The names of the volumes that it mounts; of a template, those of its tasks.", type: list, elements: str}
        update_state: {description: 'How the latest update went, in the words of the Engine; empty if there was none.', type: str}
        created: {description: When it was created., type: str}
        updated: {description: When it was changed last., type: str}
        tasks:
          description: Its tasks, also those that have ended and that the Swarm still remembers.
          type: list
          elements: dict
          contains:
            id: {description: The task's id., type: str}
            slot: {description: Which of the replicas it is., type: int}
            node: {description: The name of its node., type: str}
            state: {description: 'Its state, for instance V(running).', type: str}
            desired_state: {description: The state that the Swarm wants it to have., type: str}
            error: {description: What went wrong., type: str}
            exit_code: {description: 'The exit code of its container, if it has ended.', type: int}
            container_id: {description: The id of its container., type: str}
            image: {description: The image that it runs., type: str}
            created: {description: When it was created., type: str}
    routes:
      description:
        - The HTTP routes that the labels of its live services ask for, as M(stackwright.swarm.caddy_route) takes them.
        - Passwords and tokens are not among them. C(from_labels) names the labels that hold them.
      type: list
      elements: dict
    networks:
      description: The networks that belong to it.
      type: list
      elements: dict
      contains:
        name: {description: The network's name., type: str}
        id: {description: Its id., type: str}
        driver: {description: 'Its driver, for instance V(overlay).', type: str}
        attachable: {description: Whether containers outside the Swarm's services may join., type: bool}
        internal: {description: Whether it is cut off from the outside., type: bool}
        subnets: {description: Its subnets., type: list, elements: str}
    configs:
      description: The names of its configs.
      type: list
      elements: str
    secrets:
      description: The names of its secrets.
      type: list
      elements: str
    volumes:
      description: The names of the volumes that its services mount.
      type: list
      elements: str
    images:
      description: The images that its services run.
      type: list
      elements: str
    locked_by:
      description: Who changes the stack right now, since when and for what; empty if nobody does.
      type: str
    revisions:
      description: Its recorded deployments, newest first. Times are in UTC; what has not happened yet has none.
      returned: with O(history=true)
      type: list
      elements: dict
      contains:
        number: {description: 'Its number.', type: int}
        id: {description: The id of the run., type: str}
        status:
          description:
            - V(QUEUED) while it waits for another run, V(CANCELLED) if it gave up or found nothing left to do,
              V(DEPLOYING) while it works.
            - V(HEALTHY) if the stack ran in the end, V(UNHEALTHY) if it was left as it is although it did not,
              V(FAILED) if it failed, V(REMOVED) if it removed the stack.
          type: str
        operation: {description: 'V(deploy), V(rollback), V(stop) or V(remove).', type: str}
        reason: {description: Why it ended so; empty where nothing went wrong., type: str}
        message: {description: 'What the user said, see O(stackwright.swarm.compose_stack#module:commit_message).', type: str}
        who: {description: Who asked for it., type: str}
        back_to: {description: The number that a rollback went back to., type: int}
        restored: {description: 'What became of the stack after a failure: V(done) if it was brought back, V(failed), or V(none).', type: str}
        queued: {description: When it asked for its turn., type: str}
        started: {description: When it began., type: str}
        finished: {description: When it ended., type: str}
        services:
          description: How its services were in the end.
          type: list
          elements: dict
          contains:
            name: {description: The service's name in the Swarm., type: str}
            status: {description: Its status., type: str}
            desired: {description: How many tasks should have run., type: int}
            running: {description: How many ran., type: int}
            updated_at: {description: When that was seen., type: str}
            message: {description: What was missing or wrong., type: str}
        files:
          description:
            - The Compose files that it was deployed from, in their order, with those that they include and extend. Inline definitions, env files, and
              the files of configs and secrets are not among them. Of a short secret a hash would tell the value to whoever tries.
          type: list
          elements: dict
          contains:
            path: {description: 'Where it was, seen from the folder of the project.', type: str}
            sha256: {description: 'The SHA-256 of its content, as C(sha256sum) shows it.', type: str}
            text:
              description: Its text before variables were put in, with V(********) for what looks like a secret.
              returned: with O(files=true), if it was kept
              type: str
        commit:
          description: The git commit that was checked out where the first of them lies; empty where there is none, or the files were on the manager.
          type: dict
          contains:
            id: {description: The commit's id., type: str}
            branch: {description: 'The branch, if one was checked out.', type: str}
        own:
          description: What runs of this collection have left since then that no revision has; M(stackwright.swarm.stack_drift) does not take it for drift.
          type: list
          elements: dict
          contains:
            kind: {description: 'V(service) or V(network).', type: str}
            name: {description: The object's name in the Swarm., type: str}
            did: {description: 'What it was, for instance V(scaled with stack_service since revision 7).', type: str}
            who: {description: Who asked for it., type: str}
            at: {description: When., type: str}
        damaged: {description: Why one can't go back to it although it was good; empty if nothing is damaged., type: str}
    deployments:
      description: What the recorded deployments say together. Rates are from 0 to 1; null where there is nothing to count.
      returned: with O(history=true)
      type: dict
      contains:
        deployments: {description: How many have ended., type: int}
        failed: {description: How many of them failed., type: int}
        cancelled: {description: How many were cancelled before they began., type: int}
        failure_rate: {description: The share that failed., type: float}
        restored: {description: After how many failures the stack was brought back., type: int}
        not_restored: {description: After how many failures that did not succeed., type: int}
        rollback_success: {description: The share of failures after which bringing the stack back succeeded., type: float}
        time_to_recover:
          description: Seconds from noticing a failure to the stack being well again, by the same run or a later one; the mean.
          type: float
  sample:
    - name: shop
      status: healthy
      configs: [shop_page]
      secrets: []
      volumes: [shop_data]
      locked_by: ""
      routes: []
      images: ["registry.example.com/shop:1.4@sha256:2e0e3921702761e0491f81c75a944f0a079cb5cfc9f167c2a37089be55d3afff"]
      networks:
        - {name: shop_default, id: tfvekq3hj0yiiou4ksdnjvvt7, driver: overlay, attachable: false, internal: false, subnets: [10.0.1.0/24]}
      services:
        - name: shop_web
          status: healthy
          mode: replicated
          desired: 1
          running: 1
          message: ""
          id: q4dyk0q5jdd6bxh2fyqx0e3m1
          image: "registry.example.com/shop:1.4@sha256:2e0e3921702761e0491f81c75a944f0a079cb5cfc9f167c2a37089be55d3afff"
          image_asked: registry.example.com/shop:1.4
          labels: {com.docker.stack.namespace: shop}
          ports: [{published: 8080, target: 80, protocol: tcp, mode: ingress}]
          networks: [shop_default]
          volumes: [shop_data]
          update_state: completed
          created: "2026-11-21T01:21:07.123456789Z"
          updated: "2026-11-21T01:22:10.987654321Z"
          tasks:
            - id: 2ppaq4vzs2rwbx8ctw6qlyhkc
              slot: 1
              node: worker1
              state: running
              desired_state: running
              error: ""
              exit_code:
              container_id: 8d0f7b0e1c6a
              image: "registry.example.com/shop:1.4@sha256:2e0e3921702761e0491f81c75a944f0a079cb5cfc9f167c2a37089be55d3afff"
              created: "2026-11-21T01:22:09.987654321Z"
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
node:
  description: The node whose Engine was asked.
  returned: success
  type: str
  sample: manager1
calls:
  description: How many calls of the Engine API this took.
  returned: success
  type: int
  sample: 7
error_code:
  description: A stable word for what went wrong, for instance V(not_a_manager).
  returned: failure
  type: str
  sample: not_a_manager
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.info import show_stacks
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_module

_OFF = {"type": "bool", "default": False}


def main() -> None:
    run_module({**STACK, "history": _OFF, "files": _OFF}, show_stacks)


if __name__ == "__main__":
    main()
