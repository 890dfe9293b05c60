# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels and names that identify objects of a stack."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

#: docker's own: which stack an object belongs to, and a service's image as the file has it.
NAMESPACE = "com.docker.stack.namespace"
IMAGE = "com.docker.stack.image"
#: How the labels of this collection begin unless the user says otherwise.
DEFAULT_PREFIX = "stackwright"
#: How they began before, which is read as well.
OLD_PREFIX = "zane"

#: Ours on configs and secrets: a digest of the content (of secrets: keyed).
CONTENT = "stackwright.content"
#: The Docker config that holds the cluster's key for the digests of secrets.
KEY_CONFIG = "stackwright.key"
#: The Docker secret whose label of this name is the record of routes (routing/book.py).
ROUTE_BOOK = "stackwright.routes"
#: Labels of ours that are bookkeeping, and no part of what the user asked for.
PRIVATE = "stackwright."

#: Which stack a lock or a revision belongs to. Revisions have this label alone, not docker's: runs without changes
#: do not read them, and ``docker stack rm`` leaves them.
STACK = "stackwright.stack"
#: PROJECT/ENVIRONMENT/NAME on a lock, a revision and kept values: which of the stacks that can have the name that
#: STACK says (owner.py).
OWNER = "stackwright.owner"
#: JSON on the lock: who holds it, and until when.
LOCK = "stackwright.lock"
#: JSON on the first config of a revision: everything about it but its snapshot.
RECORD = "stackwright.revision"
#: The id of the run, on every further config of a revision: these hold what of the snapshot does not fit in the first.
PART = "stackwright.part"
#: On a version of a secret or config that belongs to no stack: the name that it has for users (tasks/objects.py).
OBJECT = "stackwright.object"
#: On a service whose tasks are leaving a node: the node's id, for as long as a constraint of ours keeps them away.
MOVING = "stackwright.moving"
#: On a config or secret that only kept revisions need any more: one of them. Only a run with changes looks again.
KEPT = "stackwright.kept"

#: On a job that only makes a node pull an image: the stack whose run has created it (pulling/).
PULL = "stackwright.pull"

#: On a network that replaces another one: the name that the file gives both.
BASE = "stackwright.base"

#: On the job of a step of ``pre_start``: SERVICE/NUMBER.
STEP = "stackwright.step"
#: A digest of what the steps of a service are, on its containers; on the job of a step: of the whole service.
PRE_START = "stackwright.pre-start"

#: On a service in the middle of a hand-over of ports: its EndpointSpec before, as JSON (transitions/hand_over.py).
HANDING_OVER = "stackwright.handing-over"

#: On a stopped service, after the label prefix: its number of replicas before, or "global".
BEFORE_STOP = "-replicas-before-stop"
#: On a service whose update is held, after the label prefix: the delay between its batches before, in nanoseconds.
HELD = "-delay-before-pause"
#: On a service, after the label prefix: when a job runs. Its other labels begin with ``.cron.`` too.
CRON, SCHEDULE = ".cron.", ".cron.schedule"
#: On a job on a schedule: its last runs, as JSON (swarm/scheduled.py). Written with each run.
CRON_RUNS = "stackwright.cron"
#: On a service, after the label prefix: fields of it that others own.
LEAVE = ".leave"
#: On a service, after the label prefix: between which numbers of replicas others may choose (autoscale.py).
AUTOSCALE = ".autoscale"
#: All labels of ours that are named PREFIX-WORD; a user's own PREFIX-anything is none of them.
TRACKING = (
    *("-managed", "-stack", "-project", "-environment"),
    *("-service", "-network", "-config", "-secret", "-volume"),
    *(BEFORE_STOP, HELD),
)
#: No node has this id: a stopped global service has no task.
NOWHERE = "node.id==stopped"


def labels_of(obj: Mapping[str, Any]) -> Dict[str, str]:
    """The labels of an Engine object: of a network at the top, of all others in its Spec."""
    spec = obj.get("Spec")
    return (spec if isinstance(spec, dict) else obj).get("Labels") or {}


def spellings(prefix: str) -> Tuple[str, ...]:
    """The prefixes under which labels of ours are read: the given one first, and what was the default before."""
    if prefix not in (DEFAULT_PREFIX, OLD_PREFIX):
        return (prefix,)
    return (prefix, OLD_PREFIX if prefix == DEFAULT_PREFIX else DEFAULT_PREFIX)


def ours_in(labels: Mapping[str, str], prefix: str, word: str) -> str:
    """The value of the label PREFIX-WORD (``word`` begins with ``-``), however its prefix is spelled, or empty text."""
    return next((labels[start + word] for start in spellings(prefix) if start + word in labels), "")


def name_of(obj: Mapping[str, object]) -> str:
    """The name of an Engine object."""
    spec = obj.get("Spec")
    return str((spec if isinstance(spec, dict) else obj).get("Name") or "")


def id_of(obj: Mapping[str, object]) -> str:
    """The id of an Engine object; networks spell it ``Id``."""
    return str(obj.get("ID") or obj.get("Id") or "")


def stack_of(obj: Mapping[str, object]) -> str:
    """The stack that an Engine object belongs to, or empty text."""
    return labels_of(obj).get(NAMESPACE, "")


def is_bookkeeping(obj: Mapping[str, object]) -> bool:
    """Whether a config is a lock or a part of a revision: these belong to a stack, but are nothing that it uses."""
    labels = labels_of(obj)
    return LOCK in labels or RECORD in labels or PART in labels
