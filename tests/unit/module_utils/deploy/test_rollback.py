"""The target revision of a rollback."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import target_of


def past(*entries):
    """Each entry: a status, with other fields of the revision."""
    made = []
    for number, entry in enumerate(entries, 1):
        status, more = entry if isinstance(entry, tuple) else (entry, {})
        made.append(Revision("shop", number=number, **{"status": status, "packed": b"snapshot", **more}))
    return list(reversed(made))


@pytest.mark.parametrize(
    ("revisions", "target"),
    [
        (past("HEALTHY", "HEALTHY"), 1),
        (past("HEALTHY", "FAILED", "HEALTHY"), 1),
        (past("HEALTHY", "UNHEALTHY", "HEALTHY"), 2),
        # The failure was rolled back: the stack is as in 2.
        (past("HEALTHY", "HEALTHY", ("FAILED", {"restored": "done"})), 1),
        # It was not: 2 is the target.
        (past("HEALTHY", "HEALTHY", ("FAILED", {"restored": "failed"})), 2),
        (past("HEALTHY", "HEALTHY", ("FAILED", {"restored": "none"})), 2),
        # Runs of others that are active or were canceled don't count.
        (past("HEALTHY", "HEALTHY", "QUEUED", "CANCELLED"), 1),
        (past("HEALTHY", ("HEALTHY", {"damaged": "broken"}), "HEALTHY"), 1),
        # A rollback goes further back than the one before it.
        (past("HEALTHY", "HEALTHY", "HEALTHY", ("HEALTHY", {"back_to": 2})), 1),
    ],
)
def test_the_newest_good_one_before_the_present(revisions, target):
    assert target_of("shop", revisions, None).number == target


@pytest.mark.parametrize("number", [1, 2])
def test_a_number_is_taken_by_its_word(number):
    assert target_of("shop", past("UNHEALTHY", "HEALTHY"), number).number == number


@pytest.mark.parametrize(
    ("revisions", "to", "code", "words"),
    [
        ([], None, "no_revision", "The stack shop has no history in this Swarm."),
        ([], 3, "no_revision", "no history"),
        (past("HEALTHY"), None, "no_revision", "no good revision before the current one"),
        (past("FAILED", "FAILED"), None, "no_revision", r"There are 1 \(FAILED\) and 2 \(FAILED\)"),
        (past("HEALTHY", ("HEALTHY", {"back_to": 1})), None, "no_revision", "before the current"),
        (past("HEALTHY", "FAILED"), 7, "no_revision", r"has no revision 7; it has 1 and 2 \(FAILED\)"),
        (
            past("HEALTHY", ("FAILED", {"reason": "web\nlog"})),
            2,
            "revision_not_good",
            r"is FAILED \(web\): it is not a good",
        ),
        (past("HEALTHY", "CANCELLED"), 2, "revision_not_good", "is CANCELLED"),
        (past("HEALTHY", "QUEUED"), 2, "revision_not_good", "is QUEUED"),
        (past("HEALTHY", "DEPLOYING"), 2, "revision_not_good", "is DEPLOYING"),
        (past("HEALTHY", ("REMOVED", {"packed": b""})), 2, "revision_not_good", "is REMOVED"),
        (past(("HEALTHY", {"damaged": "a part is missing"})), 1, "revision_damaged", "is damaged: a part is missing"),
    ],
)
def test_what_there_is_no_way_back_to(revisions, to, code, words):
    with pytest.raises(DeployError, match=words) as caught:
        target_of("shop", revisions, to)
    assert caught.value.error_code == code
    assert "Nothing was changed." in caught.value.hint
