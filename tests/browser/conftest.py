"""A browser for pages of reports. Tests are skipped with a reason without it: `make browser` installs it."""

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
