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
  - Takes Compose files to Docker Swarm. What C(docker stack deploy) accepts gives the same services; modern Compose files,
    which it refuses, are deployed as well.
  - Everything is read, checked and planned before anything is changed. Check mode and diff mode show exactly what a run would do.
  - Only what differs is changed. Each change carries its reason, and the plan says which services restart.
  - Waits until the stack runs, and fails with the task's error, its node and its last log lines if it does not.
  - Speaks to the Engine itself. Neither the docker command nor any other collection is needed on the target.
  - The play may name every manager of a cluster. The work is done once a cluster, by the first manager that is reachable.
options:
  name:
    description:
      - The stack's name. If not given, the C(name) in the Compose files. Needed for O(state=stopped) and O(state=absent).
      - Together with O(project) and O(environment) the stack is called C(PROJECT-ENVIRONMENT-NAME) in the Swarm; a name
        over 63 characters is shortened with a hash.
    type: str
  src:
    description:
      - Compose files, merged in this order with the rules of Compose.
      - Files of the controller, looked up as M(ansible.builtin.copy) does; files of the manager if O(remote_src=true).
      - They are not templated by Jinja. Values come in through O(variables).
    type: list
    elements: path
  definition:
    description:
      - A Compose file given inline, as text or as a mapping; a list of them is merged in its order, after the files of O(src).
    type: raw
  remote_src:
    description:
      - Read O(src), O(env_files) and all files that these refer to from the manager.
    type: bool
    default: false
  project_directory:
    description:
      - What relative paths in the Compose files mean. The folder of the first file unless given.
      - Sources of bind mounts are paths of the nodes, not of the controller.
    type: path
  confine:
    description:
      - Which files of the machine that reads them the Compose files may name, with C(env_file), C(label_file), C(include), C(extends) and the C(file) of
        configs and secrets.
      - V(project) takes only what really lies in the project's folder, links followed. That is O(project_directory), or the
        folder of the first file. The folder of an included project has to lie in it as well.
      - V(none) takes any file that the user who runs Ansible may read. Docker's own tools do the same.
      - O(src) and O(env_files) are named by the task, and may lie anywhere.
      - What lies below C(/proc), C(/sys) and C(/dev) is never read, whatever this says and whoever names it. Nor is anything that is no regular file.
    type: str
    choices: [project, none]
    default: none
  variables:
    description:
      - Values for C(${NAME}) in the Compose files. The controller's own environment is never used.
    type: dict
    default: {}
  env_files:
    description:
      - Files with further variables, written like Compose's C(.env). O(variables) win.
    type: list
    elements: path
    default: []
  profiles:
    description:
      - Profiles to activate. Services without a profile are always there.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Make every notice an error, for instance that of a key which has no effect in Swarm.
    type: bool
    default: false
  keep_files:
    description:
      - Keep the text of the Compose files in the history of the stack. M(stackwright.swarm.stack_info) shows it with
        O(stackwright.swarm.stack_info#module:files=true).
      - It is the text before variables were put in, and what looks like a secret in it is replaced by V(********). At most 1 MB is kept for a revision.
      - The hashes of the files and their git commit are recorded in any case.
    type: bool
    default: false
  apply_ignored_keys:
    description:
      - Some keys, such as C(tmpfs), C(shm_size), C(security_opt) or C(network_mode), are ignored by C(docker stack deploy) but take
        effect here. A service that docker's command has deployed without them is left as it is until it changes for another
        reason, so that taking over a stack restarts nothing; a notice names the keys.
      - With V(true) they take effect at once.
    type: bool
    default: false
  env_overrides:
    description:
      - Environment variables that win over those of the Compose files, and of a service over those of the stack.
      - Each is a value, or a mapping of C(value) and C(sensitive). V(null) takes a variable away. Values are taken as they are.
      - With C(sensitive=true) the value is treated like a generated one. It is bound on the manager, and shown nowhere.
        Let it come from Ansible Vault, and set C(no_log) where callbacks print the arguments of tasks.
    type: dict
    default: {}
    suboptions:
      stack:
        description:
          - Variables for every service.
          - One whose name stands in an C(x-env) of the files is what C(${NAME}) means there, and goes nowhere else.
        type: dict
        default: {}
      services:
        description: For each service by its key, its variables.
        type: dict
        default: {}
  state:
    description:
      - V(present) deploys the stack.
      - V(stopped) scales its services to zero and remembers their counts. Nothing else is removed.
      - V(absent) removes the services, networks, configs and secrets of the stack. Its volumes stay.
    type: str
    choices: [present, stopped, absent]
    default: present
  shared_networks:
    description:
      - Networks of the Swarm that every service joins beside those of the file. There a service answers only as C(HASH_SERVICE)
        and C(HASH-SERVICE), so that the services of two stacks never collide. HASH is RV(stack_hash).
      - None unless given; with O(platform.preset=paas) V(public), unless given as an empty list.
    type: list
    elements: str
  platform:
    description:
      - A policy that is laid over the file. Nothing that the file sets is overwritten. All of it is off unless asked for.
    type: dict
    default: {}
    suboptions:
      preset:
        description:
          - V(paas) switches on what a platform of many stacks wants of each. O(shared_networks) is V(public), O(platform.tracking_labels) is V(true),
            O(platform.update_config) is V(safe) with an O(platform.update_delay) of V(5s), O(platform.restart_policy) has the condition V(any), and
            O(platform.logging) sends to a Fluentd on the service's node, with the tag C({{stack}}.{{service}}).
          - What the task sets itself counts instead. V(false), V(keep), an empty list or an empty map switches that part off.
        type: str
        choices: [paas]
      tracking_labels:
        description:
          - Put labels with the stack's project, environment and services on its objects.
          - On where O(shared_networks) or O(project) are given, unless set to V(false).
        type: bool
      update_config:
        description:
          - V(keep), the default, leaves services as the file has them.
          - V(safe) gives services without C(deploy.update_config) a careful one. A new task is started before the old one is
            stopped only where that is safe, so not with named volumes or host-mode ports.
        type: str
        choices: [keep, safe]
      update_delay:
        description: How long such an update waits between two tasks, for instance V(5s). Not at all unless given.
        type: str
      restart_policy:
        description:
          - What services without C(deploy.restart_policy) and C(restart) get, written as in Compose.
        type: dict
      logging:
        description:
          - The log driver of services without C(logging).
        type: dict
        suboptions:
          driver:
            description: The name of the driver. Needed unless O(platform.preset) gives one.
            type: str
          options:
            description:
              - The options of the driver. C({{stack}}) in one is the stack's name in the Swarm, C({{service}}) the service's key in the file. Write such
                a text with C(!unsafe), or Ansible takes it for a template of its own.
              - Without O(platform.logging.driver) they are laid over those of the preset.
            type: dict
      environment:
        description:
          - Environment variables for every service, where the file does not set them.
        type: dict
      hash_aliases:
        description:
          - External networks of the file, by their keys or names, on which services answer only as C(HASH_SERVICE) and C(HASH-SERVICE), as on
            O(shared_networks). Aliases that the file gives are kept.
          - Without it, a service answers there by its bare name, and for the services of other stacks that have the same. A notice names those.
        type: list
        elements: str
        default: []
      generic_resources:
        description:
          - What the nodes call the devices that C(deploy.resources.reservations.devices) and C(gpus) ask for. The keys are the driver
            or capability in the file, the values what the nodes advertise, for instance V(GPU) for C(nvidia). Without a name,
            such a device is an error.
        type: dict
  prune:
    description:
      - Remove services, networks, configs and secrets of the stack that the files no longer have, after the rest has been changed.
      - A config or secret that a service could still return to is kept until the next deployment.
    type: bool
    default: true
  takes:
    description:
      - Domains that the stack takes from other stacks, with all their paths. Else a route that another stack has is the error
        C(route_conflict).
      - The stack that had them keeps running. It is told by M(stackwright.swarm.stack_drift), and by a notice of its next deployment,
        which leaves these routes out. It may take them back the same way.
      - The proxies give them over with M(stackwright.swarm.caddy_route), which needs the same option, after
        M(stackwright.swarm.stack_routes) has recorded them. The role P(stackwright.swarm.stack#role) does both when the stack is healthy.
    type: list
    elements: str
    default: []
  on_drift:
    description:
      - What to do where a change would overwrite what somebody else has changed since the last good revision, for instance with
        C(docker service update), or an autoscaler. What the files want as it already is, is not overwritten.
      - V(warn) says so in a notice, and overwrites it. RV(drift) has it as data.
      - V(fail) fails with the code C(drift_found), also in check mode, and changes nothing.
      - V(ignore) does not look.
      - M(stackwright.swarm.stack_drift) finds all drift, also where nothing is deployed.
    type: str
    choices: [warn, fail, ignore]
    default: warn
  services:
    description:
      - Deploy only these services, by their keys in the files, and what they depend on. Networks, configs and secrets are those that they use.
      - Nothing is pruned, and only these services are waited for. The revision has the other services as the last good one has them, so that they are no
        drift. RV(routes) has the routes of all services.
    type: list
    elements: str
    default: []
  restart:
    description:
      - Replace the tasks of these services, by their keys in the files, also where nothing differs. They go through the same gate as any change.
      - With it, each run is C(changed). A job is run again.
    type: list
    elements: str
    default: []
  restart_on:
    description:
      - Files with whose content the services restart that mount them, such as a bind-mounted C(nginx.conf). They are read as those of O(src) are.
      - A list of files, for the services that mount a file or a folder above it from the same path. Or a map of services to lists of files, for files that have
        another path on the nodes.
      - A digest of the content goes into the label C(stackwright.restart-on) of the containers. Where it is new, the tasks are replaced once. It is for
        configuration, not for secrets, whose digest could be guessed.
    type: raw
  recreate_volumes:
    description:
      - Volumes that get an empty one in their place where their driver or options changed in the files, with their names as in the Compose file, or in full.
        A volume that exists keeps what it was made with. Without this option a notice says so, and the data stays in use.
      - The new volume has the file's name and a suffix, and the services that mount it restart with it, in the same transaction. The old one stays on its
        nodes with its data, and a failure or M(stackwright.swarm.stack_rollback) goes back to it. When no revision needs it any more,
        M(stackwright.swarm.stack_cleanup) with O(stackwright.swarm.stack_cleanup#module:dangling=true) and
        O(stackwright.swarm.stack_cleanup#module:volumes=true) removes it.
      - Nothing is copied. Move the data yourself, or restore it into the new volume.
      - It is refused while another stack, a service that this run leaves alone, or a container that was started by hand on this manager uses the volume.
        Containers on other nodes are not seen.
      - A volume whose changed options were deployed before without this option is recreated too, if the volume on this manager, or else the history, shows
        that it was made otherwise. Where nothing shows it, a notice says that the volume is kept.
    type: list
    elements: str
    default: []
  leave:
    description:
      - Fields of services that others own, such as an autoscaler or an operator. A deployment takes them from the live service and never resets them.
        A service that is not there yet gets what the files say.
      - Each is a word of Compose as the plan shows it, such as V(replicas), V(image), V(resources) or V(environment.LOG_LEVEL), or a path as
        C(changes) in the result shows it.
      - The label C(stackwright.leave) under C(deploy.labels) of a service says the same, for instance V(replicas, resources).
      - The revision records what was left, so that it is no drift for M(stackwright.swarm.stack_drift), and M(stackwright.swarm.stack_rollback) leaves it too.
    type: dict
    default: {}
    suboptions:
      all:
        description: Fields of every service.
        type: list
        elements: str
        default: []
      services:
        description: For each service by its key, a list of its fields.
        type: dict
        default: {}
  diff_configs:
    description:
      - Show in the diff what is in configs that are new or have changed, line by line. What looks like a secret, and values of the stack, are V(********).
      - Without it, the diff says only that the content has changed. Content of secrets is never shown.
    type: bool
    default: false
  adopt_secrets:
    description:
      - Trust that secrets which docker's CLI has created hold what the files say. Swarm never shows their content.
      - Without it, such a secret is replaced by a new one the first time, and the services that use it restart.
    type: bool
    default: false
  resolve_image:
    description:
      - When to ask the registry for the digest of an image.
      - V(changed) asks for services that are new or whose image is written differently than before.
      - V(always) asks every time, so that a tag which has moved is deployed.
      - V(never) deploys the tag as it is written.
    type: str
    choices: [always, changed, never]
    default: changed
  values:
    description:
      - Where generated and other kept values of the stack are, and what to do with them. See the guide on values.
      - A value is made on the first run and kept before it is used; later runs use it again. Check mode makes none.
    type: dict
    default: {}
    suboptions:
      store:
        description:
          - V(host_facts) keeps them in a fact file on the manager, mode 0600, seen under C(ansible_local).
          - V(swarm) keeps them in the Swarm itself, as a Docker config. Every manager finds them.
          - V(vault) keeps them in a file on the controller, each value encrypted with Ansible Vault.
          - V(auto) is the one that has values of the stack. Where neither has any, it is V(host_facts) in a Swarm with one manager
            and V(swarm) in a Swarm with several. It never chooses V(vault).
        type: str
        choices: [auto, host_facts, swarm, vault]
        default: auto
      path:
        description:
          - Of V(host_facts) the folder, V(/etc/ansible/facts.d) unless given.
          - Of V(vault) the file, C(stackwright_values.yml) beside the inventory unless given.
        type: path
      encrypted:
        description:
          - Of V(swarm) - V(vault) encrypts each value on the controller with Ansible Vault, so that the Swarm has ciphertext only.
          - Unless given, values stay in the form in which they are; where there are none yet, they are kept readable. Values that are
            there readable are encrypted by M(stackwright.swarm.stack_values) with O(stackwright.swarm.stack_values#module:state=moved).
        type: str
        choices: [vault]
      vault_id:
        description:
          - The vault identity that new values are encrypted with. The play's default identity unless given.
        type: str
      regenerate:
        description:
          - Names of values to make anew in this run, such as V(stack/DB_PASSWORD) or V(db/POSTGRES_PASSWORD); V(all) for all of them.
        type: list
        elements: str
        default: []
      on_lost:
        description:
          - What to do where the store has no value although a running service uses one.
          - V(fail) ends with RV(error_code=values_lost) and changes nothing.
          - V(adopt) takes over what the running services have.
          - V(regenerate) makes new values, which a database that has the old ones will not accept.
        type: str
        choices: [fail, adopt, regenerate]
        default: fail
extends_documentation_fragment:
  - stackwright.swarm.stack
  - stackwright.swarm.rollout
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

- name: Deploy it with other environment variables than the file has
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

- name: Deploy it with a password of your own, kept like a generated one and shown nowhere
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

- name: Say how the change is carried out, and remember why it was made
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    rollout:
      timeout: 120         # seconds without progress
      stable_for: 5
      lock_timeout: 300    # seconds to wait for another run on this stack
      on_failure: rollback # which is what happens anyway
    commit_message: release 1.5, new search
    keep_revisions: 20
    values:
      store: swarm

- name: Deploy it, and restart a service in any case
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    restart: [web]
    values:
      store: swarm

- name: Deploy one service of it, and what it depends on
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    services: [web]
    values:
      store: swarm

- name: Deploy it, and restart a service when a file that it mounts has changed
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    restart_on:
      web: [files/shop/site.conf]
    values:
      store: swarm

- name: Have an empty volume with the new driver options take the place of the old one
  stackwright.swarm.compose_stack:
    name: shop
    src: files/shop/compose.yml
    variables:
      TAG: "1.5"
    recreate_volumes: [data]
    values:
      store: swarm

- name: Deploy it, and leave the number of replicas to the autoscaler
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

- name: Do just that, once it is approved, or nothing if it is not the same any more
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

- name: Deploy from files that are on the manager, with images from a private registry
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

- name: Stop the shop, and keep everything
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
  description: What the stack is called in the Swarm.
  returned: success
  type: str
  sample: acme-production-shop
stack_id:
  description: The stack's id, made from project, environment and name; the same on every controller and manager.
  returned: always, unless the Compose files are refused
  type: str
  sample: lucvlyso2bct2tgtqfxb2slfxt34rnc5
stack_hash:
  description: The short form of the id. On shared networks the service C(web) answers as C(HASH_web) and C(HASH-web).
  returned: always, unless the Compose files are refused
  type: str
  sample: lucvlyso
plan:
  description:
    - What was done, in its order. In check mode, what would be done.
    - Content of secrets and configs is never in it. Values under names that look like a password, a token or a key, and
      passwords in addresses, show as V(********), before and after; so in the diff.
  returned: success, by the host that did the work
  type: list
  elements: dict
  contains:
    action:
      description: One of V(create), V(update), V(remove), or V(wait) for a step of C(pre_start) that a run has left at work.
      type: str
    kind:
      description: One of V(network), V(volume), V(config), V(secret), V(service).
      type: str
    name:
      description: The object's name in the Swarm.
      type: str
    key:
      description: Its key in the Compose file; empty for what the file does not have.
      type: str
    reason:
      description: Why it is done.
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
      description: V(change), or V(prune) for what the files no longer have and what is therefore removed at the end.
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
  description: The same as text, a line for each operation.
  returned: success, by the host that did the work
  type: list
  elements: str
  sample:
    - "update service shop_web: image registry.example.com/shop:1.3 → registry.example.com/shop:1.4 (restarts 2 tasks)"
revision:
  description: The number of the revision in the stack's history that this run has made.
  returned: success, where something was changed
  type: int
  sample: 7
plan_id:
  description:
    - Names this plan - what was observed and what is wanted. Give it to O(plan_id) of a later run to have exactly this plan carried out.
  returned: O(state=present), by the host that did the work
  type: str
  sample: lucvlyso-4f1c9a07be22d310
kept:
  description: How many networks, configs, secrets and services were as they should be and were not touched.
  returned: success, by the host that did the work
  type: int
  sample: 4
services:
  description: How each service is, after the wait, or when the wait was given up.
  returned: O(state=present), by the host that did the work, not in check mode
  type: list
  elements: dict
  contains:
    name:
      description: The service's name in the Swarm.
      type: str
    status:
      description:
        - V(healthy), V(complete) (a job that is done), V(asleep) (no replicas wanted), V(progressing), V(degraded), V(failed)
          or V(unknown).
      type: str
    mode:
      description: The mode as in Compose, for instance V(replicated).
      type: str
    desired:
      description: How many tasks should run.
      type: int
    running:
      description: How many run.
      type: int
    message:
      description: What is missing or wrong; empty if nothing is.
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
    - What has no effect in Swarm, or another one than with Compose, each with its place in the files.
    - A notice that arises from the state of the Swarm has no place, and the code V(plan).
    - The first 20 are shown as warnings, too.
  returned: always
  type: list
  elements: dict
  sample:
    - {message: "'build' has no effect: Swarm runs images", key: services.web.build, file: compose.yml, line: 4, column: 5}
drift:
  description:
    - What this run overwrites, or in check mode would, of what others have changed since the last good revision.
    - As RV(stackwright.swarm.stack_drift#module:drift).
  returned: O(state=present), unless O(on_drift=ignore), by the host that did the work
  type: list
  elements: dict
  sample: []
kept_values:
  description: The kept values that the stack uses, never the values themselves.
  returned: O(state=present), where the files refer to values, by the host that did the work
  type: list
  elements: dict
  contains:
    name:
      description: The value's name, for instance V(stack/DB_PASSWORD) or V(db/POSTGRES_PASSWORD).
      type: str
    version:
      description: The label of the version; empty in check mode where it would be a new one.
      type: str
    action:
      description: V(kept), or what this run has done; V(generated), V(regenerated), V(given) (an override) or V(adopted).
      type: str
  sample:
    - {name: db/POSTGRES_PASSWORD, version: 1-61976cdd, action: kept}
routes:
  description:
    - The HTTP routes that the labels C(PREFIX.http.*) of the services ask for, as M(stackwright.swarm.caddy_route) takes them.
    - Passwords and tokens are not among them. C(from_labels) names the labels that hold them.
  returned: O(state=present)
  type: list
  elements: dict
  sample:
    - {domain: shop.example.com, base_path: /api, service: shop_web, upstream: shop_web, port: 8000, strip_prefix: true}
takes:
  description: The domains of O(takes), and those that the stack has taken before. They are for M(stackwright.swarm.caddy_route).
  returned: O(state=present)
  type: list
  elements: str
  sample: []
owed:
  description: The proxies, by their hosts in the inventory, that have missed routes of any stack. M(stackwright.swarm.stack_routes) has all of it.
  returned: O(state=present)
  type: list
  elements: str
  sample: []
calls:
  description: How many calls of the Engine API this took.
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
  description: The host of the inventory that did the work for this cluster. Its result has the plan.
  returned: when it was another host of the play
  type: str
  sample: manager1
error_code:
  description: A stable word for what went wrong, for instance V(invalid_compose), V(daemon_unreachable),
    V(not_a_manager), V(drift_found), V(health_gate_failed) or V(timeout).
  returned: failure
  type: str
  sample: invalid_compose
problems:
  description: Everything that is wrong with the Compose files. The message names it all as well.
  returned: when they can't be deployed
  type: list
  elements: dict
  sample:
    - {message: "unknown key 'imge'", key: services.web.imge, file: compose.yml, line: 4, column: 5, hint: "did you mean 'image'?", code: unknown_key}
outcome:
  description: How far a deployment came that has begun and failed, and what became of it.
  returned: when a deployment has begun and failed
  type: dict
  contains:
    done:
      description: What was done, as in RV(plan_lines).
      type: list
      elements: str
    failed:
      description: What failed.
      type: str
    not_done:
      description: What was therefore not done.
      type: list
      elements: str
    rollback:
      description:
        - V(done) if the stack is as it was before, V(failed) if putting it back failed as well, V(none) if it was left as it
          is.
      type: str
    restored:
      description: What was done to put the stack back, as in RV(plan_lines).
      type: list
      elements: str
  sample:
    done: ["create config shop_page_12345678", "update service shop_web: image app:1 → app:2 (restarts 2 tasks)"]
    failed: wait until the stack runs
    not_done: ["remove config shop_page"]
    rollback: done
    restored: ["update service shop_web: image app:2 → app:1 (restarts 2 tasks)", "remove config shop_page_12345678: was not there before"]
cause:
  description: Why the deployment failed, where putting the stack back failed as well.
  returned: when RV(error_code) is V(rollback_failed)
  type: dict
  contains:
    error_code:
      description: The code that the failure would have had.
      type: str
    message:
      description: What went wrong.
      type: str
  sample: {error_code: image_not_found, message: "The stack shop does not run: ..."}
rollback_error:
  description: Why putting the stack back failed.
  returned: when RV(error_code) is V(rollback_failed)
  type: dict
  contains:
    error_code:
      description: A stable word for it.
      type: str
    message:
      description: What went wrong.
      type: str
    failures:
      description: The services that do not run, as in RV(failures).
      type: list
      elements: dict
  sample: {error_code: daemon_unreachable, message: "No engine answers at unix:///var/run/docker.sock.", failures: []}
holder:
  description: Who changes the stack (C(who), C(host), C(pid), C(operation), C(message)), and C(since) when.
  returned: when RV(error_code) is V(locked)
  type: dict
  sample: {who: root@awx, host: manager2, pid: 4711, operation: deploy, message: release 1.4, since: "2026-11-21 05:35:47 UTC"}
failures:
  description: Why services do not run.
  returned: when the wait has failed
  type: list
  elements: dict
  contains:
    service:
      description: The service's name in the Swarm.
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
      description: What its failing health check wrote last. Known only if it ran on the node that was asked.
      type: list
      elements: str
    log:
      description: The last lines that it wrote.
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

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import (
    CHANGES,
    FILES,
    PARTS,
    PLATFORM,
    STACK,
    VALUES,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.run_module import run_change


def main() -> None:
    run_change({**STACK, **FILES, **PLATFORM, **PARTS, **CHANGES, **VALUES}, _change)


def _change(client, params, run):
    from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.stack import change_stack

    return change_stack(client, params, run)


if __name__ == "__main__":
    main()
