"""Beds and stack names for fixtures of tests. A stuck bed is reported, and replaced before the next test.

A conftest imports the functions for its fixtures, and the hooks: ``from testbed.for_tests import *``.
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

#: Whether beds stay up at the end for the next run.
KEEP = os.environ.get("STACKWRIGHT_KEEP_BED") == "1"
TROUBLE = "trouble of a bed"
#: The slowest tests of `make integration`, as the end of a run shows them; the figures need not be exact.
DURATIONS = Path(__file__).resolve().parents[1] / "integration" / "durations.txt"
#: The beds of current fixtures, and why one of them must be replaced.
_up: list[Bed] = []
_stuck: list[str] = []
#: Notes for the summary that don't need another bed.
_notes: list[str] = []


def engine() -> str:
    """Returns the Engine version that the environment sets: 20.10, 26.1 or 28.5."""
    return os.environ.get("STACKWRIGHT_TEST_ENGINE", engines.DEFAULT)


def prefix_of(part: str = "") -> str:
    """Returns a bed's prefix: STACKWRIGHT_TEST_BED (default "pytest"), the worker of pytest-xdist, and ``part``."""
    parts = [os.environ.get("STACKWRIGHT_TEST_BED", "pytest"), os.environ.get("PYTEST_XDIST_WORKER", ""), part]
    return "-".join(part for part in parts if part)


@contextlib.contextmanager
def bed_for(part: str = "", keep: bool = False, **how: object) -> Iterator[Bed]:
    """A bed for a fixture; ``how`` as in ``Bed.up``. If it can't be started, it is tried once more from nothing.

    ``keep``: it may stay up for the next run, if STACKWRIGHT_KEEP_BED is set and no bed is stuck.
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
    """Returns a unique stack name for a test: the test's own name, shortened, and a hash of its id."""
    node_id = re.sub(r"@[\w.]+\Z", "", node_id)  # the group, which pytest-xdist adds
    digest = hashlib.sha256(node_id.encode()).hexdigest()[:7]
    words = re.sub(r"[^a-z0-9]+", "-", node_id.rpartition("::")[2].removeprefix("test_").lower())
    return f"{words[: longest - 8].strip('-')}-{digest}"


@contextlib.contextmanager
def scope_for(bed: Bed, request: pytest.FixtureRequest, longest: int = 30) -> Iterator[StackScope]:
    """The Swarm of ``bed`` with a stack name for this test. Objects whose names begin with it are removed at the end.

    If an object can't be removed, no test fails: the bed is replaced.
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
    """For ``--dist loadgroup``: tests that share a fixture of their module stay together, unless they name a group.
    Any other test goes to any bed.

    The longest tests begin first, so that no bed works for minutes while the others are idle.
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
    """Returns the seconds of the tests in DURATIONS, by file name and test name."""
    lines = re.findall(r"^ *([\d.]+)s \w+ +\S*?(test_\w+\.py::.*?)(?:@[\w.]+)?$", DURATIONS.read_text(), re.M)
    found: dict[str, float] = {}
    for seconds, name in lines:
        found[name] = found.get(name, 0) + float(seconds)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[object]:
    """After any failure, the next test gets healthy beds."""
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
    """If a bed is stuck, all fixtures and their beds end with this test. The next test gets new ones."""
    try:
        return (yield)
    finally:
        if _stuck:
            item.user_properties.append((TROUBLE, f"{'; '.join(_stuck)}. It is replaced after {item.nodeid}."))
            try:
                item.session._setupstate.teardown_exact(None)
            except Exception as error:  # for example of fixtures whose Engine does not answer
                item.user_properties.append((TROUBLE, f"at the end of the fixtures: {error!r}"))
            _stuck.clear()
        item.user_properties.extend((TROUBLE, note) for note in _notes)
        _notes.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Reports every bed with trouble once."""
    notes = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            notes += [text for name, text in getattr(report, "user_properties", []) if name == TROUBLE]
    for text in dict.fromkeys(notes):
        terminalreporter.write_line(f"test bed: {text}", yellow=True)
