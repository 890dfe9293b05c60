#!/usr/bin/python
# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_stack
short_description: Deploy a stack to Docker Swarm from Compose files
version_added: 1.0.0
author:
  - The stackwright.swarm maintainers (@stackwright)
description:
  - Deploys Compose files to Docker Swarm. Files that C(docker stack deploy) accepts give the same services. Modern Compose files, which it rejects,
    can be deployed as well.
  - Reads, validates and plans everything before it changes anything. Check mode and diff mode show exactly what a run would do.
  - Changes only what differs. The plan gives the reason of each change, and the services that restart.
  - Waits until the stack is healthy. If it does not become healthy, fails with the task's error, its node and its last log lines.
  - Uses the Engine's API directly. The docker command and other collections are not required on the target.
  - The play may target all managers of a cluster. The task runs once per cluster, on the first reachable manager.
options:
  name:
    description:
      - The stack's name. Defaults to C(name) in the Compose files. Required for O(state=stopped) and O(state=absent).
      - Together with O(project) and O(environment) the stack has the name C(PROJECT-ENVIRONMENT-NAME) in the Swarm. A name over 63 characters is
        shortened with a hash.
    type: str
  src:
    description:
      - Compose files, merged in this order with the rules of Compose.
      - Files on the controller, found as by M(ansible.builtin.copy); files on the manager if O(remote_src=true).
      - Jinja does not template them. Pass values in O(variables).
    type: list
    elements: path
  definition:
    description:
      - A Compose file given inline, as text or as a mapping. A list of definitions is merged in this order, after the files of O(src).
    type: raw
  remote_src:
    description:
      - Read O(src), O(env_files) and all files that they refer to from the manager.
    type: bool
    default: false
  project_directory:
    description:
      - The directory that relative paths in the Compose files refer to. Defaults to the directory of the first file.
      - Sources of bind mounts are paths on the nodes, not on the controller.
    type: path
  confine:
    description:
      - Which files the Compose files may refer to with C(env_file), C(label_file), C(include), C(extends) and the C(file) of configs and secrets.
      - V(project) allows only files inside the project directory, after links are resolved. This is O(project_directory), or the directory of the
        first file. The directory of an included project must be inside it too.
      - V(none) allows any file that the user who runs Ansible can read, as Docker's own tools do.
      - Files in O(src) and O(env_files) may be anywhere.
      - Files in C(/proc), C(/sys) and C(/dev), and anything that is not a regular file, are never read.
    type: str
    choices: [project, none]
    default: none
  variables:
    description:
      - Values for C(${NAME}) in the Compose files. The controller's environment is never used.
    type: dict
    default: {}
  env_files:
    description:
      - Files with more variables, in the format of Compose's C(.env). O(variables) take precedence.
    type: list
    elements: path
    default: []
  profiles:
    description:
      - Profiles to activate. Services without a profile are always deployed.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Turn every notice into an error, for example for a key that has no effect in Swarm.
    type: bool
    default: false
  keep_files:
    description:
      - Store the text of the Compose files in the stack's history. M(stackwright.swarm.stack_info) shows it with
        O(stackwright.swarm.stack_info#module:files=true).
      - The text is stored before variables are substituted. Text that looks like a secret is replaced by V(********). At most 1 MB is stored per revision.
      - The hashes of the files and their git commit are always recorded.
    type: bool
    default: false
  metadata:
    description:
      - Additional data for the revision of this deployment, for example the release, the pipeline or the ticket. M(stackwright.swarm.stack_info) shows it
        with O(stackwright.swarm.stack_info#module:history=true), and M(stackwright.swarm.services_registry_info) reads it.
      - A small map of texts, with at most 20 entries of at most 500 characters on one line. Text that looks like a secret is stored as V(********).
      - It is not part of the stack. A run that only has other metadata changes nothing and records no revision.
      - O(state=stopped) and O(state=absent) ignore it.
    type: dict
    default: {}
  apply_ignored_keys:
    description:
      - Some keys, such as C(tmpfs), C(shm_size), C(security_opt) or C(network_mode), are ignored by C(docker stack deploy) but take effect here. A
        service that the docker command deployed without them is not changed until it changes for another reason, so taking over a stack restarts
        nothing. A notice names the keys.
      - With V(true), they take effect now.
    type: bool
    default: false
  env_overrides:
    description:
      - Environment variables that override those of the Compose files. Variables of a service override those of the stack.
      - Each is a value, or a mapping with C(value) and C(sensitive). V(null) removes a variable. Values are used unchanged.
      - With C(sensitive=true), the value is treated like a generated one. It is inserted on the manager and never shown. Store it in Ansible Vault,
        and set C(no_log) if callbacks print task arguments.
    type: dict
    default: {}
    suboptions:
      stack:
        description:
          - Variables for every service.
          - A variable whose name is in an C(x-env) of the files only replaces C(${NAME}) there.
        type: dict
        default: {}
      services:
        description: Variables for single services, by service key.
        type: dict
        default: {}
  state:
    description:
      - V(present) deploys the stack.
      - V(stopped) scales its services to zero and remembers their replicas. Nothing is removed.
      - V(absent) removes the services, networks, configs and secrets of the stack. Its volumes are kept.
    type: str
    choices: [present, stopped, absent]
    default: present
  shared_networks:
    description:
      - Existing networks that every service joins in addition to those of the file. On them a service is only reachable as C(HASH_SERVICE) and
        C(HASH-SERVICE), so the names of two stacks never collide. HASH is RV(stack_hash).
      - Empty by default. With O(platform.preset=paas) the default is V(public).
    type: list
    elements: str
  platform:
    description:
      - Policies that add settings to the files. They never override settings of the files. All are off by default.
    type: dict
    default: {}
    suboptions:
      preset:
        description:
          - V(paas) sets defaults for a platform with many stacks. O(shared_networks) is V(public), O(platform.tracking_labels) is V(true),
            O(platform.update_config) is V(safe) with an O(platform.update_delay) of V(5s), O(platform.restart_policy) has the condition V(any), and
            O(platform.logging) sends logs to a Fluentd on the service's node, with the tag C({{stack}}.{{service}}).
          - V(logs) sets only O(platform.logging), for the collector of the role P(stackwright.swarm.swarm_platform#role). Both are asynchronous
            with a bounded buffer, so that a service does not wait for a collector.
          - Options that the task sets take precedence. V(false), V(keep), an empty list or an empty map turns a part off.
        type: str
        choices: [paas, logs]
      tracking_labels:
        description:
          - Put labels with the stack's project, environment and services on its objects.
          - Enabled by default if O(shared_networks) or O(project) is set.
        type: bool
      update_config:
        description:
          - V(keep), the default, does not change services.
          - V(safe) adds a careful update policy to services without C(deploy.update_config). New tasks start before old ones stop only if that is
            safe, so not with named volumes or host-mode ports.
        type: str
        choices: [keep, safe]
      update_delay:
        description: How long such an update waits between two tasks, for example V(5s). No delay by default.
        type: str
      restart_policy:
        description:
          - The restart policy, as in Compose, of services without C(deploy.restart_policy) and C(restart).
        type: dict
      logging:
        description:
          - The log driver of services without C(logging).
        type: dict
        suboptions:
          driver:
            description: The name of the driver. Required unless O(platform.preset) sets one.
            type: str
          options:
            description:
              - The options of the driver. In them, C({{stack}}) is the stack's name in the Swarm, and C({{service}}) the service's key in the file.
                Tag such a text with C(!unsafe), else Ansible templates it.
              - Without O(platform.logging.driver) they are merged into the options of the preset.
            type: dict
      environment:
        description:
          - Environment variables for every service, unless the file sets them.
        type: dict
      hash_aliases:
        description:
          - External networks of the file, by key or name, on which services are only reachable as C(HASH_SERVICE) and C(HASH-SERVICE), as on
            O(shared_networks). Aliases in the file are kept.
          - Without it, a service is reachable there by its bare name, which services of other stacks may share. A notice names such services.
        type: list
        elements: str
        default: []
      generic_resources:
        description:
          - The names of the nodes' generic resources for the devices that C(deploy.resources.reservations.devices) and C(gpus) request. The keys are
            the driver or capability in the file, the values the resources that the nodes advertise, for example V(GPU) for C(nvidia). A device
            without an entry is an error.
        type: dict
  prune:
    description:
      - Remove services, networks, configs and secrets of the stack that are no longer in the files, after all other changes.
      - A config or secret that a service could still be rolled back to is kept until the next deployment.
    type: bool
    default: true
  takes:
    description:
      - Domains that the stack takes from other stacks, with all their paths. Without it, a route of another stack causes the error C(route_conflict).
      - The other stack keeps running. M(stackwright.swarm.stack_drift) reports the taken domains, and so does a notice of its next deployment, which
        skips these routes. It can take them back the same way.
      - Record the domains with M(stackwright.swarm.stack_routes), then switch the proxies with M(stackwright.swarm.caddy_route) and the same option.
        The role P(stackwright.swarm.stack#role) does both when the stack is healthy.
    type: list
    elements: str
    default: []
  on_drift:
    description:
      - What to do if the run would overwrite changes that others made since the last good revision, for example with C(docker service update) or an
        autoscaler. Changes that match the files are not overwritten.
      - V(warn) overwrites them and reports them in a notice, and as data in RV(drift).
      - V(fail) fails with the code C(drift_found), also in check mode, and changes nothing.
      - V(ignore) does not check.
      - Use M(stackwright.swarm.stack_drift) to detect all drift without a deployment.
    type: str
    choices: [warn, fail, ignore]
    default: warn
  services:
    description:
      - Deploy only these services, by their keys in the files, and their dependencies, with the networks, configs and secrets that they use.
      - Nothing is pruned, and the task waits only for these services. The revision records the other services as in the last good revision, so they
        are not drift. RV(routes) has the routes of all services.
    type: list
    elements: str
    default: []
  restart:
    description:
      - Replace the tasks of these services, by their keys in the files, even if nothing differs. The task waits for them as for any change.
      - Each run with this option is C(changed). Jobs run again.
    type: list
    elements: str
    default: []
  restart_on:
    description:
      - Files, such as a bind-mounted C(nginx.conf), whose changes restart the services that mount them. They are read in the same way as O(src).
      - Either a list of files, for services that mount the file or a parent directory from the same path. Or a map of services to lists of files, for
        files with another path on the nodes.
      - A digest of the content is stored in the container label C(stackwright.restart-on). A new label replaces the tasks once. Use it for
        configuration, not for secrets, since a digest can be used to guess the content.
    type: raw
  recreate_volumes:
    description:
      - Volumes to replace with an empty one if their driver or options changed in the files. Give the name in the Compose file or the full name. An
        existing volume keeps its options; without this option a notice reports this, and the volume stays in use.
      - The new volume has the same name with a suffix. The services that mount it restart with it in the same transaction. The old volume stays on
        its nodes with its data; a failure or M(stackwright.swarm.stack_rollback) switches back to it. When no revision needs it any more,
        M(stackwright.swarm.stack_cleanup) with O(stackwright.swarm.stack_cleanup#module:dangling=true) and
        O(stackwright.swarm.stack_cleanup#module:volumes=true) removes it.
      - No data is copied. Move the data yourself, or restore it into the new volume.
      - The task fails if another stack, a service that this run does not change, or a container that was started by hand on this manager uses the
        volume. Containers on other nodes are not checked.
      - If the changed options were deployed before without this option, the volume is recreated too, provided that the volume on this manager or the
        history shows other options. Otherwise a notice reports that the volume is kept.
    type: list
    elements: str
    default: []
  leave:
    description:
      - Fields of services that others manage, such as an autoscaler or an operator. A deployment keeps their current value and never resets them. New
        services get the values of the files.
      - Each is a Compose key as shown in the plan, such as V(replicas), V(image), V(resources) or V(environment.LOG_LEVEL), or a path as shown in
        C(changes) of the result.
      - The label C(stackwright.leave) under C(deploy.labels) of a service does the same, for example V(replicas, resources).
      - The label C(stackwright.autoscale) of a replicated service, for example V(2-10), keeps its number of replicas if it is within these bounds, and
        brings any other number to the nearest one.
      - The revision records these fields, so M(stackwright.swarm.stack_drift) does not report them and M(stackwright.swarm.stack_rollback) does not reset them.
    type: dict
    default: {}
    suboptions:
      all:
        description: Fields of every service.
        type: list
        elements: str
        default: []
      services:
        description: Fields of single services, as lists by service key.
        type: dict
        default: {}
  diff_configs:
    description:
      - Show the content of new and changed configs in the diff, line by line. Text that looks like a secret, and values of the stack, are shown as V(********).
      - Without it, the diff only reports that the content has changed. The content of secrets is never shown.
    type: bool
    default: false
  adopt_secrets:
    description:
      - Trust that secrets created by the docker CLI have the content of the files. Swarm never shows the content of secrets.
      - Without it, the first run replaces such secrets, and the services that use them restart.
    type: bool
    default: false
  resolve_image:
    description:
      - When to ask the registry for the digest of an image.
      - V(changed) asks for new services, and for services whose image name changed in the files.
      - V(always) asks in every run, so that a moved tag is deployed.
      - V(never) deploys the tag without a digest.
    type: str
    choices: [always, changed, never]
    default: changed
  values:
    description:
      - Where generated and other kept values of the stack are stored, and how to handle them. See the guide on values.
      - The first run generates a value and stores it before it is used. Later runs use it again. Check mode generates nothing.
    type: dict
    default: {}
    suboptions:
      store:
        description:
          - V(host_facts) stores them in a fact file on the manager with mode 0600, available in C(ansible_local).
          - V(swarm) stores them in the Swarm, as a Docker config that every manager can read.
          - V(vault) stores them in a file on the controller, with each value encrypted by Ansible Vault.
          - V(auto) uses the store that has values of the stack. If none has any, it uses V(host_facts) in a Swarm with one manager and V(swarm) in a
            Swarm with several. It never uses V(vault).
        type: str
        choices: [auto, host_facts, swarm, vault]
        default: auto
      path:
        description:
          - For V(host_facts), the directory. Defaults to V(/etc/ansible/facts.d).
          - For V(vault), the file. Defaults to C(stackwright_values.yml) next to the inventory.
        type: path
      encrypted:
        description:
          - For V(swarm) - V(vault) encrypts each value on the controller with Ansible Vault, so that the Swarm only has ciphertext.
          - By default, values keep their present form; new stores are not encrypted. To encrypt existing values, use
            M(stackwright.swarm.stack_values) with O(stackwright.swarm.stack_values#module:state=moved).
        type: str
        choices: [vault]
      vault_id:
        description:
          - The vault identity to encrypt new values with. Defaults to the play's default identity.
        type: str
      regenerate:
        description:
          - Names of values to generate again in this run, such as V(stack/DB_PASSWORD) or V(db/POSTGRES_PASSWORD); V(all) for all values.
        type: list
        elements: str
        default: []
      on_lost:
        description:
          - What to do if the store lost a value that a running service uses.
          - V(fail) fails with RV(error_code=values_lost) and changes nothing.
          - V(adopt) stores the values of the running services.
          - V(regenerate) generates new values, which a database with the old ones will not accept.
        type: str
        choices: [fail, adopt, regenerate]
        default: fail
  on_changes:
    description:
      - V(deploy) carries out the plan.
      - V(plan) shows the plan and changes nothing if there is anything to change (RV(would_change=true)). Otherwise it is an ordinary run without
        changes, which waits until the services are healthy. So a playbook learns in one short task whether it has more to do. Registries are not asked
        for digests of images yet.
      - V(plan) can't be used with O(preflight) or O(routes).
    type: str
    choices: [deploy, plan]
    default: deploy
  preflight:
    description:
      - Check whether the stack can be deployed before anything is changed, as M(stackwright.swarm.stack_preflight) does. The checks are skipped if the
        plan changes nothing.
      - The manager that deploys checks the Swarm and its own node, and asks the other hosts of the play about theirs.
    type: bool
    default: false
  preflight_fail_on:
    description:
      - Which findings fail the task before anything is changed, as O(stackwright.swarm.stack_preflight#module:fail_on).
    type: str
    choices: [error, warning, never]
    default: error
  routes:
    description:
      - Also keep the routes of the stack in these proxies. V({}) uses the defaults.
      - Before anything is changed, the desired routes are compared with those of each proxy. A conflict or a proxy that does not answer fails the task.
        After that, the stack is deployed, and its routes are switched when it is healthy. Services that are no longer in the files are removed last.
      - A proxy that is new, or has missed routes, gets the routes of all stacks.
      - With O(state=absent), the routes are removed before the services. With O(state=stopped), they stay.
      - Each proxy is written by M(stackwright.swarm.caddy_route) on its host. C(module_defaults) of that module apply.
    type: dict
    suboptions:
      admin:
        description:
          - The addresses of the proxy's admin API on each of O(routes.proxies), as O(stackwright.swarm.caddy_route#module:admin).
          - A dictionary has the addresses of each host.
          - The default is V(unix:///var/lib/stackwright/caddy/admin.sock).
        type: raw
      proxies:
        description:
          - The inventory hosts that have a proxy, in the order in which they are updated. They need not be in the play.
          - By default the group C(swarm_proxies) if it exists, else all hosts of the play. Those that are known to be in another Swarm are
            left out, so that a play over several Swarms gives each proxy the routes of its own.
          - With an empty list, routes are not changed.
        type: list
        elements: str
      server:
        description:
          - The proxy's HTTP server, if it has several.
        type: str
      switch:
        description:
          - V(after_gate) switches the routes when the new tasks are healthy.
          - V(before) switches them before anything else changes. If the deployment fails, the routes of the running services are restored.
        type: str
        choices: [after_gate, before]
        default: after_gate
      on_lost_proxy:
        description:
          - What to do if a proxy is down, or hangs (for more than 10 seconds), or its host can't be reached.
          - V(fail) stops before anything is changed. V(warn) continues without the proxy and records the missed routes. The playbook C(routes), or the
            next run of any stack that reaches the proxy, updates it.
        type: str
        choices: [fail, warn]
        default: fail
      on_unlisted_proxy:
        description:
          - What to do if nodes run a proxy but are not in O(routes.proxies). They don't get the routes.
        type: str
        choices: [warn, fail, ignore]
        default: warn
      take_over:
        description:
          - V(gone) takes over routes of stacks whose services no longer exist, as O(stackwright.swarm.caddy_route#module:take_over).
        type: str
        choices: [none, gone]
        default: none
      manager:
        description:
          - The address of a manager's Engine that the hosts with a proxy can reach. Not required, since data from the manager is passed to them.
        type: str
      maintenance:
        description:
          - V(true), or the text of an HTML page, for all routes of the stack, as O(stackwright.swarm.caddy_route#module:maintenance).
          - The next run without this option restores the routes.
        type: str
  show:
    description:
      - Show the plan before it is carried out, and each service and each changed route after it. A run without changes shows nothing.
      - With O(stacks), also show a table with a row for each stack at the end.
      - Only with O(preflight), O(routes) or O(stacks).
    type: bool
    default: false
  stacks:
    description:
      - Many stacks in one task. Each element is a dictionary with the options of a stack, or the path of a folder on the controller with one
        sub-folder per stack.
      - A dictionary may have all options of this module except those of the connection, O(stacks), O(at_once) and O(show). C(name) is required. The
        options of the task apply to each stack, unless its dictionary has them too. Dictionaries such as O(variables), O(rollout) and O(routes)
        are merged by their keys.
      - C(after) lists the stacks that must be deployed before this one, by C(name) or by their names in the Swarm. A stack begins when these are
        healthy. If one of them fails, it is not deployed, and neither are the stacks after it.
      - A sub-folder has the name of its stack. It has a Compose file C(compose.yaml), C(compose.yml), C(docker-compose.yaml) or
        C(docker-compose.yml), and may have a file C(stack.yml) with the dictionary of options, which is not templated. In it, C(src) and
        C(env_files) are relative to the sub-folder. Sub-folders that begin with a dot are ignored.
      - All stacks are compared with the Swarm at once. Only stacks that differ are deployed, independent ones side by side (O(at_once)).
      - The task fails if a stack fails, and names each. RV(stacks) has the results.
    type: list
    elements: raw
  at_once:
    description:
      - How many of O(stacks) are deployed at the same time, from 1 to 100.
    type: int
    default: 4
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.rollout
  - stackwright.swarm.notify
  - stackwright.swarm.engine
  - stackwright.swarm.attributes
  - stackwright.swarm.attributes.stack_group
  - stackwright.swarm.attributes.no_async
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: stackwright.swarm.stack_health
  - module: stackwright.swarm.stack_info
  - module: stackwright.swarm.caddy_route
"""

EXAMPLES = r"""
- name: Deploy the shop
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.4"

- name: Deploy it for an environment of a project, from two files
  stackwright.swarm.compose_stack:
    name: shop
    project: acme
    environment: production
    src:
      - files/shop/compose.yml
      - files/shop/compose.production.yml
    env_files: files/shop/production.env

- name: Override environment variables of the file
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.4"
    env_overrides:
      stack:
        LOG_LEVEL: debug
      services:
        web:
          LOG_LEVEL: info

- name: Deploy it with your own password, stored like a generated one and never shown
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.4"
    env_overrides:
      services:
        web:
          DB_PASSWORD:
            value: "{{ vault_db_password }}"
            sensitive: true
    values:
      store: swarm

- name: Control the rollout, and record a message for the revision
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    rollout:
      timeout: 120         # seconds without progress
      stable_for: 5
      lock_timeout: 300    # seconds to wait for another run on this stack
      on_failure: rollback # the default
    commit_message: release 1.5, new search
    keep_revisions: 20
    values:
      store: swarm

- name: Deploy it, and copy the database before it changes. If the release fails, restore it
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.6"
    values:
      store: swarm
    rollout:
      snapshot: [data]
      snapshot_dest: /srv/volumes
      restore_snapshot: true

- name: Deploy it, and always restart a service
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    restart: [web]
    values:
      store: swarm

- name: Deploy one service and its dependencies
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    services: [web]
    values:
      store: swarm

- name: Deploy it, and restart a service if a mounted file has changed
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    restart_on:
      web: [files/shop/site.conf]
    values:
      store: swarm

- name: Replace a volume with an empty one that has the new driver options
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    recreate_volumes: [data]
    values:
      store: swarm

- name: Deploy it, and leave the replicas to the autoscaler
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    leave:
      services:
        web: [replicas]
    values:
      store: swarm

- name: See what a run would do
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.6"
  check_mode: true
  register: planned

- name: Carry out the approved plan, or nothing if the plan has changed
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.6"
    plan_id: "{{ planned.plan_id }}"

- name: Deploy an inline definition, with services that other stacks can reach
  stackwright.swarm.compose_stack:
    name: echo
    shared_networks: [public]
    platform:
      update_config: safe
    definition:
      services:
        web:
          image: "{{ registry }}/busybox:1"
          command: httpd -f -p 8000
          deploy:
            endpoint_mode: dnsrr

- name: Deploy files on the manager, with images from a private registry
  stackwright.swarm.compose_stack:
    name: shop
    remote_src: true
    src: /srv/shop/compose.yml
    variables:
      TAG: "1.4"
    registry_auth:
      - registry: "{{ registry }}"
        username: deploy
        password: "{{ registry_password }}"

- name: Check the nodes, deploy the shop, and switch its routes when it is healthy
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    shared_networks: [public]
    preflight: true
    routes: {}

- name: Deploy it with proxies on two hosts, and without one that is down
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    shared_networks: [public]
    routes:
      proxies: [manager1, manager2]
      on_lost_proxy: warn

- name: Deploy many stacks, the shop after its database, and show a table of them
  stackwright.swarm.compose_stack:
    shared_networks: [public]
    show: true
    stacks:
      - name: database
        definition:
          services:
            db:
              image: "{{ registry }}/busybox:1"
              command: sleep 1d
      - name: shop
        src: files/shop/compose.yml
        variables:
          TAG: "1.4"
        after: [database]

- name: Deploy each sub-folder of a folder as a stack
  stackwright.swarm.compose_stack:
    stacks: [files/stacks]
    at_once: 2
    show: true

- name: Stop the shop, and keep its objects
  stackwright.swarm.compose_stack:
    name: shop
    state: stopped

- name: Remove the shop, but not its volumes
  stackwright.swarm.compose_stack:
    name: shop
    state: absent
"""

RETURN = r"""
stack:
  description: The stack's name in the Swarm.
  returned: success
  type: str
  sample: acme-production-shop
stack_id:
  description: The stack's id, made from project, environment and name; the same on every controller and manager.
  returned: always, unless the Compose files are invalid
  type: str
  sample: lucvlyso2bct2tgtqfxb2slfxt34rnc5
stack_hash:
  description: The short form of the id. On shared networks, the service C(web) is reachable as C(HASH_web) and C(HASH-web).
  returned: always, unless the Compose files are invalid
  type: str
  sample: lucvlyso
would_change:
  description: Whether a deployment would change anything, or must check the state that an interrupted one left.
  returned: with O(on_changes=plan), except in check mode
  type: bool
  sample: false
plan:
  description:
    - The operations in order. In check mode, the operations of a real run.
    - It never has the content of secrets and configs. Values with names such as password, token or key, and passwords in addresses, are shown as
      V(********), here and in the diff.
  returned: success, by the host that did the work
  type: list
  elements: dict
  contains:
    action:
      description:
        - One of V(create), V(update), V(remove), V(snapshot) and V(restore) of a volume, or V(wait) for a step of C(pre_start) that an earlier
          run left running.
      type: str
    kind:
      description: One of V(network), V(volume), V(config), V(secret), V(service).
      type: str
    name:
      description: The object's name in the Swarm.
      type: str
    key:
      description: Its key in the Compose file; empty if it is not in the file.
      type: str
    reason:
      description: The reason of the operation.
      type: str
    changes:
      description: The parts of the spec that differ, each with its path and its value before and after.
      type: list
      elements: dict
    restarts:
      description: How many tasks this restarts.
      type: int
    dependents:
      description: The services that depend on one that restarts, by their keys.
      type: list
      elements: str
    phase:
      description: V(change), or V(prune) for objects that are no longer in the files and are removed at the end.
      type: str
  sample:
    - action: update
      kind: service
      name: shop_web
      key: web
      reason: differs
      changes:
        - path: TaskTemplate.ContainerSpec.Image
          before: registry.example.com/shop:1.3
          after: registry.example.com/shop:1.4
      restarts: 2
      phase: change
plan_lines:
  description: The same as text, one line per operation.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample:
    - "update service shop_web: image registry.example.com/shop:1.3 → registry.example.com/shop:1.4 (restarts 2 tasks)"
snapshots:
  description: The snapshots of volumes that the run has taken before its changes, for M(stackwright.swarm.volume_restore).
  returned: success, with O(rollout.snapshot), if any was taken
  type: list
  elements: dict
  contains:
    volume: {description: The volume's name in Docker., type: str}
    snapshot: {description: The snapshot's id., type: str}
    dest: {description: The folder., type: str}
    node: {description: The id of the node., type: str}
  sample: [{volume: shop_data, snapshot: 20261130T035912Z-5f0a1c, dest: /var/lib/stackwright/volumes, node: x3f7a}]
revision:
  description: The number of the revision that this run created in the stack's history.
  returned: success, if something was changed
  type: int
  sample: 7
plan_id:
  description:
    - Identifies this plan, with the observed and the desired state. Pass it to O(plan_id) of a later run to carry out exactly this plan.
  returned: O(state=present), by the host that did the work
  type: str
  sample: lucvlyso-4f1c9a07be22d310
kept:
  description: How many networks, configs, secrets and services were up to date and not changed.
  returned: success, by the host that did the work
  type: int
  sample: 4
services:
  description: The state of each service after the wait.
  returned: O(state=present), by the host that did the work, not in check mode
  type: list
  elements: dict
  contains:
    name:
      description: The service's name in the Swarm.
      type: str
    status:
      description:
        - V(healthy), V(complete) (a finished job), V(asleep) (zero replicas), V(progressing), V(degraded), V(failed) or V(unknown).
      type: str
    mode:
      description: The mode as in Compose, for example V(replicated).
      type: str
    desired:
      description: How many tasks should run.
      type: int
    running:
      description: How many tasks run.
      type: int
    message:
      description: What is missing or wrong; otherwise empty.
      type: str
  sample:
    - {name: shop_web, status: healthy, mode: replicated, desired: 2, running: 2, message: ""}
status:
  description: The worst status of the services.
  returned: O(state=present), by the host that did the work, not in check mode
  type: str
  sample: healthy
notices:
  description:
    - Settings that have no effect in Swarm, or another effect than in Compose, each with its place in the files.
    - A notice about the state of the Swarm has no place and the code V(plan).
    - The first 20 are also shown as warnings.
  returned: always
  type: list
  elements: dict
  sample:
    - {message: "'build' has no effect: Swarm runs images", key: services.web.build, file: compose.yml, line: 4, column: 5}
drift:
  description:
    - Changes made by others since the last good revision that this run overwrites, or would overwrite in check mode.
    - As RV(stackwright.swarm.stack_drift#module:drift).
  returned: O(state=present), unless O(on_drift=ignore), by the host that did the work
  type: list
  elements: dict
  sample: []
kept_values:
  description: The kept values that the stack uses, never the values themselves.
  returned: O(state=present), if the files refer to values, by the host that did the work
  type: list
  elements: dict
  contains:
    name:
      description: The value's name, for example V(stack/DB_PASSWORD) or V(db/POSTGRES_PASSWORD).
      type: str
    version:
      description: The label of the version; empty in check mode for a new one.
      type: str
    action:
      description: V(kept), V(generated), V(regenerated), V(given) (an override) or V(adopted).
      type: str
  sample:
    - {name: db/POSTGRES_PASSWORD, version: 1-61976cdd, action: kept}
routes:
  description:
    - The HTTP routes that the service labels C(PREFIX.http.*) define, in the form that M(stackwright.swarm.caddy_route) takes.
    - They contain no passwords or tokens. C(from_labels) names the labels with these values.
  returned: O(state=present)
  type: list
  elements: dict
  sample:
    - {domain: shop.example.com, base_path: /api, service: shop_web, upstream: shop_web, port: 8000, strip_prefix: true}
takes:
  description: The domains of O(takes), and those that the stack took before, for M(stackwright.swarm.caddy_route).
  returned: O(state=present)
  type: list
  elements: str
  sample: []
owed:
  description: Inventory hosts whose proxies have missed routes of any stack. M(stackwright.swarm.stack_routes) returns all details.
  returned: O(state=present)
  type: list
  elements: str
  sample: []
routes_result:
  description: The result for each proxy, in the order of O(routes.proxies).
  returned: with O(routes), by the host that did the work
  type: list
  elements: dict
  contains:
    proxy: {description: The inventory host., type: str}
    changed: {description: 'Whether its routes were changed, or would be.', type: bool}
    changes: {description: 'A line for each route that differed, also if the run ended before the switch.', type: list, elements: str}
    fresh: {description: Whether it had no routes of any stack., type: bool}
    conflicts: {description: 'Routes of other stacks that were skipped, as RV(stackwright.swarm.caddy_route#module:conflicts).', type: list, elements: dict}
    replicas: {description: 'Its replicas, as RV(stackwright.swarm.caddy_route#module:replicas).', type: list, elements: dict}
    node: {description: The hostname of the node., type: str}
    unreachable: {description: Whether its host could not be reached., type: bool}
    error_code: {description: The code of its error., type: str}
    msg: {description: The error., type: str}
  sample:
    - proxy: manager1
      changed: true
      changes: ["add shop.example.com -> pmblutrs-web:8000"]
      fresh: false
      conflicts: []
      node: node1
findings:
  description: The findings of the preflight, as RV(stackwright.swarm.stack_preflight#module:findings).
  returned: with O(preflight), if the plan changes something
  type: list
  elements: dict
  sample: []
unchecked:
  description: The nodes whose ports and paths were not checked, since no host of the play is that node.
  returned: with O(preflight), if there are any
  type: list
  elements: str
  sample: [worker3]
stacks:
  description:
    - The results of the stacks, in the order of the list. Each has the values of a run for this stack alone, except C(diff) and C(warnings), which
      are those of the task.
    - C(stack) is the stack's name in the Swarm. C(result) is V(unchanged), V(changed), V(failed), or V(skipped) if a stack before it has failed.
    - In check mode C(result) may also be V(unplanned). The plan fails, but a stack before it would change, and may create the missing objects.
    - C(seconds) is the duration of its deployment. It is missing if the stack needed no separate run.
  returned: with O(stacks), by the host that did the work
  type: list
  elements: dict
  sample:
    - {stack: base, result: unchanged, changed: false, plan: []}
    - {stack: shop, result: changed, changed: true, seconds: 6.4, revision: 7}
interrupted:
  description: The revisions of runs that were killed, which this run has found and marked as failed.
  returned: if there are any
  type: list
  elements: dict
  contains:
    revision: {description: The number of the revision., type: int, sample: 6}
    operation: {description: What the run did., type: str, sample: deploy}
    who: {description: Who had started it., type: str, sample: root@controller}
    started: {description: When it had started (UTC)., type: str, sample: "2026-11-29T12:17:12Z"}
calls:
  description: The number of calls to the Engine API.
  returned: success, by the host that did the work
  type: int
  sample: 5
cluster_id:
  description: The id of the Swarm.
  returned: success
  type: str
  sample: 4eoyr6qczm8id0w9tvzg3ytr7
node:
  description: The node whose Engine did the work.
  returned: success, by the host that did the work
  type: str
  sample: manager1
done_by:
  description: The inventory host that did the work for this cluster. Its result has the plan.
  returned: if it was another host of the play
  type: str
  sample: manager1
error_code:
  description: A stable code of the error, for example V(invalid_compose), V(daemon_unreachable), V(not_a_manager), V(drift_found),
    V(health_gate_failed) or V(timeout).
  returned: failure
  type: str
  sample: invalid_compose
problems:
  description: All problems in the Compose files. The message lists them too.
  returned: if the Compose files are invalid
  type: list
  elements: dict
  sample:
    - {message: "unknown key 'imge'", key: services.web.imge, file: compose.yml, line: 4, column: 5, hint: "did you mean 'image'?", code: unknown_key}
outcome:
  description: The progress and result of a deployment that started and failed.
  returned: if a deployment started and failed
  type: dict
  contains:
    done:
      description: The completed operations, as in RV(plan_lines).
      type: list
      elements: str
    failed:
      description: The operation that failed.
      type: str
    not_done:
      description: The operations that were not carried out.
      type: list
      elements: str
    rollback:
      description:
        - V(done) if the stack was rolled back, V(failed) if the rollback failed as well, V(none) if the stack was left as is.
      type: str
    restored:
      description: The operations of the rollback, as in RV(plan_lines).
      type: list
      elements: str
  sample:
    done: ["create config shop_page_12345678", "update service shop_web: image app:1 → app:2 (restarts 2 tasks)"]
    failed: wait for the stack to run
    not_done: ["remove config shop_page"]
    rollback: done
    restored: ["update service shop_web: image app:2 → app:1 (restarts 2 tasks)", "remove config shop_page_12345678: did not exist before"]
cause:
  description: Why the deployment failed, if the rollback failed as well.
  returned: if RV(error_code) is V(rollback_failed)
  type: dict
  contains:
    error_code:
      description: The error code of the deployment.
      type: str
    message:
      description: What went wrong.
      type: str
  sample: {error_code: image_not_found, message: "The stack shop did not become healthy: ..."}
rollback_error:
  description: Why the rollback failed.
  returned: if RV(error_code) is V(rollback_failed)
  type: dict
  contains:
    error_code:
      description: A stable code of the error.
      type: str
    message:
      description: What went wrong.
      type: str
    failures:
      description: The services that are not healthy, as in RV(failures).
      type: list
      elements: dict
  sample: {error_code: daemon_unreachable, message: "No Engine answers at unix:///var/run/docker.sock.", failures: []}
holder:
  description: The run that changes the stack (C(who), C(host), C(pid), C(operation), C(message)), and its start (C(since)).
  returned: if RV(error_code) is V(locked)
  type: dict
  sample: {who: root@awx, host: manager2, pid: 4711, operation: deploy, message: release 1.4, since: "2026-11-21 05:35:47 UTC"}
failures:
  description: Why services are not healthy, or which images could not be pulled before the first change.
  returned: if the wait or a pull failed
  type: list
  elements: dict
  contains:
    service:
      description: The service's name in the Swarm.
      type: str
    image:
      description: With O(rollout.pull=before), the image that the node could not pull.
      type: str
    reason:
      description: What is wrong with the service.
      type: str
    error:
      description: The error of its latest task.
      type: str
    exit_code:
      description: The exit code of that task's container, if it has ended.
      type: int
    node:
      description: The node of that task.
      type: str
    health_check:
      description: The last output of its failing health check, if the task ran on a node that is a host of the play and answers.
      type: list
      elements: str
    log:
      description: The last lines of its log.
      type: list
      elements: str
    text:
      description: All of this as text.
      type: str
  sample:
    - service: shop_web
      reason: its tasks fail
      error: "task: non-zero exit (7)"
      exit_code: 7
      node: worker1
      health_check: []
      log: ["no database"]
      text: "shop_web: its tasks fail: exit code 7, on node worker1"
"""

from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import (
    CHANGES,
    FILES,
    MANY,
    NOTIFY,
    PARTS,
    PLATFORM,
    STACK,
    VALUES,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_change import run_change
from ansible_collections.stackwright.swarm.plugins.module_utils.request.story import STORY


def main() -> None:
    options = {**STACK, **FILES, **PLATFORM, **PARTS, **CHANGES, **VALUES, **STORY, **NOTIFY, **MANY}
    run_change(options, _change, _memory, _looks)


def _change(*given: Any) -> Any:
    from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import change_stack

    return change_stack(*given)


def _memory(*given: Any) -> Any:
    from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.memory import Memory

    return Memory(*given)


def _looks(*given: Any) -> Any:
    from ansible_collections.stackwright.swarm.plugins.module_utils.parts.looks import look_at_all

    return look_at_all(*given)


if __name__ == "__main__":
    main()
