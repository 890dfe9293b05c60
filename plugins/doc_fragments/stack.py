# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # Options that select a stack
    DOCUMENTATION = r"""
options:
  name:
    description:
      - The stack's name.
      - Together with O(project) and O(environment) the stack has the name C(PROJECT-ENVIRONMENT-NAME) in the Swarm. A name over 63 characters is
        shortened with a hash.
    type: str
  project:
    description:
      - The project of the stack. It is part of the stack's name and its id.
    type: str
  environment:
    description:
      - The environment of the stack, for example V(production). It is part of the stack's name and its id, and sets no variables. Requires O(project).
    type: str
  label_prefix:
    description:
      - The prefix of this collection's labels. Use the same for all tasks of a stack.
      - V(zane), the former default, is read as well. Objects keep their labels until they change for another reason, so nothing restarts.
    type: str
    default: stackwright
"""
