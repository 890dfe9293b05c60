# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # Attributes of modules
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and report what a real run would do, without changing anything.
  diff_mode:
    description: Returns details on what has changed (or would change) in diff mode.
  idempotent:
    description: A second run with the same options changes nothing.
  platform:
    description: The platforms of targets that the module supports.
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
      - Use C(group/stackwright.swarm.stack) for options of modules that manage one stack, such as O(name), O(project) and O(environment).
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
      - The work starts once per cluster, on one manager among the hosts of the play, and continues there if the connection is lost. The task polls
        its progress until it ends.
"""
