# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own membership: creates a Swarm, joins one, leaves it, unlocks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import CERTIFICATE_TIME

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info, SwarmInfo

#: Seconds: how long to wait for the Engine's state (its own limit for a join is 20 s), and between two reads.
SETTLE, PAUSE = 40.0, 0.2
#: Seconds for the answer to a key.
UNLOCK = 15.0
#: Texts of dockerd and swarmkit, in lower case.
THERE = "already part of a swarm"
GONE = "not part of a swarm"
TEXTS = (
    ("valid join token is necessary", "wrong_token"),
    ("invalid join token", "wrong_token"),
    ("does not match fingerprint", "wrong_token"),
    *((part, "certificate_time") for part in CERTIFICATE_TIME),
    ("invalid key", "wrong_unlock_key"),
    ("invalid unlock key", "wrong_unlock_key"),
    ("could not be decrypted", "wrong_unlock_key"),
    ("connection refused", "managers_unreachable"),
    ("deadline exceeded", "managers_unreachable"),
    ("no route to host", "managers_unreachable"),
    ("transport: error while dialing", "managers_unreachable"),
    ("timeout was reached before node joined", "managers_unreachable"),
    ("network is unreachable", "managers_unreachable"),
)
HINTS = {
    "wrong_token": "The join token is not one of this Swarm, or was rotated. Run the task with a manager in the play, "
    "or give the current join_token.",
    "certificate_time": "The clocks of this host and of the managers differ by more than an hour, or the certificate "
    "of the Swarm has expired. Set the clock (NTP), then run again.",
    "wrong_unlock_key": "The key is not the current one of this Swarm. On another manager: docker swarm unlock-key.",
    "managers_unreachable": "Check that this host reaches the managers at TCP port 2377, and that their advertise_addr "
    "is right.",
}


def create(client: EngineClient, clock: Clock, body: Mapping[str, object]) -> bool:
    """Makes the Engine the first manager of a new Swarm; returns False if it already is in one. Raises EngineError."""
    try:
        client.post("/swarm/init", body=body)
    except EngineError as error:
        if THERE in error.message.lower():
            return False
        raise _plain(error) from error
    _until(client, clock, "has not become a manager", _manages)
    return True


def join(client: EngineClient, clock: Clock, body: Mapping[str, object]) -> bool:
    """Joins a Swarm with ``body`` (SwarmJoinRequest); returns False if it already is in one. Raises EngineError."""
    try:
        client.post("/swarm/join", body=body)
    except EngineError as error:
        text = error.message.lower()
        if THERE in text:
            return False
        if "timeout was reached" not in text:
            raise _plain(error) from error
        # The Engine continues in the background.
    swarm = _until(client, clock, "has not joined", lambda swarm: swarm.get("LocalNodeState") in ("active", "error"))
    if swarm.get("LocalNodeState") == "error":
        raise _plain(EngineError(f"The Engine at {client.where} could not join: {swarm.get('Error')}", "node_error"))
    return True


def leave(client: EngineClient, clock: Clock, force: bool) -> bool:
    """Leaves the Swarm, if it is in one. Without ``force``, waits until it is not a manager. Raises EngineError."""
    if not force:
        _until(client, clock, "is still a manager", lambda swarm: not swarm.get("ControlAvailable"))
    try:
        client.post("/swarm/leave", {"force": force})
    except EngineError as error:
        if GONE not in error.message.lower() and error.error_code != "timeout":
            raise
    _until(client, clock, "has not left", lambda swarm: swarm.get("LocalNodeState") in ("inactive", ""))
    return True


def unlock(client: EngineClient, clock: Clock, keys: Sequence[str]) -> bool:
    """Unlocks the Engine with the first key that fits; returns False if it was not locked.

    Raises EngineError (``wrong_unlock_key``, ``swarm_locked``).
    """
    refused = EngineError(f"There is no key for {client.where}.", "swarm_locked", HINTS["wrong_unlock_key"])
    for key in keys:
        try:
            client.post("/swarm/unlock", body={"UnlockKey": key}, timeout=UNLOCK)
        except EngineError as error:
            if "not locked" in error.message.lower():
                return False
            # The Engine refuses a wrong key at once. With the right one it answers when it is ready, so without a
            # leader never.
            if error.error_code == "timeout" and not _is_locked(client, clock):
                return True
            refused = _plain(error)
            continue
        _until(client, clock, "is still locked", lambda swarm: swarm.get("LocalNodeState") != "locked")
        return True
    raise refused


def _is_locked(client: EngineClient, clock: Clock) -> bool:
    info = patiently(clock, lambda: client.get("/info"))
    return (info.get("Swarm") or {}).get("LocalNodeState") == "locked"


def _plain(error: EngineError) -> EngineError:
    """Returns the error with a code and a hint for its cause."""
    text = error.message.lower()
    code = next((code for part, code in TEXTS if part in text), error.error_code)
    if code == "invalid_spec":
        code = "invalid_options"
    hint = HINTS.get(code, "" if code == "invalid_options" else error.hint)
    return EngineError(error.message, code, hint, error.status)


def _manages(swarm: SwarmInfo) -> bool:
    return bool(swarm.get("ControlAvailable") and (swarm.get("Cluster") or {}).get("ID") and not swarm.get("Error"))


def _until(client: EngineClient, clock: Clock, not_yet: str, done: Callable[[SwarmInfo], bool]) -> SwarmInfo:
    """Waits until the Engine's view of its Swarm is ``done``, and returns it. Raises StackwrightError."""
    deadline = clock.now() + SETTLE
    while True:
        info: Info = patiently(clock, lambda: client.get("/info"))
        swarm = info.get("Swarm") or {}
        if done(swarm):
            return swarm
        if clock.now() >= deadline:
            why = swarm.get("Error") or f"state {swarm.get('LocalNodeState')}"
            error = _plain(EngineError(f"{info.get('Name')} {not_yet} within {SETTLE:.0f} s ({why}).", "unfinished"))
            hint = error.hint or "Run again: it continues from the current state."
            raise StackwrightError(error.message, error.error_code, hint)
        clock.sleep(PAUSE)
