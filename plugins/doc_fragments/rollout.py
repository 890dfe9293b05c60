# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # Options of modules that change a stack
    DOCUMENTATION = r"""
options:
  recreate:
    description:
      - Remove and recreate a service if Swarm can't change it in place, for example from replicated to global.
      - Also replace a network whose driver, options, subnet or attachability changed. Its services restart. A new network is created beside it, with
        a suffix in its name. The services move to it, and the old network is removed at the end.
      - If the file sets the network's C(name), or the new network needs the subnet of the old one, it is recreated in place. Its services stop first,
        and start again when the network exists.
      - Both fail while a service of another stack or an attached container uses the old network.
      - Without it, such a change is an error.
    type: bool
    default: false
  with_registry_auth:
    description:
      - Send the manager's registry credentials, from its docker config and credential helpers, with the services.
    type: bool
    default: false
  registry_auth:
    description:
      - Credentials for registries, sent along with the services that use their images. They override the manager's own credentials.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The registry's name as in the image, for example V(registry.example.com:5000); V(docker.io) for Docker Hub.
        type: str
        required: true
      username:
        description: The user's name.
        type: str
        required: true
      password:
        description: The password or token.
        type: str
        required: true
  rollout:
    description:
      - How the change is carried out.
    type: dict
    default: {}
    suboptions:
      wait:
        description: Wait until the stack is healthy or removed. Without it, the task ends when the Swarm has accepted the changes.
        type: bool
        default: true
      mode:
        description:
          - V(safe) changes the services in the order of their C(depends_on), each wave when the previous one is healthy, and waits until all of them
            are stable.
          - V(fast) changes all services at once, and only waits until they run.
        type: str
        choices: [safe, fast]
        default: safe
      parallel:
        description:
          - How many services change at once. The next ones follow when these run, so a small Swarm does not start everything together. V(0) is all
            that do not depend on each other.
          - Not used with O(rollout.mode=fast), nor when a failed deployment is rolled back, because that has to be quick.
        type: int
        default: 0
      timeout:
        description:
          - The maximum time without progress, in seconds. Each task that starts to run, or completes, resets it. When it is exceeded, the task fails
            and names the missing tasks.
          - Declared times of the old and new specifications are added, that is C(stop_grace_period), C(update_config.delay) and C(monitor),
            C(restart_policy.delay), and a health check's C(start_period) and C(interval).
        type: int
        default: 300
      deadline:
        description:
          - The maximum time from the first change until all services run, in seconds, even with progress. No limit by default.
          - The limit does not apply to the rollback.
        type: int
      stable_for:
        description:
          - Seconds that the tasks of a changed service must run without a restart. Not used with O(rollout.mode=fast).
          - Swarm's own monitoring time after an update (C(update_config.monitor)) counts as part of it, so an update does not take longer.
        type: float
        default: 2.0
      max_restarts:
        description:
          - How often the task of a replica or node may end and be restarted. One more restart counts as a crash loop, and fails at once.
        type: int
        default: 3
      poll_interval:
        description:
          - The maximum time between two checks of the tasks, in seconds. A slow Engine is asked less often.
        type: float
        default: 0.1
      pull:
        description:
          - V(before) pulls the new images on all nodes that may run their services before the first service changes. If a node can't pull one of them,
            the task fails and names the services, images and nodes, and nothing is changed. Rollbacks on these nodes need no registry later.
          - Each pull is a job that the run creates and removes again. It has the image but none of the service's environment, secrets, mounts or
            networks, and its entrypoint is a program that no image has. So nothing in the image runs.
          - The task waits for the pulls also with O(rollout.wait=false). O(rollout.timeout) limits the time without a finished pull.
          - V(on_start) lets each node pull an image when it starts a task.
        type: str
        choices: [on_start, before]
        default: on_start
      pulls_at_once:
        description:
          - How many pulls run at the same time with O(rollout.pull=before), over all nodes.
        type: int
        default: 8
      runs_at_once:
        description:
          - How many runs may change stacks of this Swarm at the same time, this one included. A run waits for those that came first, up to
            O(rollout.lock_timeout). V(0) is any number.
        type: int
        default: 0
      lock_timeout:
        description:
          - Seconds to wait while another run deploys the same stack.
        type: int
        default: 60
      on_failure:
        description:
          - What to do with the stack if the change fails.
          - V(rollback) restores every service and removes new objects. The default with O(rollout.mode=safe).
          - V(keep) leaves everything as is. The default with O(rollout.mode=fast).
          - V(stop) restores the existing services, and scales new ones to zero instead of removing them, so that you can inspect them.
        type: str
        choices: [rollback, keep, stop]
      snapshot:
        description:
          - Volumes, by their names in the Compose file, to copy before a service that mounts them changes, as M(stackwright.swarm.volume_snapshot) does. A
            run that does not replace a task with the volume takes no snapshot. The plan, also in check mode, shows it.
          - A volume may be on another node, if that is a host of the inventory with the node's name or address. The step is done there. If no host is that
            node, or it does not answer, the task fails with C(volume_elsewhere) and changes nothing. A volume that does not exist yet is skipped.
          - The snapshot is taken under the stack's lock, before the first change. The revision records it, so the next run after a kill uses it again.
        type: list
        elements: str
        default: []
      snapshot_dest:
        description: The folder on the node of the volume for the archives. They are not encrypted.
        type: path
        default: /var/lib/stackwright/volumes
      snapshot_quiesce:
        description:
          - V(stop) stops the services of the stack that mount the volume. They start again with their change, so nothing is written between the snapshot
            and the change.
          - V(pause), V(command) and V(none) are those of O(stackwright.swarm.volume_snapshot#module:quiesce).
        type: str
        choices: [stop, pause, command, none]
        default: stop
      snapshot_command:
        description: The command for O(rollout.snapshot_quiesce=command), as a list of arguments.
        type: list
        elements: str
        default: []
      snapshot_keep:
        description: How many snapshots of each volume to keep in the folder. V(0) keeps all.
        type: int
        default: 7
      restore_snapshot:
        description:
          - If the change fails and is rolled back, restore the snapshots that it has taken, before the old services start. B(Everything that was written
            since the snapshot is lost) from the volumes. It is kept as a separate snapshot, which the error names.
          - With M(stackwright.swarm.stack_rollback), restore the volumes from the first snapshots that were taken after the revision. The present content is
            copied first, and is restored if the rollback fails. If the rollback changes nothing, no volume is restored.
          - With V(false), the error names the snapshots. M(stackwright.swarm.volume_restore) restores them.
        type: bool
        default: false
  keep_revisions:
    description:
      - The number of revisions of the stack to keep in the Swarm for rollbacks. Older ones are removed after a deployment.
    type: int
    default: 10
  commit_message:
    description:
      - A message for this revision.
    type: str
  plan_id:
    description:
      - The RV(plan_id) of a run in check mode. The task only carries out this approved plan. If the plan has changed, the task fails with the code
        C(plan_stale) or C(plan_of_another_stack), and changes nothing.
    type: str
"""
