# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: operations with their reasons, as data and as text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

Mask = Callable[[str, str, str, Any], Any]

#: The order of the first phase. The second one, "prune", has the opposite order, and comes after the gate.
KINDS = ("network", "volume", "config", "secret", "service")
CHANGE, PRUNE = "change", "prune"
#: Writes a label with the reason why an object is kept; the plan shows it as ``keep``.
NOTE = "note"
#: A step of ``pre_start`` that another run has started: nothing is sent.
WAIT = "wait"
PHASES = (CHANGE, PRUNE)
LONGEST_VALUE = 100
IMAGE = "TaskTemplate.ContainerSpec.Image"
FOLLOWS_IMAGE = ("TaskTemplate.Placement.Platforms", "Labels.com.docker.stack.image")
#: Fields that the Engine has in nanoseconds.
TIMES = ("Delay", "Interval", "Monitor", "StartInterval", "StartPeriod", "StopGracePeriod", "Timeout", "Window")
#: Formats the Engine's whole numbers as in Compose files.
UNITS: Dict[str, Callable[[int], str]] = {
    **dict.fromkeys(TIMES, lambda value: f"{value / 1e9:g}s"),
    "NanoCPUs": lambda value: f"{value / 1e9:g}",
    "MemoryBytes": lambda value: f"{value}b" if value % (1 << 20) else f"{value >> 20}M",
    "Mode": lambda value: f"{value:04o}",
}
DIGEST = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]{52}")


@dataclass(frozen=True)
class Change:
    """One difference: the path in the spec, and the value before and after (None means absent)."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        before, after = (_short(in_units(self.path, value)) for value in (self.before, self.after))
        return f"{friendly(self.path)} {before} → {after}"


@dataclass(frozen=True)
class Operation:
    """One Engine call (``create``, ``update``, ``remove``), or none (``keep``, ``wait``; ``record``: only the history
    changes).

    ``restarts`` is the number of tasks that the change stops or replaces; with ``at_most``, some of them may stay.
    ``payload`` is the data for the call, which is never shown: ``id``, ``version``, ``spec``, ``data``. Services of a
    higher ``wave`` wait for those of lower ones. ``dependents`` are the keys of services that depend on one whose tasks
    are replaced. ``extra`` marks an extra step of a service that has another operation in the plan (hand_over.py).
    """

    action: str
    kind: str
    name: str
    key: str = ""
    reason: str = ""
    changes: Tuple[Change, ...] = ()
    restarts: int = 0
    phase: str = CHANGE
    wave: int = 0
    dependents: Tuple[str, ...] = ()
    extra: bool = False
    at_most: bool = False
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        detail = ", ".join(str(change) for change in self._shown()) or self.reason
        if self.changes and self.reason and self.action != "update":
            detail = self.reason
        if self.extra:
            detail = f"{detail}; {self.reason}"
        verb = "stops" if self.action == "remove" else "restarts"
        verb += " at most" if self.at_most else ""
        tasks = f" ({verb} {self.restarts} task{'' if self.restarts == 1 else 's'})" if self.restarts else ""
        if self.restarts and self.dependents:
            does = "depends" if len(self.dependents) == 1 else "depend"
            tasks = f"{tasks[:-1]}; {', '.join(self.dependents)} {does} on it)"
        return f"{self.word} {self.kind} {self.name}{': ' + with_short_digests(detail) if detail else ''}{tasks}"

    @property
    def word(self) -> str:
        """The action, as the plan shows it."""
        return "keep" if self.action == NOTE else self.action

    def _shown(self) -> List[Change]:
        """Returns the changes without those that only follow from another image."""
        if not any(change.path == IMAGE for change in self.changes):
            return list(self.changes)
        return [change for change in self.changes if change.path not in FOLLOWS_IMAGE]

    def as_dict(self) -> Dict[str, Any]:
        """Returns plain data for the result, without secrets and payload."""
        return {
            "action": self.word,
            "kind": self.kind,
            "name": self.name,
            "key": self.key,
            "reason": self.reason,
            "changes": [{"path": c.path, "before": c.before, "after": c.after} for c in self.changes],
            "restarts": self.restarts,
            "dependents": list(self.dependents),
            "phase": self.phase,
        }


@dataclass(frozen=True)
class Plan:
    """All operations in their order, and notices for the user."""

    operations: Tuple[Operation, ...]
    notices: Tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether any operation changes something."""
        return any(operation.action != "keep" for operation in self.operations)

    def work(self, phase: Optional[str] = None) -> List[Operation]:
        """Returns the operations (of one phase) except ``keep``."""
        return [op for op in self.operations if op.action != "keep" and phase in (None, op.phase)]

    def lines(self, keep: bool = True) -> List[str]:
        """Returns the plan as text: one line per operation, then the notices."""
        shown = [str(op) for op in self.operations if keep or op.action != "keep"]
        return shown + [f"notice: {text}" for text in self.notices]


