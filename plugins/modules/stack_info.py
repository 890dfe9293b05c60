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
  - Shows every stack, including stacks deployed with the docker command. The content of configs and secrets is never shown.
options:
  name:
    description:
      - The stack to show. All stacks by default.
  history:
    description:
      - Also show the recorded deployments and their results. This takes one more Engine call.
      - This includes removed stacks whose history the Swarm still has.
    type: bool
    default: false
  files:
    description:
      - With O(history=true), also show the text of the Compose files of each revision, if O(stackwright.swarm.compose_stack#module:keep_files) stored it.
    type: bool
    default: false
  changes:
    description:
      - With O(history=true), also show what each revision changed, compared with the good revision before it.
    type: bool
    default: false
    version_added: 1.1.0
  diff:
    description:
      - Compare two revisions of the stack in O(name), or a revision and the stack as it is, see RV(diff_revisions).
    type: dict
    version_added: 1.1.0
    suboptions:
      from:
        description: The number of the earlier revision. By default the good one before O(diff.to), for V(live) the last good one.
        type: int
      to:
        description: The number of the later revision, or V(live) for the stack as it is. By default the newest good one.
        type: str
  details:
    description:
      - Also show the specification of each service, for example its constraints, environment and update settings.
      - It never has the content of secrets and configs. Environment variables are shown if their names do not look secret and their values consist of
        words and numbers; other values are V(********).
    type: bool
    default: false
    version_added: 1.1.0
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
- name: Read all stacks
  stackwright.swarm.stack_info:
  register: swarm

- name: Show their images
  ansible.builtin.debug:
    msg: "{{ dict(swarm.stacks | map(attribute='name') | zip(swarm.stacks | map(attribute='images'))) }}"

- name: Read one stack
  stackwright.swarm.stack_info:
    name: shop

- name: Read the specifications of its services
  stackwright.swarm.stack_info:
    name: shop
    details: true

- name: Read its history, and what each revision changed
  stackwright.swarm.stack_info:
    name: shop
    history: true
    changes: true
  register: shop

- name: Compare the newest good revision with the one before it
  stackwright.swarm.stack_info:
    name: shop
    diff: {}

- name: Show all changes since revision 1, also by others
  stackwright.swarm.stack_info:
    name: shop
    diff: {from: 1, to: live}

- name: Show the deployments, their users and results
  ansible.builtin.debug:
    msg: "{{ item.number }} {{ item.status }} {{ item.finished }} by {{ item.who }}: {{ item.message }}"
  loop: "{{ shop.stacks[0].revisions }}"
  loop_control:
    label: "{{ item.number }}"
"""

RETURN = r"""
stacks:
  description: The stacks, sorted by name; empty if the given stack does not exist.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The stack's name in the Swarm.
      type: str
    owner:
      description:
        - The owner of the name. Stacks of different projects and environments can have the same name in the Swarm.
        - Read from the labels of its objects or, with O(history), from its revisions. Empty texts if there are none, for example for stacks created
          by the docker CLI.
      type: dict
      contains:
        id: {description: 'The id, as the filter P(stackwright.swarm.stack_id#filter) gives it.', type: str}
        project: {description: The project; empty if it has none., type: str}
        environment: {description: The environment; empty if it has none., type: str}
        name: {description: The name; empty if only the id is known., type: str}
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
        status: {description: 'Its status, see M(stackwright.swarm.stack_health).', type: str}
        message: {description: What is missing or wrong; otherwise empty., type: str}
        mode: {description: 'The mode as in Compose, for example V(replicated).', type: str}
        desired: {description: How many tasks should run., type: int}
        running: {description: How many tasks run., type: int}
        image: {description: 'Its image, with the digest if it was resolved.', type: str}
        image_asked: {description: The image as written in the file., type: str}
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
        volumes: {description: "The names of the volumes that it mounts; for a template, those of its tasks.", type: list, elements: str}
        update_state: {description: The Engine's state of the latest update; empty if there was none., type: str}
        created: {description: When it was created., type: str}
        updated: {description: When it was last changed., type: str}
        runs:
          description: The last runs of a job on a schedule, the newest last; empty for any other service.
          type: list
          elements: dict
          contains:
            slot: {description: "The time in UTC that it ran for, empty for a run by hand.", type: str}
            started: {description: When it started., type: str}
            state: {description: "V(running), V(complete), V(failed), V(stopped) by a change of the job, or V(unknown).", type: str}
            exit_code: {description: The exit code of its last task., type: int}
            seconds: {description: How long it ran., type: float}
            error: {description: "The error of its last task, if it failed.", type: str}
        tasks:
          description: Its tasks, including ended tasks that the Swarm still remembers.
          type: list
          elements: dict
          contains:
            id: {description: The task's id., type: str}
            slot: {description: The number of the replica., type: int}
            node: {description: The name of its node., type: str}
            state: {description: 'Its state, for example V(running).', type: str}
            desired_state: {description: The desired state in the Swarm., type: str}
            error: {description: Its error., type: str}
            exit_code: {description: 'The exit code of its container, if it has ended.', type: int}
            container_id: {description: The id of its container., type: str}
            image: {description: The image that it runs., type: str}
            created: {description: When it was created., type: str}
            since: {description: When it entered its state., type: str}
        constraints: {description: Its placement constraints., returned: with O(details=true), type: list, elements: str}
        preferences: {description: Its placement preferences., returned: with O(details=true), type: list, elements: str}
        environment: {description: 'Its environment variables, see O(details).', returned: with O(details=true), type: dict}
        command: {description: Its command and arguments., returned: with O(details=true), type: list, elements: str}
        mounts:
          description: Its mounts.
          returned: with O(details=true)
          type: list
          elements: dict
          contains:
            type: {description: 'The type, for example V(volume).', type: str}
            source: {description: The volume or the path on the node., type: str}
            target: {description: The path in the container., type: str}
            read_only: {description: Whether it is read-only., type: bool}
        secrets: {description: The names of its secrets., returned: with O(details=true), type: list, elements: str}
        configs: {description: The names of its configs., returned: with O(details=true), type: list, elements: str}
        resources:
          description: V(limits) and V(reservations), each with C(cpus) and C(memory) in bytes; 0 if there is none.
          returned: with O(details=true)
          type: dict
        restart_policy: {description: Its restart policy., returned: with O(details=true), type: dict}
        update_config: {description: How it is updated; durations are in seconds., returned: with O(details=true), type: dict}
        rollback_config: {description: How Swarm rolls it back., returned: with O(details=true), type: dict}
        health_check: {description: Its health check; empty if the service defines none., returned: with O(details=true), type: dict}
    routes:
      description:
        - The HTTP routes that the labels of its running services define, in the form that M(stackwright.swarm.caddy_route) takes.
        - They contain no passwords or tokens. C(from_labels) names the labels with these values.
      type: list
      elements: dict
    networks:
      description: Its networks.
      type: list
      elements: dict
      contains:
        name: {description: The network's name., type: str}
        id: {description: Its id., type: str}
        driver: {description: 'Its driver, for example V(overlay).', type: str}
        attachable: {description: Whether standalone containers may join it., type: bool}
        internal: {description: Whether it has no external access., type: bool}
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
      description: The run that is changing the stack, with its start and operation; empty if there is none.
      type: str
    revisions:
      description: Its recorded deployments, newest first. Times are in UTC; a time is empty if the event has not happened yet.
      returned: with O(history=true)
      type: list
      elements: dict
      contains:
        number: {description: 'Its number.', type: int}
        id: {description: The id of the run., type: str}
        status:
          description:
            - V(QUEUED) while it waits for another run, V(CANCELLED) if it gave up or had nothing left to do, V(DEPLOYING) while it is in progress.
            - V(HEALTHY) if the stack became healthy, V(UNHEALTHY) if it did not and was left as is, V(FAILED) if it failed, V(REMOVED) if it removed the stack.
          type: str
        operation: {description: 'V(deploy), V(rollback), V(stop) or V(remove).', type: str}
        reason: {description: The reason of a failure; otherwise empty., type: str}
        message: {description: "The user's message, see O(stackwright.swarm.compose_stack#module:commit_message).", type: str}
        who: {description: The user who started it., type: str}
        back_to: {description: The revision that a rollback restored., type: int}
        restored: {description: 'The result of the rollback after a failure: V(done), V(failed), or V(none).', type: str}
        queued: {description: When it was queued., type: str}
        started: {description: When it started., type: str}
        finished: {description: When it ended., type: str}
        services:
          description: The state of its services at the end.
          type: list
          elements: dict
          contains:
            name: {description: The service's name in the Swarm., type: str}
            status: {description: Its status., type: str}
            desired: {description: How many tasks should have run., type: int}
            running: {description: How many ran., type: int}
            updated_at: {description: When this was observed., type: str}
            message: {description: What was missing or wrong., type: str}
        files:
          description:
            - The Compose files of the deployment, in order, with the files that they include and extend. Inline definitions, env files, and the files
              of configs and secrets are not included, since a hash of a short secret can reveal its value.
          type: list
          elements: dict
          contains:
            path: {description: 'Its path, relative to the project directory.', type: str}
            sha256: {description: 'The SHA-256 of its content, as from C(sha256sum).', type: str}
            text:
              description: Its text before variables are substituted, with V(********) for text that looks like a secret.
              returned: with O(files=true), if it was stored
              type: str
        commit:
          description: The checked-out git commit in the directory of the first file; empty if there is none, or if the files were on the manager.
          type: dict
          contains:
            id: {description: The commit's id., type: str}
            branch: {description: 'The branch, if one was checked out.', type: str}
        metadata:
          description: The O(stackwright.swarm.compose_stack#module:metadata) of the run; after a rollback, those of the restored revision.
          type: dict
        own:
          description: Later changes by runs of this collection that no revision has. M(stackwright.swarm.stack_drift) does not report them as drift.
          type: list
          elements: dict
          contains:
            kind: {description: 'V(service) or V(network).', type: str}
            name: {description: The object's name in the Swarm., type: str}
            did: {description: 'The change, for example V(scaled with stack_service since revision 7).', type: str}
            who: {description: The user who started it., type: str}
            at: {description: The time of the change., type: str}
        snapshots:
          description: The snapshots of volumes that it takes before its first change (O(stackwright.swarm.compose_stack#module:rollout)).
          type: list
          elements: dict
          contains:
            volume: {description: The volume's name in Docker., type: str}
            snapshot: {description: The snapshot's id., type: str}
            dest: {description: The folder on the node., type: str}
            node: {description: The id of the node., type: str}
        changes:
          description: Its changes as lines of a plan. Empty if the snapshots can't be read or nothing differs.
          returned: with O(changes=true)
          type: list
          elements: str
        changes_from: {description: The revision that it was compared with., returned: with O(changes=true), type: int}
        damaged: {description: Why a rollback to this good revision is not possible; otherwise empty., type: str}
    deployments:
      description: Statistics of the recorded deployments. Rates are from 0 to 1; null if there is nothing to count.
      returned: with O(history=true)
      type: dict
      contains:
        deployments: {description: How many have ended., type: int}
        failed: {description: How many of them failed., type: int}
        cancelled: {description: How many were canceled before they started., type: int}
        failure_rate: {description: The share of failed deployments., type: float}
        restored: {description: The number of successful rollbacks after failures., type: int}
        not_restored: {description: The number of failed rollbacks after failures., type: int}
        rollback_success: {description: The share of successful rollbacks., type: float}
        recoveries: {description: How often it became healthy again after a failure., type: int}
        time_to_recover:
          description: The mean time from the detection of a failure until the stack is healthy again, in seconds, by the same or a later run.
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
          runs: []
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
              since: "2026-11-21T01:22:10.987654321Z"
diff_revisions:
  description:
    - How the revisions in O(diff) differ. Hidden values are shown as V(********), generated ones as V(<generated>).
    - For V(live), replicas set by M(stackwright.swarm.stack_service) and changes by others are included; fields that the stack leaves to others are not.
  returned: with O(diff)
  type: dict
  contains:
    from: {description: The number of the earlier revision., type: int}
    to: {description: 'The number of the later revision, or V(live).', type: raw}
    lines: {description: The differences as text., type: list, elements: str}
    changes:
      description: The differences as data, as the plan of M(stackwright.swarm.compose_stack).
      type: list
      elements: dict
  sample:
    from: 6
    to: 7
    lines: ["update service shop_web: image shop:1.3 → shop:1.4"]
    changes:
      - action: update
        kind: service
        name: shop_web
        key: web
        reason: ""
        changes: [{path: TaskTemplate.ContainerSpec.Image, before: "shop:1.3", after: "shop:1.4"}]
        restarts: 0
        dependents: []
        phase: change
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
node:
  description: The node whose Engine answered.
  returned: success
  type: str
  sample: manager1
calls:
  description: The number of calls to the Engine API.
  returned: success
  type: int
  sample: 7
error_code:
  description: A stable code of the error, for example V(not_a_manager).
  returned: failure
  type: str
  sample: not_a_manager
"""

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import run_module
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import show_stacks
from ansible_collections.stackwright.swarm.plugins.module_utils.request.info_options import STACK_INFO


def main() -> None:
    run_module({**STACK, **STACK_INFO}, show_stacks)


if __name__ == "__main__":
    main()
