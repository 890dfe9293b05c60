import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import (
    forgotten,
    kept_references,
    newest_good,
    statistics,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision

STATUS = {
    "H": "HEALTHY",
    "U": "UNHEALTHY",
    "F": "FAILED",
    "C": "CANCELLED",
    "R": "REMOVED",
    "Q": "QUEUED",
    "D": "DEPLOYING",
}


def history(letters):
    """Returns revisions 1, 2, ...; x is damaged. Each refers to another config."""
    return [
        Revision(
            "shop",
            number=number,
            status=STATUS.get(letter, "HEALTHY"),
            damaged="broken" if letter == "x" else "",
            packed=b"snapshot",
            references=(("config", f"c{number}"), ("secret", "always")),
        )
        for number, letter in enumerate(letters, 1)
    ]


def numbers(revisions):
    return sorted(revision.number for revision in revisions)


@pytest.mark.parametrize(
    ("letters", "keep", "gone"),
    [
        ("", 3, []),
        ("HHH", 3, []),
        ("HHHH", 3, [1]),
        ("HUHU", 2, [1, 2]),
        ("HFHFH", 2, [1, 2]),
        ("HFFFFH", 2, [2, 3]),
        ("HFFFF", 1, [2, 3, 4]),
        ("FFFF", 2, [1, 2]),
        ("QHHH", 1, [2, 3]),
        ("DHHH", 1, [2, 3]),
        ("HxH", 2, []),
        ("xHH", 2, [1]),
        ("HCRH", 1, [1, 2, 3]),
        ("HHHH", 1, [1, 2, 3]),
    ],
)
def test_what_is_forgotten(letters, keep, gone):
    assert numbers(forgotten(history(letters), keep)) == gone


@pytest.mark.parametrize(
    ("letters", "keep", "kept"),
    [
        ("HHH", 2, [2, 3]),
        ("HHH", 1, [3]),
        ("HHH", 0, []),
        ("HFH", 2, [1, 3]),
        ("HxH", 2, [1, 2, 3]),
        ("HRH", 5, [3]),
        ("HHR", 5, []),
        ("HHD", 1, [2, 3]),
        ("DHH", 1, [3]),
        ("HHF", 1, [2]),
    ],
)
def test_what_kept_revisions_refer_to(letters, keep, kept):
    found = kept_references(history(letters), keep)
    assert found["config"] == {f"c{number}": [number] for number in kept}
    assert found["secret"] == ({"always": kept} if kept else {})


def test_the_newest_good_one():
    assert newest_good(history("HHF")).number == 2
    assert newest_good(history("HHF"), 2).number == 1
    assert newest_good(history("HxF"), 3).number == 1
    assert newest_good(history("FF")) is None


def test_statistics():
    past = [
        Revision("shop", number=1, status="HEALTHY", finished=100.0),
        Revision("shop", number=2, status="FAILED", restored="done", noticed=200.0, finished=204.0),
        Revision("shop", number=3, status="FAILED", restored="failed", noticed=300.0, finished=310.0),
        Revision("shop", number=4, status="FAILED", restored="none", finished=330.0),
        Revision("shop", number=5, status="HEALTHY", finished=360.0),
        Revision("shop", number=6, status="CANCELLED", finished=370.0),
        Revision("shop", number=7, status="FAILED", restored="none", finished=400.0),
        Revision("shop", number=8, status="DEPLOYING", started=500.0),
    ]
    assert statistics(past) == {
        "deployments": 6,
        "failed": 4,
        "cancelled": 1,
        "failure_rate": 0.667,
        "restored": 1,
        "not_restored": 1,
        "rollback_success": 0.5,
        "recoveries": 3,
        "time_to_recover": round((4 + 60 + 30) / 3, 1),
    }
    nothing = statistics([])
    assert nothing["failure_rate"] is nothing["rollback_success"] is nothing["time_to_recover"] is None