def ordered(operations: Sequence[Operation]) -> Tuple[Operation, ...]:
    """Returns operations in their order: changes by kind, wave and name (a removal before a creation), then prune in
    the opposite order of kinds."""

    def rank(op: Operation) -> Tuple[int, int, int, str, bool]:
        kind = KINDS.index(op.kind)
        return (PHASES.index(op.phase), -kind if op.phase == PRUNE else kind, op.wave, op.name, op.action != "remove")

    return tuple(sorted(operations, key=rank))


def with_mask(plan: Plan, mask: Optional[Mask]) -> Plan:
    """Returns a copy of ``plan`` with ``mask(kind, key, path, value)`` in place of each value; None masks nothing."""
    if mask is None:
        return plan
    return replace(plan, operations=tuple(masked(operation, mask) for operation in plan.operations))


def masked(operation: Operation, mask: Mask) -> Operation:
    """Returns a copy of ``operation`` with masked values."""
    kind, key = operation.kind, operation.key
    return replace(
        operation,
        changes=tuple(
            Change(c.path, mask(kind, key, c.path, c.before), mask(kind, key, c.path, c.after))
            for c in operation.changes
        ),
    )


#: The Engine's paths as keys of a Compose file; the first prefix that matches is replaced.
WORDS = (
    ("TaskTemplate.ContainerSpec.Image", "image"),
    ("TaskTemplate.ContainerSpec.Env", "environment"),
    ("TaskTemplate.ContainerSpec.Command", "entrypoint"),
    ("TaskTemplate.ContainerSpec.Args", "command"),
    ("TaskTemplate.ContainerSpec.Labels", "container labels"),
    ("TaskTemplate.ContainerSpec.Mounts", "volumes"),
    ("TaskTemplate.ContainerSpec.Secrets", "secrets"),
    ("TaskTemplate.ContainerSpec.Configs", "configs"),
    ("TaskTemplate.ContainerSpec.Healthcheck", "healthcheck"),
    ("TaskTemplate.ContainerSpec.Hosts", "extra_hosts"),
    ("TaskTemplate.ContainerSpec.StopGracePeriod", "stop_grace_period"),
    ("TaskTemplate.ContainerSpec.", ""),
    ("TaskTemplate.Placement.Constraints", "constraints"),
    ("TaskTemplate.Placement.Platforms", "platforms"),
    ("TaskTemplate.Networks", "networks"),
    *(
        (f"TaskTemplate.Resources.{part}.{name}", f"resources {part.lower()}.{word}")
        for part in ("Limits", "Reservations")
        for name, word in (("NanoCPUs", "cpus"), ("MemoryBytes", "memory"))
    ),
    ("TaskTemplate.Resources", "resources"),
    ("TaskTemplate.RestartPolicy", "restart_policy"),
    ("TaskTemplate.LogDriver", "logging"),
    ("TaskTemplate.", ""),
    ("EndpointSpec.Ports", "ports"),
    ("EndpointSpec.Mode", "endpoint_mode"),
    ("Mode.Replicated.Replicas", "replicas"),
    ("UpdateConfig", "update_config"),
    ("RollbackConfig", "rollback_config"),
    ("Labels", "labels"),
    ("Mode", "mode"),
)


def friendly(path: str) -> str:
    """Returns a path as a user of Compose would name it."""
    for prefix, word in WORDS:
        if path.startswith(prefix):
            rest = path[len(prefix) :]
            return f"{word} {rest[1:]}" if word and rest.startswith(".") else word + rest
    return path


def in_units(path: str, value: object) -> object:
    """Returns the value at a path with the units of a Compose file."""
    if isinstance(value, dict):
        return {key: in_units(key, one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [in_units("", one) for one in value]
    unit = UNITS.get(path.rpartition(".")[2])
    return unit(value) if unit and isinstance(value, int) and not isinstance(value, bool) else value


def with_short_digests(text: str) -> str:
    """Returns the text with 12 digits of each digest; the data has all of them."""
    return DIGEST.sub(r"\1…", text)


def _short(value: object) -> str:
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        text = "[" + ", ".join(_short(item) for item in value) + "]"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{key}: {_short(value[key])}" for key in sorted(value)) + "}"
    else:
        text = str(value) if value != "" else '""'
    text = with_short_digests(text.replace("\n", "\\n"))
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
