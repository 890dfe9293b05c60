"""Rollouts in the history: which one goes on, and what undoing one means."""

from __future__ import annotations

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.showing.rollouts import (
    gone,
    undoing,
    unfinished,
)


def revision(number, run="", status="HEALTHY", operation="deploy", back_to=0, restored="", **metadata):
    metadata = {f"registry_{name}": value for name, value in {"run": run, **metadata}.items() if value}
    return {
        "number": number,
        "status": status,
        "operation": operation,
        "back_to": back_to,
        "restored": restored,
        "who": "ann",
        "started": f"2026-01-01T00:00:{number:02}Z",
        "metadata": metadata,
    }


def stack(*revisions, name="shop", services=("web",)):
    return {"name": name, "revisions": list(reversed(revisions)), "services": list(services)}


MID = {"left": "apps", "checksum": "c"}


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [
        ([], ""),
        ([revision(1, "r1", checksum="c")], ""),
        ([revision(1, "r1", **MID)], "r1"),
        ([revision(1, "r1", **MID), revision(2, "r1", "FAILED", checksum="c")], "r1"),
        ([revision(1, "r1", "DEPLOYING", **MID)], "r1"),
        # Another registry, or another run since.
        ([revision(1, "r1", left="apps", checksum="d")], ""),
        ([revision(1, "r1", **MID), revision(2)], ""),
        ([revision(1, "r1", **MID), revision(2, "", "REMOVED", "remove")], ""),
        ([revision(1, "r0", checksum="b"), revision(2, "r1", **MID), revision(3, "r0", "HEALTHY", "rollback", 1)], ""),
    ],
)
def test_which_rollout_is_not_finished(revisions, expected):
    assert unfinished([stack(*revisions)], "c") == expected


def test_the_latest_of_all_stacks_counts():
    stacks = [stack(revision(3, "r1", **MID)), stack(revision(4, "r2", checksum="c"), name="b")]
    assert unfinished(stacks, "c") == ""
    assert unfinished(stacks[:1], "c") == "r1"


@pytest.mark.parametrize(
    ("revisions", "undo", "others", "lost"),
    [
        # Before the rollout there was a good revision, then a failed one.
        ([revision(1), revision(2, "", "FAILED"), revision(3, "r1"), revision(4, "r1")], [1], [], []),
        # Nothing of this rollout was left.
        ([revision(1), revision(2, "r1", "FAILED")], [], [], []),
        # The stack is new, or somebody else had made it without a history.
        ([revision(1, "r1", new="yes")], [0], [], []),
        ([revision(1, "r1")], [0], [], ["shop"]),
        ([revision(1), revision(2, "", "REMOVED", "remove"), revision(3, "r1", new="yes")], [0], [], []),
        # Another run since.
        ([revision(1), revision(2, "r1"), revision(3)], [1], [3], []),
        ([revision(1), revision(2, "r1"), revision(3), revision(4, "r1")], [1], [3], []),
        # ... that had nothing left to do after it had waited, or was rolled back, or broke off.
        ([revision(1), revision(2, "r1"), revision(3, "", "CANCELLED")], [1], [], []),
        ([revision(1), revision(2, "r1"), revision(3, "", "FAILED", restored="done")], [1], [], []),
        ([revision(1), revision(2, "r1"), revision(3, "", "FAILED", restored="failed")], [1], [3], []),
        ([revision(1), revision(2, "r1"), revision(3, "", "CANCELLED", restored="none")], [1], [3], []),
        ([revision(1), revision(2, "r1"), revision(3, "", "QUEUED")], [1], [3], []),
        # It is undone already, by a run that was killed then.
        ([revision(1), revision(2, "r1"), revision(3, "", "HEALTHY", "rollback", 1)], [], [], []),
        ([revision(1, "r1", new="yes"), revision(2, "", "REMOVED", "remove")], [], [], []),
        # ... and was tried again.
        ([revision(1), revision(2, "r1"), revision(3, "", "HEALTHY", "rollback", 1), revision(4, "r1")], [1], [], []),
    ],
)
def test_how_a_rollout_is_undone(revisions, undo, others, lost):
    found = undoing([stack(*revisions)], "r1")
    assert [entry["to"] for entry in found["undo"]] == undo
    assert [entry["number"] for entry in found["others"]] == others and found["lost"] == lost


def test_the_stack_that_changed_last_goes_back_first():
    stacks = [stack(revision(1), revision(number, "r1"), name=name) for name, number in (("a", 3), ("b", 5), ("c", 4))]
    assert [entry["stack"] for entry in undoing(stacks, "r1")["undo"]] == ["b", "c", "a"]


def test_stacks_of_categories_that_are_gone():
    stacks = [
        stack(revision(1, stack="shop/apps"), name="shop-apps"),
        stack(revision(1, stack="shop/old"), name="shop-old"),
        stack(revision(1, stack="shop/empty"), name="shop-empty", services=()),
        stack(revision(1, stack="shop-eu/old"), name="shop-eu-old"),
        stack(revision(1), name="shop-mine"),
        stack(name="shop-none"),
    ]
    assert gone(stacks, "shop", ["apps"]) == {"shop-old": "old"}
