# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of a run's options, which request/options.py explains. Imported for types only."""

from typing import Callable, Collection, Dict, FrozenSet, List, Mapping, Optional, Protocol, Sequence, TypedDict, Union

from typing_extensions import ReadOnly

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.kept_values import Values
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import Holder
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.scrub import Scrub
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Mask
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import Rule

class StoreOptions(TypedDict, total=False):
    """The store of kept values. The controller adds the data of its vault: ``carried`` to ``before``."""

    store: Optional[str]
    path: Optional[str]
    on_lost: Optional[str]
    regenerate: Optional[Sequence[str]]
    carried: Optional[Mapping[str, object]]
    where: Optional[str]
    number: Optional[int]
    made: Optional[Mapping[str, str]]
    before: Optional[Mapping[str, str]]
    encrypted: bool
    owner: str

class Logins(TypedDict):
    """The credentials for registries."""

    registry_auth: List[Mapping[str, str]]
    with_registry_auth: bool

class ThisRun(Protocol):
    """The data of this run for the lock: adapter/process_identity.py."""

    def __call__(self, operation: str, message: str, since: float, who: str) -> Holder: ...

class _Found(TypedDict, total=False):
    """Data that a run adds: the services to send again, and the kept values."""

    pull_again: FrozenSet[str]
    run_again: FrozenSet[str]
    binder: Values

class PlanOptions(TypedDict, total=False):
    """The options that planning/reconcile.py reads; a comparison needs only a few of them."""

    prune: ReadOnly[bool]
    recreate: ReadOnly[bool]
    adopt_secrets: ReadOnly[bool]
    resolve_image: ReadOnly[str]
    restart: ReadOnly[Sequence[str]]
    unused_networks: ReadOnly[Collection[str]]
    wait: ReadOnly[bool]
    pull_again: ReadOnly[FrozenSet[str]]
    run_again: ReadOnly[FrozenSet[str]]

class Options(Logins, _Found):
    """The options of a deployment with their defaults."""

    check: bool
    defer: bool
    prune: bool
    takes: Sequence[str]
    tell_routes: bool
    recreate: bool
    diff_configs: bool
    restart: Sequence[str]
    adopt_secrets: bool
    resolve_image: str
    wait: bool
    mode: str
    parallel: int
    timeout: float
    deadline: float
    stable_for: float
    max_restarts: int
    pending_for: float
    poll_interval: float
    pull: str
    pulls_at_once: int
    runs_at_once: int
    lock_timeout: float
    on_failure: Optional[str]
    snapshot: Sequence[str]
    snapshot_dest: str
    snapshot_quiesce: str
    snapshot_command: Sequence[str]
    snapshot_keep: int
    restore_snapshot: bool
    keep_revisions: int
    commit_message: str
    who: str
    rerun_jobs: bool
    back_to: int
    operation: str
    on_drift: str
    unused_networks: Collection[str]
    plan_id: str
    this_run: ThisRun
    is_gone: Callable[[Mapping[str, object]], bool]
    identity: Optional[Mapping[str, object]]
    prefix: str
    values: StoreOptions
    scrub: Scrub
    mask: Mask
    progress: Optional[Callable[[str], None]]
    detach: Optional[Callable[[], None]]

class DriftOptions(Options):
    heal: bool
    images: bool
    fail_on_drift: bool
    rules: Sequence[Rule]

class RollbackOptions(Options, total=False):
    to: Optional[int]

class ServiceOptions(Options, total=False):
    service: Union[str, Sequence[str]]
    state: str
    replicas: Optional[int]
    started_before: Optional[str]
    away_from: str

class CleanupOptions(Options, total=False):
    """``seen``: services whose containers the node had before; ``others``: whether other nodes follow."""

    services: bool
    configs: bool
    secrets: bool
    networks: bool
    volumes: bool
    volume_names: Sequence[str]
    values_path: Optional[str]
    images: bool
    history: bool
    dangling: bool
    break_lock: bool
    others: bool
    seen: Sequence[str]

class NodeOptions(Options, total=False):
    labels: Optional[Dict[str, object]]
    labels_mode: str
    availability: Optional[str]
    role: Optional[str]
    move: str
    unmovable: str
    wait_ready: bool
    engine_version: Optional[str]
    asked: Optional[Mapping[str, object]]

class RebalanceOptions(Options):
    services: Sequence[str]
    stacks: Sequence[str]
    dip: str
