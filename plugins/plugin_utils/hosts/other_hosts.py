# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads data of other nodes for a detached process on a manager, from the hosts of the play that may be these nodes.

A host may hang, and the work on the manager doesn't wait for it. So a separate process reads each host, and is killed
after the timeout.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Collection, Dict, Iterable, List, Mapping, NoReturn, Sequence, Set

from ansible import constants as C
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import become_loader, connection_loader
from ansible.template import Templar
from ansible.utils.display import Display

#: How many hosts are tried if none is known to be the node.
MOST = 5
#: Addresses that identify no node.
NOWHERE = frozenset(("", "0.0.0.0", "127.0.0.1", "::", "::1", "localhost"))

Containers = Dict[str, bool]
Read = Callable[[str, Containers], Mapping[str, Any]]


def answered(
    question: Mapping[str, object], hosts: Sequence[str], hostvars: Mapping[str, object], read: Read, seconds: float
) -> Dict[str, str]:
    """Returns the answers that the hosts give within ``seconds``, by container. A failed host gives none."""
    try:
        wanted = hosts_for(question, {host: names_of(host, hostvars) for host in hosts})
        answers = at_once({host: partial(read, host, wanted[host]) for host in wanted}, seconds)
        return {name: str(text) for one in answers for name, text in (one.get("checks") or {}).items() if text}
    except Exception:
        return {}


def hosts_for(question: Mapping[str, Any], names: Mapping[str, Collection[str]]) -> Dict[str, Containers]:
    """Returns the containers to look for, by host: the host with a name or an address of the container's node; if there
    is none, the first MOST hosts that are not known to be other nodes."""
    found: Dict[str, Containers] = {}
    others = plain(question["others"])
    for check in question["checks"]:
        node = plain(check["node"])
        hosts = [host for host in names if node & set(names[host])]
        hosts = hosts or [host for host in names if not others & set(names[host])][:MOST]
        for host in hosts:
            found.setdefault(host, {})[str(check["container"])] = bool(check["starting"])
    return found


def names_of(host: str, hostvars: Mapping[str, Any]) -> Set[str]:
    """Returns the names of a host in the inventory and in its facts, and its IPv4 addresses."""
    found: List[Any] = [host]
    with suppress(Exception):  # a variable that can't be resolved
        own = hostvars[host]
        facts = own.get("ansible_facts") or {}
        found += [own.get(name) for name in ("ansible_host", "ansible_hostname", "ansible_fqdn", "ansible_nodename")]
        found += [facts.get(name) for name in ("hostname", "fqdn", "nodename")]
        found += facts.get("all_ipv4_addresses") or []
    return plain(name for name in found if name)


def plain(names: Iterable[object]) -> Set[str]:
    """Returns names without their domains, and addresses, without those that identify no node."""
    return {_plain(name) for name in names} - NOWHERE


def _plain(name: object) -> str:
    """Returns a name without its domain, or an address unchanged."""
    text = str(name).lower()
    first = text.partition(".")[0]
    return text if first.isdigit() or ":" in text else first


def at_once(works: Mapping[str, Callable[[], Mapping[str, object]]], seconds: float) -> List[Dict[str, Any]]:
    """Runs ``works`` in parallel. Returns the results of those that end well within ``seconds``."""
    working = Working(works)
    try:
        working.wait(seconds)
    finally:
        working.end()
    return working.found


class Working:
    """Runs ``works`` in parallel, each in its own process. ``found`` has the results of those that have ended well."""

    def __init__(self, works: Mapping[str, Callable[[], Mapping[str, object]]]) -> None:
        self._running: Dict[int, int] = {}
        self._output: Dict[int, bytes] = {}
        self.found: List[Dict[str, Any]] = []
        for work in works.values():
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                _run_child(work, writing)
            os.close(writing)
            self._running[reading], self._output[reading] = child, b""

    def wait(self, seconds: float) -> bool:
        """Waits for all of them, at most for ``seconds``. Returns whether they have ended."""
        end = time.monotonic() + seconds
        while self._running and time.monotonic() < end:
            for handle in select.select(list(self._running), [], [], max(end - time.monotonic(), 0.0))[0]:
                piece = os.read(handle, 1 << 16)
                self._output[handle] += piece
                if not piece:
                    _end(handle, self._running.pop(handle))
                    with suppress(ValueError):
                        self.found.append(json.loads(self._output[handle]))
        return not self._running

    def end(self) -> None:
        """Kills those that still run."""
        while self._running:
            _end(*self._running.popitem())


def _end(handle: int, child: int) -> None:
    os.close(handle)
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)  # also the processes that it has started, such as ssh
    with suppress(OSError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _run_child(work: Callable[[], Mapping[str, object]], writing: int) -> NoReturn:
    """Runs ``work`` in the child and writes its result to ``writing``.

    It shows nothing through Ansible: a child that is killed while it writes to Ansible's queue blocks all hosts.
    """
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for handle in range(3):
            os.dup2(nothing, handle)
        display = Display()
        display._final_q, display.verbosity, display.log_verbosity = None, 0, 0
        # From ansible-core 2.19 on, a result may hold display objects, such as warnings. They are not needed here.
        rest = json.dumps(dict(work()), default=lambda _display: None).encode()
        while rest:
            rest = rest[os.write(writing, rest) :]
    finally:
        os._exit(0)


class Sibling:
    """The ``action`` of a task for another host, as Ansible would run it there, and that host's ``variables``."""

    def __init__(self, action: ActionBase, host: str, variables: Mapping[str, Any]) -> None:
        task = action._task.copy()
        task.delegate_to = host
        manager = variables["hostvars"]._variable_manager
        delegated, _name = manager.get_delegated_vars_and_hostname(action._templar, task, variables)
        own = delegated["ansible_delegated_vars"][host]
        own["inventory_hostname"] = host
        templar = Templar(loader=action._loader, variables=own)
        context = action._play_context.set_task_and_variable_override(task, {**variables, **delegated}, templar)
        context.post_validate(templar)
        task.delegate_to = None
        connection = _connection(task, own, templar, context)
        self.action = type(action)(task, connection, context, action._loader, templar, action._shared_loader_obj)
        self.action._variables = own
        self.variables = own


def _connection(task: Any, own: Mapping[str, object], templar: Templar, context: Any) -> Any:
    """Returns a connection with the options that Ansible would set."""

    def variable_or(name: str, keyword: object) -> Any:
        return keyword if own.get(name) is None else templar.template(own[name])

    context.connection = variable_or("ansible_connection", task.connection)
    more = {"new_stdin": None, "task_uuid": task._uuid, "ansible_playbook_pid": str(os.getppid())}
    connection = connection_loader.get(context.connection, context, **more)
    if boolean(variable_or("ansible_become", task.become) or False, strict=False):
        connection.set_become_plugin(become_loader.get(variable_or("ansible_become_method", task.become_method)))
    context.set_attributes_from_plugin(connection)
    keys = {**task.dump_attrs(), "timeout": context.timeout}
    keys.pop("retries", None)  # the task's retries, not the connection's
    if context.password:
        keys["password"] = context.password
    for kind, plugin in (("connection", connection), ("shell", connection._shell), ("become", connection.become)):
        if plugin is None:
            continue
        if kind == "become" and context.become_pass:
            keys["become_pass"] = context.become_pass
        names = C.config.get_plugin_vars(kind, plugin._load_name)
        given = {name: templar.template(own[name]) for name in names if name in own}
        plugin.set_options(task_keys=keys, var_options=given)
    return connection
