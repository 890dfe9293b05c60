# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole story told again while the Swarm elects a leader. What is worth another try for a call: core/retry.py."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import EngineError

READ = 10.0  # seconds for one answer to a question whether something was done
ELECTION = 20.0  # seconds: a manager stands for election 10 to 20 s after it last heard of the leader
PAUSE = 1.0


def through_an_election(clock: Any, story: Callable[[], Dict[str, Any]]) -> Dict[str, Any]:
    """What ``story`` gives; it is told again as long as the Swarm has no leader, for 20 s.

    ``story`` must have changed nothing where it raises EngineError: what has begun to change raises DeployError.
    """
    deadline = clock.now() + ELECTION
    while True:
        try:
            return story()
        except EngineError as error:
            if error.error_code != "no_quorum" or clock.now() >= deadline:
                raise
        clock.sleep(PAUSE)
