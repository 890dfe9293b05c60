"""A browser, and pages of reports in it. Skipped with a reason if there is none: `make browser` installs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import browsing


@pytest.fixture(scope="session")
def browser():
    missing = browsing.missing()
    if missing:
        pytest.skip(missing)
    with browsing.browser() as opened:
        yield opened
