"""The bed of the integration tests, and a count of the injected faults by outcome at the end of the run."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from integration import conftest
from integration.conftest import (
    bed,
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
    pytest_runtest_teardown,
    swarm,
)

__all__ = ["bed", "pytest_collection_modifyitems", "pytest_runtest_makereport", "pytest_runtest_teardown", "swarm"]


def pytest_terminal_summary(terminalreporter):
    conftest.pytest_terminal_summary(terminalreporter)
    counts: dict[str, int] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", []):
                if name.startswith("faults: ") and report.when == "teardown":
                    ended = name.partition(": ")[2]
                    counts[ended] = counts.get(ended, 0) + value
    if counts:
        ways = ", ".join(f"{number} {ended}" for ended, number in sorted(counts.items()))
        terminalreporter.write_line(f"faults: {sum(counts.values())} cases, {ways}")
