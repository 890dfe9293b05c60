# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The type of a host's variables, with the variables of Ansible that we read. Imported for types only."""

from typing import Any, Dict, List, Mapping, TypedDict

class Variables(TypedDict, total=False):
    ansible_facts: Dict[str, Any]
    ansible_fqdn: str
    ansible_host: str
    ansible_hostname: str
    ansible_index_var: str
    ansible_local: Any
    ansible_loop_var: str
    ansible_nodename: str
    ansible_play_batch: List[str]
    ansible_play_hosts: List[str]
    ansible_play_hosts_all: List[str]
    ansible_play_name: str
    groups: Dict[str, List[str]]
    hostvars: Mapping[str, Any]
    inventory_dir: str
    inventory_hostname: str
    omit: str
    playbook_dir: str
