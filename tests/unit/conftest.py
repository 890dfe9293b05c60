"""Makes a plain checkout importable as ansible_collections.stackwright.swarm."""

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[2]
LINK = ROOT / ".cache" / "collections" / "ansible_collections" / "stackwright" / "swarm"
if not LINK.exists():
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.symlink_to(ROOT)
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

#: Characters of a text in the name of a test.
LONGEST_ID = 80

# The same examples in every run, so that a failure is the change's own; STACKWRIGHT_SEARCH=1 looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=2000, deadline=None)
settings.load_profile("search" if os.environ.get("STACKWRIGHT_SEARCH") == "1" else "steady")


# The collector looks through ten thousand tests again and again while they are collected, and finds nothing.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture
def calls():
    """Counts the Python calls that a function makes: work that no other load of the machine changes."""

    def count(function):
        counted = 0

        def one(_frame, event, _argument):
            nonlocal counted
            counted += event == "call"

        before = sys.getprofile()
        sys.setprofile(one)
        try:
            function()
        finally:
            sys.setprofile(before)
        return counted

    return count


def pytest_make_parametrize_id(val: object) -> str | None:
    """A long text has its beginning and its length in a test's name, which logs repeat. Others: as pytest does it."""
    if not isinstance(val, (str, bytes)) or len(val) <= LONGEST_ID:
        return None
    start = val[:LONGEST_ID].decode("ascii", "replace") if isinstance(val, bytes) else val[:LONGEST_ID]
    return f"{ascii(start)[1:-1]} and so on, {len(val)} in all"
