# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # Which stack is meant
    DOCUMENTATION = r"""
options:
  name:
    description:
      - The stack's name.
      - Together with O(project) and O(environment) the stack is called C(PROJECT-ENVIRONMENT-NAME) in the Swarm; a name
        over 63 characters is shortened with a hash.
    type: str
  project:
    description:
      - The project that the stack belongs to. It is a part of the stack's name and of its id.
    type: str
  environment:
    description:
      - The environment that the stack belongs to, for instance V(production). It is a part of the stack's name and of its id;
        it sets no variables. It needs O(project).
    type: str
  label_prefix:
    description:
      - How the labels of this collection begin. Use the same for all tasks of a stack.
      - V(zane), the default before, is read as well. Objects keep their labels until they change anyway, so that nothing
        restarts.
    type: str
    default: stackwright
"""
