# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # How a change of a stack is carried out
    DOCUMENTATION = r"""
options:
  recreate:
    description:
      - Remove a service and create it again where Swarm refuses to change it in place, such as from replicated to global.
      - Also replace a network whose driver, options, subnet or attachability changed. Its services restart. A new one is made beside it, under
        a name of the file with a suffix, the services move over, and the old one is removed at the end.
      - Where the file fixes the network's C(name), or the new one needs the old one's subnet, it is made anew in its place. Its services are
        stopped first, and start again once it is there.
      - Both are refused while a service of another stack or an attached container uses the old network.
      - Without it, such a change is an error.
    type: bool
    default: false
  with_registry_auth:
    description:
      - Send the manager's registry credentials, from its docker config and credential helpers, along with the services.
    type: bool
    default: false
  registry_auth:
    description:
      - Credentials for registries, sent along with the services whose images come from there. They win over the manager's own.
    type: list
    elements: dict
    default: []
    suboptions:
      registry:
        description: The registry's name as in the image, for instance V(registry.example.com:5000); V(docker.io) for Docker Hub.
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
        description: Wait until the stack runs, or is gone. Without it, the task ends when the Swarm has taken the changes.
        type: bool
        default: true
      mode:
        description:
          - V(safe) changes the services in the order of their C(depends_on), each wave when the one before it runs, and waits
            until all of them have been stable for a while.
          - V(fast) changes all services at once, and waits only until they run.
        type: str
        choices: [safe, fast]
        default: safe
      timeout:
        description:
          - Seconds that may pass without progress. Each task that newly runs, or is complete, starts them again. Where nothing
            has moved for so long, the task fails and says what is missing.
          - What the specifications declare comes on top, the old one's and the new one's. That is C(stop_grace_period), C(update_config.delay) and
            C(monitor), C(restart_policy.delay), and a health check's C(start_period) and C(interval).
        type: int
        default: 300
      deadline:
        description:
          - Seconds in which all services have to run, with or without progress, from the first change on. Without it there is no such limit.
          - What is undone then has no such limit.
        type: int
      stable_for:
        description:
          - Seconds that the tasks of a changed service have to stay running without a restart. Not in O(rollout.mode=fast).
          - Swarm's own time of observation after an update (C(update_config.monitor)) counts as well, so that an update does not take longer.
        type: float
        default: 2.0
      max_restarts:
        description:
          - So often the task of a replica, or of a node, may end and be started again. Once more is a crash loop, which fails at once.
        type: int
        default: 3
      poll_interval:
        description:
          - Seconds between two looks at the tasks, at most. An Engine that answers slowly is asked less often.
        type: float
        default: 0.1
      lock_timeout:
        description:
          - Seconds to wait while another run deploys the same stack.
        type: int
        default: 60
      on_failure:
        description:
          - What becomes of a stack whose change failed.
          - V(rollback) puts every service back to what it was, and removes what is new. Normal in O(rollout.mode=safe).
          - V(keep) leaves everything as it is. Normal in O(rollout.mode=fast).
          - V(stop) puts the services back that there were, and scales new ones to zero instead of removing them, so that they can be looked at.
        type: str
        choices: [rollback, keep, stop]
  keep_revisions:
    description:
      - How many revisions of the stack are kept in the Swarm, to go back to. Older ones are removed after a deployment.
    type: int
    default: 10
  commit_message:
    description:
      - A word about this change, for the history.
    type: str
  plan_id:
    description:
      - The RV(plan_id) that a run in check mode has given. The change is then made only if it still is that one, so that what was approved
        is what is done. Otherwise the task fails with the code C(plan_stale), or C(plan_of_another_stack), and changes nothing.
    type: str
"""
