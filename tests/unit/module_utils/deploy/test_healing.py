"""Healing records the revision's own snapshot, without values that the controller has sent."""

import json
from types import SimpleNamespace

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.intended import Intended
from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import kept_in
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.compare import Compared
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import Context
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.heal import _Healing


def test_values_that_a_vault_has_sent_are_not_recorded():
    snapshot = {
        "format": 1,
        "stack": {"name": "shop"},
        "services": [{"key": "web", "name": "shop_web", "spec": {}, "forced": 0}],
        "values": {"labels": {"web/A": "1-a"}, "store": {"store": "vault", "path": "v.yml"}},
    }
    sent = kept_in(snapshot, {"store": "vault", "path": "v.yml", "carried": {"a": "the secret"}})
    assert "the secret" in json.dumps(sent)
    intended = Intended(Revision("shop", number=3), sent)
    nothing = Compared((), (), {}, set(), {}, (), ())
    healing = _Healing(None, intended, Context("revision 3", "stackwright"), (), nothing)
    planned = SimpleNamespace(observed={"services": []}, plan=SimpleNamespace(operations=()))
    assert healing.record(planned) == snapshot
