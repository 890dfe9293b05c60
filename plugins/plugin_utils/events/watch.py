# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches a Swarm and reports events: the Engine's stream shows which objects changed, and comparisons find the rest.

One thread reports all events, so that they are in order; a second one reads the stream (docs/decisions/0056).
"""

from __future__ import annotations

import contextlib
import queue
import re
import threading
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock, SystemClock, iso
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, plain_text
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.events import EventStream
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import seconds
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.certificate import validities
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import PRIVATE, id_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.compare import (
    NOTHING,
    Event,
    compare,
    compare_one,
    first,
    kept,
    remember,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.kinds import KINDS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.options import Options
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.snapshot import (
    Snapshot,
    root_certificate,
    snapshot,
    thing_of,
    things_of,
)

PATHS = {word: kind for kind, word in KINDS.items()}
FILTERS = {"type": sorted(PATHS), "scope": ["swarm"]}
INBOX = 1000  # messages that may wait; if there are more, a comparison finds their changes
FEW = 50  # objects that are read one by one; for more, whole lists are read
SHARE = 2.0  # the least pause after a comparison, as a multiple of its duration
PAUSE, LONGEST_PAUSE, GROWTH = 1.0, 30.0, 1.5  # seconds, seconds, factor: if no manager answers
TEMPLATE = re.compile(r"\{(?=[{%#])")
PREDEFINED = ("bridge", "host", "none")  # a new leader creates its own, which are in no list
SILENT = 15.0  # seconds without any manager, after which swarm_unreachable is reported

Message = Dict[str, Any]


class Stopped(Exception):
    """The watcher was stopped."""


class Watcher:
    """Watches the managers of ``options`` until ``stop``. ``run`` only raises Stopped, and the exceptions of ``put``.

    :param put: gets each event, and may make the watcher wait.
    :param tell: gets a line about each problem with a manager.
    :param connect: creates an EngineClient.
    :param subscribe: creates an EventStream.
    """

    def __init__(
        self,
        options: Options,
        put: Callable[[Event], None],
        tell: Callable[[str], None],
        clock: Clock = SystemClock,
        connect: Callable[[Connection], EngineClient] = EngineClient,
        subscribe: Callable[[EngineClient, Dict[str, Any], str], EventStream] = EventStream,
    ) -> None:
        self.options, self._put, self._tell, self._clock = options, put, tell, clock
        self._connect, self._subscribe = connect, subscribe
        self._stopped = threading.Event()
        self._inbox: queue.Queue[Tuple[Any, Any]] = queue.Queue(INBOX)
        self._overflowed = False
        self._known: Optional[Snapshot] = None
        self._name, self._where, self._engine_time = "", "", 0.0
        self._stream: Any = None
        self._silent_since: Optional[float] = None
        self._silence_reported = False
        self._looked = self._doubted = False

    def stop(self) -> None:
        """Ends ``run`` soon; any thread may call it."""
        self._stopped.set()
        stream = self._stream
        if stream is not None:
            stream.close()
        with contextlib.suppress(queue.Full):
            self._inbox.put_nowait((None, None))

    def run(self) -> None:
        """Watches one manager after the other. Returns after ``stop``."""
        managers, turn, failed, pause = self.options.managers, 0, 0, PAUSE
        while not self._stopped.is_set():
            self._looked = False
            manager, reason = managers[turn % len(managers)], "the stream of events has ended"
            try:
                self._follow(manager)
            except Stopped:
                return
            except EngineError as error:
                reason = str(error)
            except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
                # An unexpected answer must not end the source; the next manager's may be valid.
                reason = f"{type(error).__name__}: {error}"
            failed, pause = (1, PAUSE) if self._looked else (failed + 1, pause)
            turn += 1
            if not self._stopped.is_set():
                self._tell(plain_text(f"{manager.docker_host}: {reason}", lines=False))
                self._report_silence(reason)
            if failed >= len(managers):
                self._stopped.wait(pause)
                failed, pause = 0, min(pause * GROWTH, LONGEST_PAUSE)

    # -- one manager

    def _follow(self, manager: Connection) -> None:
        client = self._connect(manager)
        stream = None
        try:
            since = int(seconds(manager_info(client).get("SystemTime")) or 0)
            # From the Engine's current second: it answers shortly before it listens.
            stream = self._stream = self._subscribe(client, FILTERS, str(since))
            if self._stopped.is_set():
                raise Stopped
            threading.Thread(target=self._read, args=(stream,), name="swarm_events stream", daemon=True).start()
            self._watch(client, stream, since + 1)
        finally:
            self._stream = None
            if stream is not None:
                stream.close()
            client.close()

    def _watch(self, client: EngineClient, stream: EventStream, began: int) -> None:
        due = self._look(client, recovered=True)
        while True:
            batch = list(self._batch(stream, max(due - self._clock.now(), 0.0)))
            if batch:
                self._process(client, batch, began)
            if self._overflowed or self._clock.now() >= due:
                lost, self._overflowed = self._overflowed, False
                due = self._look(client, recovered=lost)

    def _read(self, stream: EventStream) -> None:
        """Puts the messages of the stream, and the error at its end, into the inbox. Runs in a separate thread."""
        try:
            for message in stream.messages():
                try:
                    self._inbox.put_nowait((stream, message))
                except queue.Full:
                    self._overflowed = True
            end: Any = EngineError("the stream of events ended", "daemon_unreachable")
        except EngineError as error:
            end = error
        while not self._stopped.is_set() and self._stream is stream:
            try:
                self._inbox.put((stream, end), timeout=1.0)
                return
            except queue.Full:
                continue

    def _batch(self, stream: EventStream, patience: float) -> Iterator[Message]:
        """Waits up to ``patience`` seconds, then yields all messages. Raises the stream's EngineError, and Stopped."""
        wait: Optional[float] = patience
        while True:
            try:
                origin, found = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            except queue.Empty:
                return
            if self._stopped.is_set():
                raise Stopped
            if origin is stream:
                if isinstance(found, EngineError):
                    raise found
                yield found
                wait = None

    # -- comparisons

    def _look(self, client: EngineClient, recovered: bool) -> float:
        """Compares the whole Swarm with the last reported state. Returns the time of the next comparison."""
        start = self._clock.now()
        info = manager_info(client)
        lists: Any = {kind: client.list(f"/{kind}") for kind in KINDS if kind != "services"}
        lists["services"] = client.list("/services", {"status": True})
        lists["tasks"] = client.list("/tasks")
        ends = [validity.ends for validity in validities(root_certificate(info))]
        now = self._with_networks(snapshot(info, lists, ends[0] if ends else None))
        del lists
        self._name, self._where, self._engine_time = str(info.get("Name") or ""), client.where, now.now
        known, days = self._known, self.options.certificate_days
        if known is None:
            known, events = NOTHING, first(now, days) if self.options.initial else []
        else:
            events = compare(known, now, days)
        self._known = remember(known, now, days)
        self._report_answer()
        for event in events:
            self._send(event, recovered)
        took = self._clock.now() - start
        return float(self._clock.now() + max(self.options.interval - took, SHARE * took))

    def _with_networks(self, now: Snapshot) -> Snapshot:
        """Returns ``now``, with the known networks if it is the first snapshot without any.

        An Engine that has just lost the leader lists its own networks only, as if the Swarm had none.
        """
        known = (self._known or NOTHING).things["networks"]
        doubtful = bool(known) and not now.things["networks"] and not self._doubted
        self._doubted = doubtful
        return now._replace(things={**now.things, "networks": known}) if doubtful else now

    def _process(self, client: EngineClient, batch: List[Message], began: int) -> None:
        """Reads the objects that messages name, and reports their changes.

        :param began: seconds since 1970. Earlier messages don't report objects that no longer exist.
        """
        known = self._known or NOTHING
        actions: Dict[Tuple[str, str], List[Message]] = {}
        for message in batch:
            kind = PATHS.get(str(message.get("Type")))
            identity = str(message["Actor"].get("ID") or "")
            if kind and identity:
                actions.setdefault((kind, identity), []).append(message)
        kinds = {kind for kind, _identity in actions}
        # Networks are listed: a single one is the Engine's own view, even if the Swarm has another network or none.
        listed = kinds if len(actions) > FEW else kinds & {"networks"}
        lists = {kind: {id_of(obj): obj for obj in client.list(f"/{kind}")} for kind in listed}
        for (kind, identity), messages in actions.items():
            obj = lists[kind].get(identity) if kind in lists else _read_one(client, kind, identity)
            now = thing_of(kind, obj) if obj is not None else None
            before = known.things[kind].get(identity)
            if kind == "networks" and now is None and not things_of(kind, list(lists[kind].values())):
                continue  # there is no leader, so the next comparison decides
            events = compare_one(kind, identity, before, now)
            if now is not None:
                known.things[kind][identity] = kept(kind, before, now)
            else:
                known.things[kind].pop(identity, None)
            if before is None and obj is None:
                events = _short_life(kind, identity, messages, began)
            for event in events:
                self._send(event, False)

    # -- the way out

    def _send(self, event: Event, recovered: bool) -> None:
        options = self.options
        if options.types and event["type"] not in options.types:
            return
        if options.stacks and event.get("stack") not in options.stacks and event["type"] not in OF_THE_SOURCE:
            return
        whole = {"stack": "", "service": "", "node": "", "name": "", "id": "", **event}
        whole.update(recovered=recovered, manager=self._name, time=iso(self._clock.wall()) or None)
        stack = str(whole["stack"])
        owner = (self._known or NOTHING).owners.get(stack, ("", "", stack))
        whole["owner"] = dict(zip(("project", "environment", "name"), owner))
        node = whole["node"] if event["type"] in NODES_THAT_ANSWER else ""
        hosts = list(dict.fromkeys(name for name in (self._name, node) if name))
        whole["meta"] = {"hosts": [options.hosts.get(name, name) for name in hosts]}
        if self._stopped.is_set():
            raise Stopped
        self._put(_plain(whole))

    def _report_silence(self, reason: str) -> None:
        now = self._clock.now()
        if self._silent_since is None:
            self._silent_since = now
        if not self._silence_reported and now - self._silent_since >= SILENT:
            self._silence_reported = True
            self._send({"type": "swarm_unreachable", "reason": reason}, False)

    def _report_answer(self) -> None:
        self._looked, self._silent_since = True, None
        if self._silence_reported:
            self._silence_reported = False
            self._send({"type": "swarm_reachable", "reason": ""}, False)


