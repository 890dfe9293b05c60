# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels and names that identify objects of a stack."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

#: Docker's labels: the stack of an object, and a service's image as in the file.
NAMESPACE = "com.docker.stack.namespace"
IMAGE = "com.docker.stack.image"
#: The default prefix of this collection's labels.
DEFAULT_PREFIX = "stackwright"
#: The former default, which is still read.
OLD_PREFIX = "zane"

#: On configs and secrets: a digest of the content, keyed for secrets.
CONTENT = "stackwright.content"
#: The Docker config that holds the cluster's key for the digests of secrets.
KEY_CONFIG = "stackwright.key"
#: The Docker secret whose label of this name is the record of routes (routing/book.py).
ROUTE_BOOK = "stackwright.routes"
#: The prefix of bookkeeping labels, which the user did not set.
PRIVATE = "stackwright."

#: The stack of a lock or a revision. Revisions have only this label, not Docker's: runs without changes don't read
#: them, and ``docker stack rm`` leaves them.
STACK = "stackwright.stack"
#: PROJECT/ENVIRONMENT/NAME on a lock, a revision and kept values: the owner, because several stacks can have the name
#: in STACK (owner.py).
OWNER = "stackwright.owner"
#: JSON on the lock: its holder, and when it expires.
LOCK = "stackwright.lock"
#: JSON on the first config of a revision: everything except its snapshot.
RECORD = "stackwright.revision"
#: The id of the run, on each further config of a revision: the rest of a snapshot that does not fit in the first.
PART = "stackwright.part"
#: On a version of a secret or config without a stack: its name for users (tasks/objects.py).
OBJECT = "stackwright.object"
#: On a service whose tasks are leaving a node: the node's id, as long as our constraint keeps them away.
MOVING = "stackwright.moving"
#: On a config or secret that only kept revisions need: one of them. Only a run with changes checks it again.
KEPT = "stackwright.kept"

#: On a job that only makes a node pull an image: the stack whose run created it (pulling/).
PULL = "stackwright.pull"

#: On a network that replaces another one: the name in the file.
BASE = "stackwright.base"

#: On the job of a step of ``pre_start``: SERVICE/NUMBER.
STEP = "stackwright.step"
#: On the containers of a service: a digest of its steps. On the job of a step: a digest of the whole service.
PRE_START = "stackwright.pre-start"

#: On a service in the middle of a hand-over of ports: its former EndpointSpec, as JSON (transitions/hand_over.py).
HANDING_OVER = "stackwright.handing-over"

#: On a stopped service, after the label prefix: its former number of replicas, or "global".
BEFORE_STOP = "-replicas-before-stop"
#: On a service whose update is paused, after the label prefix: the former delay between its batches, in nanoseconds.
HELD = "-delay-before-pause"
#: On a service, after the label prefix: when a job runs. Its other labels begin with ``.cron.`` too.
CRON, SCHEDULE = ".cron.", ".cron.schedule"
#: On a job on a schedule: its last runs, as JSON (swarm/scheduled.py). Written with each run.
CRON_RUNS = "stackwright.cron"
#: On a service, after the label prefix: its fields that other programs own.
LEAVE = ".leave"
#: On a service, after the label prefix: the bounds of its number of replicas (autoscale.py).
AUTOSCALE = ".autoscale"
#: All our labels named PREFIX-WORD; a user may have others with this prefix.
TRACKING = (
    *("-managed", "-stack", "-project", "-environment"),
    *("-service", "-network", "-config", "-secret", "-volume"),
    *(BEFORE_STOP, HELD),
)
#: The constraint of a stopped global service: no node has this id.
NOWHERE = "node.id==stopped"


def labels_of(obj: Mapping[str, Any]) -> Dict[str, str]:
    """Returns the labels of an Engine object: a network has them at the top, all others in Spec."""
    spec = obj.get("Spec")
    return (spec if isinstance(spec, dict) else obj).get("Labels") or {}


def spellings(prefix: str) -> Tuple[str, ...]:
    """Returns the prefixes under which our labels are read: the given one, and the other default."""
    if prefix not in (DEFAULT_PREFIX, OLD_PREFIX):
        return (prefix,)
    return (prefix, OLD_PREFIX if prefix == DEFAULT_PREFIX else DEFAULT_PREFIX)


def ours_in(labels: Mapping[str, str], prefix: str, word: str) -> str:
    """Returns the value of our label PREFIX + ``word`` under any spelling of the prefix; empty if there is none."""
    return next((labels[start + word] for start in spellings(prefix) if start + word in labels), "")


def name_of(obj: Mapping[str, object]) -> str:
    """Returns the name of an Engine object."""
    spec = obj.get("Spec")
    return str((spec if isinstance(spec, dict) else obj).get("Name") or "")


def id_of(obj: Mapping[str, object]) -> str:
    """Returns the id of an Engine object; networks spell it ``Id``."""
    return str(obj.get("ID") or obj.get("Id") or "")


def stack_of(obj: Mapping[str, object]) -> str:
    """Returns the stack of an Engine object; empty if it has none."""
    return labels_of(obj).get(NAMESPACE, "")


def is_bookkeeping(obj: Mapping[str, object]) -> bool:
    """Whether a config is a lock or a part of a revision: the stack owns it, but no service uses it."""
    labels = labels_of(obj)
    return LOCK in labels or RECORD in labels or PART in labels
