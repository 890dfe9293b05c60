"""Beds and stacks' names as fixtures of tests. A bed that is stuck is told of, and replaced before the next test.

A conftest imports the fixtures that it wants and the hooks: ``from testbed.for_tests import *``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import engines
from .bed import Bed
from .paths import BedError
from .swarm import StackScope

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_runtest_makereport",
    "pytest_runtest_teardown",
    "pytest_terminal_summary",
]

#: Whether beds stay up at the end, for the next run.
KEEP = os.environ.get("STACKWRIGHT_KEEP_BED") == "1"
TROUBLE = "trouble of a bed"
#: The slowest tests of a run of `make integration`, as its end shows them; each stays true for long enough.
DURATIONS = Path(__file__).resolve().parents[1] / "integration" / "durations.txt"
#: The beds of fixtures that are up now, and why one of them is to be replaced.
_up: list[Bed] = []
_stuck: list[str] = []
#: What is told in the summary, but needs no other bed.
_notes: list[str] = []


def engine() -> str:
    """The engine that the environment asks for: 20.10, 26.1 or 28.5."""
    return os.environ.get("STACKWRIGHT_TEST_ENGINE", engines.DEFAULT)


def prefix_of(part: str = "") -> str:
    """A bed's prefix: STACKWRIGHT_TEST_BED (default "pytest"), the worker of pytest-xdist, and ``part``."""
    parts = [os.environ.get("STACKWRIGHT_TEST_BED", "pytest"), os.environ.get("PYTEST_XDIST_WORKER", ""), part]
    return "-".join(part for part in parts if part)


@contextlib.contextmanager
def bed_for(part: str = "", keep: bool = False, **how: object) -> Iterator[Bed]:
    """A bed for a fixture; ``how`` as in ``Bed.up``. One that does not come up is tried once more, from nothing.

    ``keep``: it may stay up for the next run, where that is asked for and nothing is wrong with it.
    """
    prefix = prefix_of(part)
    assert prefix not in [bed.prefix for bed in _up], f"another fixture's bed has the prefix {prefix}"
    how.setdefault("engine", engine())
    try:
        made = Bed.up(prefix, **how)
    except BedError as error:
        _notes.append(f"{prefix} did not come up and was tried once more: {error}")
        made = Bed.up(prefix, **how)
    _up.append(made)
    try:
        yield made
    finally:
        _up.remove(made)
        if _stuck or not (keep and KEEP):
            made.down()


def name_of(node_id: str, longest: int = 30) -> str:
    """A stack's name that no other test has: the test's own, cut, and a hash of all that identifies it."""
    node_id = re.sub(r"@[\w.]+\Z", "", node_id)  # the group, which pytest-xdist adds
    digest = hashlib.sha256(node_id.encode()).hexdigest()[:7]
    words = re.sub(r"[^a-z0-9]+", "-", node_id.rpartition("::")[2].removeprefix("test_").lower())
    return f"{words[: longest - 8].strip('-')}-{digest}"


@contextlib.contextmanager
def scope_for(bed: Bed, request: pytest.FixtureRequest, longest: int = 30) -> Iterator[StackScope]:
    """The Swarm of ``bed`` with a stack's name of the test's own; what begins with that name is removed at the end.

    What can't be removed fails no test: the bed is replaced.
    """
    scope = StackScope(bed, name_of(request.node.nodeid, longest))
    if KEEP:  # by an earlier run
        scope.remove()
    yield scope
    try:
        for node in bed.nodes.values():
            if not node.is_up:
                bed.start(node.name)
        bed.wait_ready()
        scope.remove()
    except (BedError, OSError) as error:
        _stuck.append(f"{bed.prefix} (engine {bed.engine}) is stuck: {error}")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For ``--dist loadgroup``: tests that share a fixture of their module stay together, where they name no group of
    their own; any other goes to any bed.

    What takes longest begins first, so that no bed is at work for minutes when the others have nothing left to do.
    """
    units: dict[pytest.Item, str] = {}
    seconds: dict[str, float] = {}
    recorded = _recorded()
    for item in items:
        fixtures = getattr(item, "_fixtureinfo", None)
        found = fixtures.name2fixturedefs.values() if fixtures else []
        mark = item.get_closest_marker("xdist_group")
        units[item] = mark.args[0] if mark else item.nodeid
        if not mark and any(definitions[-1].scope in ("module", "class", "package") for definitions in found):
            units[item] = str(item.path.name)
            item.add_marker(pytest.mark.xdist_group(units[item]))
        seconds[units[item]] = seconds.get(units[item], 0) + recorded.get(f"{item.path.name}::{item.name}", 0)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: -seconds[units[item]])


def _recorded() -> dict[str, float]:
    """Seconds of the tests in DURATIONS, each by its file's name and its own."""
    lines = re.findall(r"^ *([\d.]+)s \w+ +\S*?(test_\w+\.py::.*?)(?:@[\w.]+)?$", DURATIONS.read_text(), re.M)
    found: dict[str, float] = {}
    for seconds, name in lines:
        found[name] = found.get(name, 0) + float(seconds)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[object]:
    """After a failure, whatever it was, the next test gets beds that are healthy."""
    report = yield
    if report.failed:
        for bed in _up:
            healthy = False
            with contextlib.suppress(BedError, OSError):
                healthy = bed.is_healthy()
            if not healthy:
                _stuck.append(f"{bed.prefix} (engine {bed.engine}) is not healthy after a failure")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[object]:
    """Where a bed is stuck all fixtures end with this test, and their beds with them; the next test gets new ones."""
    try:
        return (yield)
    finally:
        if _stuck:
            item.user_properties.append((TROUBLE, f"{'; '.join(_stuck)}. It is replaced after {item.nodeid}."))
            try:
                item.session._setupstate.teardown_exact(None)
            except Exception as error:  # of fixtures whose engine does not answer, for one
                item.user_properties.append((TROUBLE, f"at the end of the fixtures: {error!r}"))
            _stuck.clear()
        item.user_properties.extend((TROUBLE, note) for note in _notes)
        _notes.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tells of every bed that gave trouble, once."""
    told = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            told += [text for name, text in getattr(report, "user_properties", []) if name == TROUBLE]
    for text in dict.fromkeys(told):
        terminalreporter.write_line(f"test bed: {text}", yellow=True)
