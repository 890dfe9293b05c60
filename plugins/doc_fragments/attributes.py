# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # What a module promises
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and say truly what a run would do, without changing anything.
  diff_mode:
    description: Returns details on what has changed (or would change), in diff mode.
  idempotent:
    description: A second run with the same options changes nothing.
  platform:
    description: The platforms of the target on which the module works.
    platforms: posix
    support: full
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/stackwright.swarm.swarm) in C(module_defaults) to set defaults for all modules at once.
    support: full
    membership:
      - stackwright.swarm.swarm
"""

    STACK_GROUP = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/stackwright.swarm.swarm) in C(module_defaults) to set defaults for all modules at once, such as O(docker_host).
      - Use C(group/stackwright.swarm.stack) for what only modules of one stack know, such as O(name), O(project) and O(environment).
    support: full
    membership:
      - stackwright.swarm.stack
      - stackwright.swarm.swarm
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: The module changes nothing.
  diff_mode:
    support: N/A
    details: The module changes nothing.
  idempotent:
    support: full
"""

    NO_ASYNC = r"""
options: {}
attributes:
  async:
    description: Supports being used with the C(async) keyword.
    support: none
    details:
      - The work begins once per cluster, on a manager that is chosen from the hosts of the play, and goes on there if the
        connection is lost. The task asks for its progress until it has ended.
"""
