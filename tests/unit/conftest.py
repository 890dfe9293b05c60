"""Makes a plain checkout importable as ansible_collections.stackwright.swarm."""

import cProfile
import gc
import itertools
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
sys.path[:0] = [str(ROOT / ".cache" / "collections"), str(Path(__file__).parent)]

# Without a cache, two thirds of the collection phase would be compilation.
if sys.dont_write_bytecode:
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(ROOT / ".cache" / "pycache")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

#: Characters of a text in the name of a test.
LONGEST_ID = 80

# The same examples in every run, so a failure comes from the change; STACKWRIGHT_SEARCH=1 searches for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=2000, deadline=None)
settings.load_profile("search" if os.environ.get("STACKWRIGHT_SEARCH") == "1" else "steady")


# The garbage collector would search ten thousand collected tests again and again, and find nothing.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(100_000)
    gc.enable()


#: Seconds of CPU that a test may take without the mark slow. Twice the target, because machines differ.
MOST = 0.4


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    begin = sum(os.times()[:4])
    try:
        return (yield)
    finally:
        item.user_properties.append(("cpu", sum(os.times()[:4]) - begin))


def pytest_terminal_summary(terminalreporter) -> None:
    """Names slow tests without the mark. Does not fail them, because the machine may be busy."""
    for report in terminalreporter.stats.get("passed", ()):
        used = dict(report.user_properties).get("cpu", 0)
        # Tests directly in tests/unit read all files: developers need these rules while they work.
        if used > MOST and "slow" not in report.keywords and report.nodeid.count("/") > 2:
            terminalreporter.write_line(f"not marked as slow, but takes {used:.1f} s of CPU: {report.nodeid}")


NUMBERS = itertools.count()


@pytest.fixture
def tmp_path(tmp_path_factory):
    """A new folder. pytest's own fixture searches the folders of all earlier tests for a free number."""
    path = tmp_path_factory.getbasetemp() / str(next(NUMBERS))
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def calls():
    """Counts the Python calls of a function: a measure that does not depend on the machine's load."""

    def count(function):
        profile = cProfile.Profile(builtins=False)
        profile.runcall(function)
        return sum(entry.callcount for entry in profile.getstats() if not isinstance(entry.code, str))

    return count


def pytest_make_parametrize_id(val: object) -> str | None:
    """Shortens a long text in a test's name, which logs repeat, to its beginning and length."""
    if not isinstance(val, (str, bytes)) or len(val) <= LONGEST_ID:
        return None
    start = val[:LONGEST_ID].decode("ascii", "replace") if isinstance(val, bytes) else val[:LONGEST_ID]
    return f"{ascii(start)[1:-1]} and so on, {len(val)} in all"
