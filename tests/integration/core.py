"""Deploys without Ansible: compiles a text and calls the transaction in this process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import (
    deploy_stack,
    remove_stack,
    stop_stack,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import change_service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

#: The networks of a stack that needs none: a network of its own costs each task half a second of CPU.
HOST = {"default": {"name": "host", "external": True}}
ON_HOST = f"networks: {json.dumps(HOST)}\n"


class Recording:
    """A transport that passes on and remembers; ``before`` and ``after`` (method, path) may break a call."""

    def __init__(self, connection: Connection) -> None:
        from ansible_collections.stackwright.swarm.plugins.module_utils.engine.unix import UnixTransport

        self.real = UnixTransport(connection.socket_path)
        self.seen: list[tuple[str, str]] = []
        self.before: Any = lambda method, path: None
        self.after: Any = lambda method, path: None

    def send(self, method, path, body, headers, bounds):
        short = path.split("?")[0]
        short = "/" + short.split("/", 2)[2] if short.startswith("/v1.") else short
        self.seen.append((method, short))
        self.before(method, short)
        answer = self.real.send(method, path, body, headers, bounds)
        self.after(method, short)
        return answer

    def close(self):
        self.real.close()


class Core:
    """One stack on one engine."""

    def __init__(self, docker_host: str, stack: str, folder: Path, **compiling: Any) -> None:
        self.connection = Connection(docker_host=docker_host, timeout=60)
        self.stack, self.folder = stack, folder
        self.clock: Any = SystemClock
        self.compiling = {"name": stack, **compiling}
        self.transport = Recording(self.connection)
        self.client = EngineClient(self.connection, self.transport)

    def compile(self, text: str, **compiling: Any) -> dict[str, Any]:
        request = CompileRequest(
            sources=[Source("compose.yml", text)],
            project_directory=str(self.folder),
            **{**self.compiling, **compiling},
        )
        return compile_stack(request, LocalFiles())

    def deploy(self, text: str, **options: Any) -> dict[str, Any]:
        """``state: present``; registries are not asked unless the test wants it."""
        return self.bring(self.compile(text), **options)

    def bring(self, desired: dict[str, Any], **options: Any) -> dict[str, Any]:
        """The same for what is compiled already."""
        return self._run(deploy_stack, desired, options)

    def stop(self, **options: Any) -> dict[str, Any]:
        return self._run(stop_stack, self.stack, options)

    def remove(self, **options: Any) -> dict[str, Any]:
        return self._run(remove_stack, self.stack, options)

    def back(self, to: int | None = None, **options: Any) -> dict[str, Any]:
        """stack_rollback."""
        return self._run(roll_back, self.stack, {"to": to, **options})

    def service(self, service: str, state: str, **options: Any) -> dict[str, Any]:
        """stack_service."""
        return self._run(change_service, self.stack, {"service": service, "state": state, **options})

    def drift(self, **options: Any) -> dict[str, Any]:
        """stack_drift; ``heal=True`` puts back what drifted."""
        given = {"rules": [], "images": False, "heal": False, "fail_on_drift": False, "prune": False}
        return self._run(stack_drift, self.stack, {**given, **options})

    def history(self) -> list[tuple[int, str]]:
        """The number and the status of each revision, oldest first."""
        revisions = History(self.client, self.clock, self.stack).read()
        return sorted((revision.number, revision.status) for revision in revisions)

    def _run(self, story: Any, what: Any, options: dict[str, Any]) -> dict[str, Any]:
        self.transport.seen.clear()
        self.client.calls = 0
        given = {"resolve_image": "never", "timeout": 60, "stable_for": 0.5, **options}
        return story(self.client, self.clock, what, given)

    @property
    def writes(self) -> list[tuple[str, str]]:
        """The calls of the last run that were no reads."""
        return [call for call in self.transport.seen if call[0] != "GET"]