#: Events that concern every stack.
OF_THE_SOURCE = ("swarm_unreachable", "swarm_reachable")
#: Events whose node is among the hosts for an action: a lost node can't run one.
NODES_THAT_ANSWER = ("task_failed", "node_joined", "node_ready", "node_updated", "manager_reachable", "leader_changed")


def _read_one(client: EngineClient, kind: str, identity: str) -> Optional[Dict[str, Any]]:
    try:
        found = client.get(f"/{kind}/{identity}")
    except EngineError as error:
        if error.error_code == "not_found":
            return None
        raise
    return found if isinstance(found, dict) else None


def _short_life(kind: str, identity: str, messages: List[Message], began: int) -> List[Event]:
    """Returns the events of an object that was removed before it could be read."""
    actions = [message.get("Action") for message in messages if int(message.get("time") or 0) > began]
    attributes = messages[0]["Actor"].get("Attributes") or {}
    name = str(attributes.get("name") or "") if isinstance(attributes, dict) else ""
    if "create" not in actions or name.startswith(PRIVATE) or (kind == "networks" and name in PREDEFINED):
        return []
    about = {"reason": "", "name": name, "id": identity, **({"service": name} if kind == "services" else {})}
    return [{"type": f"{KINDS[kind]}_{what}", **about} for what in ("created", "removed")]


def _plain(data: object) -> Any:
    """Returns the data without control characters, and without text that Ansible would read as a template."""
    if isinstance(data, str):
        # Ansible templates an action's variables, so the error of a task could run code on the controller.
        return TEMPLATE.sub("{ ", plain_text(data, lines=False))
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, list) else data
