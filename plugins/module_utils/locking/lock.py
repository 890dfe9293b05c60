# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a stack, which all managers of the Swarm see: one run at a time changes a stack.

It is a Docker config. Names of configs are unique in the Swarm, so its creation is atomic. Renewal and take-over
update its labels at a known version index, so only one of two runs succeeds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import configs_named
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff, is_transient, patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import (
    FREE,
    describe,
    holder_of,
    is_free,
    moment,
    number,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    LOCK,
    NAMESPACE,
    OWNER,
    STACK,
    id_of,
    labels_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import lock_name
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import owner_labels, refuse_others

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config

TTL = 30.0  # seconds without a renewal after which a holder counts as dead
LEAST_TTL, MOST_TTL = 0.1, 600.0  # seconds: the range that is accepted from another run's lock
RENEW = 1 / 3  # of the ttl: when the holder renews
WATCH = 0.4  # of the ttl: how long an expired lock must stay unchanged; a living holder renews it before
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.05, 0.5, 1.5  # seconds, seconds, factor
TELL_EVERY = 10.0  # seconds
RENAME = "Give one of them another name. Nothing was changed."
CALL = 10.0  # seconds for one answer: an Engine that hangs must not hide that the lock expires
#: In a lock's data: the identity of its process; or that it has no process, but nodes that work until it expires.
PROCESS, LEASE = ("pid", "boot", "pid_ns", "started", "expires"), "lease"
#: In a lock's data: the history may have an open revision, so even a run without changes must check it.
OPEN = "open"

Holder = Dict[str, object]


class Lock:
    """The lock of ``stack``. Not held until ``acquire`` returns.

    ``holder`` describes this run (process_identity.py); its ``run`` identifies our lock. ``is_gone`` returns for
    another holder's data whether its process ran on this machine and has ended.
    """

    def __init__(
        self,
        client: EngineClient,
        clock: Clock,
        stack: str,
        holder: Mapping[str, object],
        ttl: float = TTL,
        is_gone: Callable[[Mapping[str, object]], bool] = lambda holder: False,
        identity: Optional[Mapping[str, object]] = None,
    ) -> None:
        self.client, self.clock, self.stack, self.ttl = client, clock, stack, ttl
        self.holder: Holder = dict(holder)
        if not self.holder.get("run"):
            import secrets

            self.holder["run"] = secrets.token_hex(8)
        self.name = lock_name(stack)
        self._is_gone = is_gone
        self._identity = identity
        self._id: Optional[str] = None
        self._renewed = 0.0
        self._due = 0.0
        self._lost: Optional[DeployError] = None
        self._dead: Dict[str, Holder] = {}  # the holders whose locks we tried to take over, by the locks' ids
        self._watched: Tuple[Any, float] = (None, 0.0)

    @property
    def held(self) -> bool:
        """Whether this run holds the lock, as far as it knows."""
        return self._id is not None and self._lost is None

    def has(self, config: Mapping[str, object]) -> bool:
        """Whether this config is the lock that this run holds."""
        return id_of(config) == self._id

    # -- acquire

    def acquire(self, timeout: float, on_wait: Callable[[str], None] = lambda line: None) -> Optional[Holder]:
        """Waits up to ``timeout`` seconds; returns the data of a dead holder whose lock it took over, else None.

        ``on_wait`` gets a line when the wait begins, when the holder changes, and every 10 s.
        Raises DeployError (``locked``) with the holder, and EngineError (``conflict`` if another stack with this
        name holds it).
        """
        start = self.clock.now()
        deadline, pause, backoff = start + timeout, FIRST_PAUSE, Backoff(self.clock, longest=LONGEST_PAUSE)
        reported: Tuple[str, float] = ("", 0.0)
        free = True
        while True:
            try:
                unsure = self._create() if free else None
                if self._id is not None:
                    return None
                config = self._look()
                free = config is None
                if config is not None:
                    self._refuse_others(config)
                if config is None and unsure is not None:
                    raise unsure
                if config is not None and self._is_ours(config):
                    self._hold(id_of(config))
                    dead = self._dead.get(id_of(config))
                    self.holder[OPEN] = dead is not None  # the answer to _take_over was lost: as it does
                    return dead
                holder = holder_of(config) if config is not None else {}
                if config is not None and self._is_dead(config, holder) and self._take_over(config, holder):
                    return holder
                backoff.calm()
            except EngineError as error:
                backoff.bear(error)
                continue
            now = self.clock.now()
            if now >= deadline:
                raise self._refused(holder, timeout)
            if not is_free(holder) and holder and (reported[0] != holder.get("run") or now - reported[1] >= TELL_EVERY):
                reported = (str(holder.get("run")), now)
                waited = f", {now - start:.0f} s so far" if now - start >= 1 else ""
                on_wait(f"waiting for the lock of {self.stack}, held by {describe(holder)}{waited}")
            self.clock.sleep(min(pause, max(deadline - now, 0.0)))
            pause = min(pause * GROWTH, LONGEST_PAUSE)

    def _create(self) -> Optional[EngineError]:
        """Creates the lock if there is none; returns the error if the result is unknown and must be checked."""
        import base64

        text = f"Lock of the stack {self.stack}, created by stackwright.swarm; its labels name the run that holds it."
        body = {"Name": self.name, "Labels": self._labels(), "Data": base64.b64encode(text.encode()).decode()}
        before = self.clock.now()
        try:
            made = self.client.post("/configs/create", body=body, timeout=CALL)
        except EngineError as error:
            if error.error_code == "conflict":
                return None
            if is_transient(error):
                return error
            raise
        self._hold(id_of(made or {}), before)
        return None

    def _look(self) -> Optional[Config]:
        return next(iter(configs_named(self.client, [self.name])), None)

    def _refuse_others(self, config: Mapping[str, object]) -> None:
        refuse_others(self._identity, self.stack, [labels_of(config)])
        other = labels_of(config).get(STACK, self.stack)
        if other != self.stack:  # shortened names may collide
            raise EngineError(
                f"The lock of {self.stack} has the same name as the lock of the stack {other}.", "conflict", RENAME
            )

    def _take_over(self, config: Config, holder: Holder) -> bool:
        before = self.clock.now()
        self._dead[id_of(config)] = holder  # acquire needs it if the answer gets lost
        try:
            self._update(config)
        except EngineError as error:
            if error.error_code in ("out_of_sequence", "not_found"):  # another run was faster, or the holder is alive
                return False
            raise
        self._hold(id_of(config), before)
        self.holder[OPEN] = True  # until a run has checked the history
        return True

    def _is_dead(self, config: Config, holder: Holder) -> bool:
        """Whether the holder has died: its process has ended, or it does not renew the lock.

        Clocks of managers differ, so an expired lock must also stay unchanged for a while.
        """
        now = self.clock.now()
        state = (id_of(config), config["Version"]["Index"])
        if state != self._watched[0]:
            self._watched = (state, now)
        if is_free(holder) or (holder and self._is_gone(holder)):
            return True
        unchanged = now - self._watched[1]
        ttl = self._ttl_of(holder)
        expired = self.clock.wall() > number(holder.get("expires"), float("inf"))
        return unchanged > ttl or (expired and unchanged > ttl * WATCH)

    def _ttl_of(self, holder: Holder) -> float:
        """Returns the holder's ttl in seconds; ours if it is missing or out of range."""
        ttl = number(holder.get("ttl"), self.ttl)
        return ttl if LEAST_TTL <= ttl <= MOST_TTL else self.ttl

    def _refused(self, holder: Holder, timeout: float) -> DeployError:
        since = moment(holder.get("since"))
        return DeployError(
            f"The stack {self.stack} is being changed by {describe(holder)}.",
            "locked",
            f"Wait until that run has ended, or raise lock_timeout (now {timeout:g} s). A dead run is detected "
            f"within {self._ttl_of(holder) * (1 + WATCH):.0f} s, and the next run takes over.",
            {"holder": {**public(holder), "since": since}},
        )

    # -- keep

    def keep(self) -> None:
        """Renews the lock if a third of its ttl has passed; before that it costs nothing. Call it before each write.

        Raises DeployError (``lock_lost``) if another run took over or removed the lock, or if it could not be renewed
        for its whole ttl and 20 s more.
        """
        if self._lost is not None:
            raise self._lost
        if self._id is None:
            raise DeployError(f"The lock of the stack {self.stack} is not held.", "lock_lost", "Run again.")
        if self.clock.now() < self._due:
            return
        backoff = Backoff(self.clock, also=("out_of_sequence",))
        while True:
            try:
                self._renew()
                return
            except EngineError as error:
                now = self.clock.now()
                if error.error_code == "not_found":
                    raise self._lost_because("it was removed") from error
                if not is_transient(error) and error.error_code != "out_of_sequence":
                    raise
                if now - self._renewed < self.ttl:  # until it expires it is ours
                    self._due = now + self.ttl / 30
                    return
                # An election may take this long. No other run can take the lock over in that time, and this run writes
                # nothing until the Swarm confirms that the lock is still ours.
                try:
                    backoff.bear(error)
                except EngineError:
                    seconds = self.clock.now() - self._renewed
                    raise self._lost_because(
                        f"it could not be renewed for {seconds:.0f} s ({error.message})"
                    ) from error

    def _renew(self) -> None:
        before = self.clock.now()
        config = self.client.get(f"/configs/{self._id}", timeout=CALL)
        if not self._is_ours(config):
            raise self._lost_because(f"it was taken over by {describe(holder_of(config))}")
        self._update(config)
        self._hold(id_of(config), before)

    def _lost_because(self, why: str) -> DeployError:
        self._lost = DeployError(
            f"The lock of the stack {self.stack} was lost: {why}.",
            "lock_lost",
            "This run changed nothing more. Check the stack with stack_info, then run again.",
        )
        return self._lost

    def renew(self) -> None:
        """Renews the lock now. Raises DeployError (``lock_lost``), and EngineError if no answer comes for 20 s."""
        try:
            patiently(self.clock, self._renew)
        except EngineError as error:
            if error.error_code == "not_found":
                raise self._lost_because("it was removed") from error
            raise

    def hand_on(self) -> str:
        """Turns the lock into a lease of one ``ttl`` without a process (see lease.py); returns the ``run`` for it.

        Raises DeployError and EngineError; this run still holds the lock then.
        """
        before = dict(self.holder)
        self.holder = {name: value for name, value in before.items() if name not in PROCESS}
        self.holder[LEASE] = True
        try:
            self.renew()
        except (DeployError, EngineError):
            self.holder = before
            raise
        self._id = None
        return str(self.holder["run"])

    def take_up(self) -> None:
        """Holds the lock again that this run handed on. Raises DeployError (``lock_lost``) and EngineError."""
        config = self._look()
        if config is None or not self._is_ours(config):
            why = f"it was taken over by {describe(holder_of(config))}" if config else "it does not exist"
            raise self._lost_because(why)
        self.holder = holder_of(config)
        self._hold(id_of(config))

    # -- release

    def release(self) -> None:
        """Releases the lock; never raises. A lock that can't be released expires."""
        if self.holder.get(OPEN):
            self.leave()
            return
        if not self.held:
            return
        try:
            self.keep()  # an expired lock may belong to another run now
            backoff = Backoff(self.clock, limit=self.ttl * RENEW, longest=LONGEST_PAUSE, also=("conflict",))
            while True:
                try:
                    self.client.delete(f"/configs/{self._id}", timeout=CALL)
                    break
                except EngineError as error:
                    backoff.bear(error)
        except (DeployError, EngineError):
            pass
        finally:
            self._id = None

    def leave(self, holder: Optional[Holder] = None) -> None:
        """Releases the lock, but leaves its config: the next run must check the history. Never raises.

        ``holder`` is that of the open revision, by default this run.
        """
        if not self.held:
            return
        backoff = Backoff(
            self.clock, limit=self.ttl * RENEW, longest=LONGEST_PAUSE, also=("out_of_sequence", "conflict")
        )
        try:
            self.keep()
            while True:
                try:
                    config = self.client.get(f"/configs/{self._id}", timeout=CALL)
                    if self._is_ours(config):
                        self._update(config, {**(holder or self.holder), OPEN: True, FREE: True})
                    break
                except EngineError as error:
                    backoff.bear(error)
        except (DeployError, EngineError):
            pass
        finally:
            self._id = None

    # -- the config

    def _hold(self, identity: str, since: Optional[float] = None) -> None:
        self._id = identity
        self._renewed = self.clock.now() if since is None else since
        self._due = self._renewed + self.ttl * RENEW
        if since is None:
            self._due = self._renewed  # its age is unknown

    def _labels(self, holder: Optional[Holder] = None) -> Dict[str, str]:
        data = {**(holder or self.holder), "ttl": self.ttl}
        # Nodes rely on a lease to its end, and clocks differ: it ends only when it was unchanged for a whole ttl.
        if not data.get(LEASE):
            data["expires"] = self.clock.wall() + self.ttl
        labels = {NAMESPACE: self.stack, STACK: self.stack, LOCK: json.dumps(data, sort_keys=True)}
        return {**labels, **owner_labels(self._identity)}

    def _update(self, config: Config, holder: Optional[Holder] = None) -> None:
        owner = {name: text for name, text in labels_of(config).items() if name == OWNER}  # a lease does not know it
        body = {"Name": self.name, "Labels": {**owner, **self._labels(holder)}}
        query = {"version": config["Version"]["Index"]}
        self.client.post(f"/configs/{id_of(config)}/update", query, body, timeout=CALL)

    def _is_ours(self, config: Mapping[str, object]) -> bool:
        return bool(holder_of(config).get("run") == self.holder["run"])


def public(holder: Mapping[str, object]) -> Holder:
    """Returns the parts of a holder's data that results show."""
    return {key: holder.get(key) for key in ("who", "host", "pid", "operation", "message")}
