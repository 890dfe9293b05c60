"""Runs ansible-rulebook, and event sources without it."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import re
import runpy
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".cache" / "collections"
PLUGINS = COLLECTIONS / "ansible_collections/stackwright/swarm/extensions/eda/plugins"
PATIENCE = 120  # seconds for what comes within a few on a quiet machine


class Source:
    """An event source as ansible-rulebook runs it, in a thread of this process."""

    def __init__(self, name: str, **args: Any) -> None:
        main = runpy.run_path(str(PLUGINS / "event_source" / f"{name}.py"))["main"]
        self.told: queue.Queue[dict[str, Any]] = queue.Queue()
        self.events: list[dict[str, Any]] = []
        self.loop = asyncio.new_event_loop()
        self.task = self.loop.create_task(main(self, args))
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.loop.run_until_complete(asyncio.wait({self.task}))
        finally:
            self.loop.close()

    async def put(self, event: dict[str, Any]) -> None:
        self.told.put(event)

    def until(self, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The next event that is wanted; those before it are in ``events`` as well."""
        while True:
            try:
                event = self.told.get(timeout=PATIENCE)
            except queue.Empty:
                pytest.fail(f"not told; told were {self.events[-20:]}")
            self.events.append(event)
            if wanted(event):
                return event

    def comes(self, wanted: Callable[[dict[str, Any]], object], seconds: float) -> bool:
        """Whether the next event comes within ``seconds`` and is wanted."""
        try:
            event = self.told.get(timeout=seconds)
        except queue.Empty:
            return False
        self.events.append(event)
        return bool(wanted(event))

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


class Rulebook:
    """A process of ansible-rulebook with a rulebook of its own, or with one of the collection and its variables."""

    def __init__(
        self,
        folder: Path,
        rulebook: list[dict[str, Any]] | str,
        inventory: Path | None = None,
        variables: dict[str, Any] | None = None,
        **env: str,
    ) -> None:
        made = subprocess.run(["sh", ROOT / "tests/tools/rulebook_venv.sh"], capture_output=True, text=True)
        if made.returncode == 3:
            pytest.skip(made.stderr.strip())
        assert made.returncode == 0, made.stderr
        venv = Path(made.stdout.strip())
        if not isinstance(rulebook, str):
            (folder / "rulebook.yml").write_text(json.dumps(rulebook))
            rulebook = str(folder / "rulebook.yml")
        (folder / "rulebook_vars.yml").write_text(json.dumps(variables or {}))
        inventory = inventory or folder / "hosts"
        if not inventory.exists():
            inventory.write_text("localhost ansible_connection=local\n")
        path = f"{venv / 'bin'}:{os.environ['PATH']}"
        own = {"PATH": path, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "HOME": str(folder), **env}
        command = [venv / "bin/ansible-rulebook", "--rulebook", rulebook, "-i", inventory]
        command += ["--vars", folder / "rulebook_vars.yml"]
        self.lines: list[str] = []
        self._line = threading.Condition()
        self.process = subprocess.Popen(
            command, env={**os.environ, **own}, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._line:
                self.lines.append(line.rstrip())
                self._line.notify_all()

    def until(self, pattern: str, count: int = 1) -> str:
        """Waits for the ``count``-th line that matches."""
        with self._line:
            found = self._line.wait_for(lambda: self._matching(pattern)[count - 1 : count], PATIENCE)
        assert found, "\n".join(self.lines[-50:])
        return found[0]

    def saw(self, pattern: str, seconds: float) -> bool:
        """Whether such a line has come, or comes within ``seconds``."""
        with self._line:
            return bool(self._line.wait_for(lambda: self._matching(pattern), seconds))

    def _matching(self, pattern: str) -> list[str]:
        return [line for line in self.lines if re.search(pattern, line)]

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._reader.join(30)
