# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    # Secrets and configs that belong to no stack
    DOCUMENTATION = r"""
options:
  name:
    description:
      - The name for users. With O(hashed_name=true), the name in the Swarm is this name, C(_) and eight characters of a hash of the content.
    type: str
    required: true
  state:
    description:
      - V(present) creates the object if there is none with this content.
      - V(absent) removes all of its versions. It fails with RV(error_code=in_use), and removes nothing, if a service uses one of them.
    type: str
    choices: [present, absent]
    default: present
  data_is_b64:
    description: Whether O(data) is in base64, for binary content.
    type: bool
    default: false
  labels:
    description:
      - The labels of the object. Other labels are removed. Without this option, labels are not compared.
      - Numbers and booleans are converted to text.
    type: dict
  template_driver:
    description: Let the Engine expand the content as a template in each task.
    type: str
    choices: [golang]
  hashed_name:
    description:
      - V(true) gives each content its own name in the Swarm. New content is a new object beside the old one. Services keep the old one until they are
        deployed with RV(object_name).
      - V(false) uses O(name) in the Swarm. New content replaces the object if no service uses it, else the task fails with RV(error_code=conflict).
    type: bool
    default: true
  keep_versions:
    description:
      - The number of versions to keep, the current one included; 1 to 1000. Older ones are removed if no service uses them, and if no service used them
        before its latest update.
      - A revision of a stack may need older ones for a rollback. Raise this number if you roll back further.
    type: int
    default: 2
"""
