"""Fixtures for tests against a real Swarm: ``bed`` (for the session) and ``swarm`` (a stack name for a test).

The environment chooses the bed: STACKWRIGHT_TEST_ENGINE (20.10, 26.1 or 28.5; default 20.10),
STACKWRIGHT_TEST_NODES (default 1; with 2 one worker, with 3 and more three managers and workers for the rest),
STACKWRIGHT_TEST_BED (prefix, default "pytest"), STACKWRIGHT_KEEP_BED=1 (keeps it up at the end).
"""

from __future__ import annotations

import http.server
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from testbed import Bed, BedError, for_tests
from testbed.for_tests import (
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
    pytest_runtest_teardown,
    pytest_terminal_summary,
)
from testbed.swarm import StackScope


@pytest.fixture(scope="session")
def bed() -> Iterator[Bed]:
    """The bed that the environment selects. A running one with the same prefix and shape is reused."""
    if os.geteuid() != 0:
        pytest.skip("the test bed needs root: it starts engines")
    nodes = int(os.environ.get("STACKWRIGHT_TEST_NODES", "1"))
    managers = 1 if nodes < 3 else 3
    with for_tests.bed_for(keep=True, managers=managers, workers=nodes - managers) as made:
        yield made


@pytest.fixture
def swarm(bed: Bed, request: pytest.FixtureRequest) -> Iterator[StackScope]:
    """The bed's Swarm with a stack name for this test. Objects whose names begin with it are removed at the end."""
    with for_tests.scope_for(bed, request) as scope:
        yield scope


class Received(list):
    """The messages that a receiver got."""

    def __init__(self) -> None:
        super().__init__()
        self._more = threading.Condition()

    def append(self, message: object) -> None:
        with self._more:
            super().append(message)
            self._more.notify_all()

    def first(self, seconds: float) -> object:
        """Waits for the first message and returns it."""
        with self._more:
            assert self._more.wait_for(lambda: len(self), seconds), f"no message came within {seconds} s"
            return self[0]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Received]]:
    """The address of a receiver of notifications, and the messages that it got."""
    got = Received()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", got
        server.shutdown()
        thread.join()


__all__ = [
    "BedError",
    "bed",
    "pytest_collection_modifyitems",
    "pytest_runtest_makereport",
    "pytest_runtest_teardown",
    "pytest_terminal_summary",
    "receiver",
    "swarm",
]
