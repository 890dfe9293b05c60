"""Runs services_registry_compose in this process: its action plugin and its module, without Ansible between them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.stackwright.swarm.plugins.action.services_registry_compose import ActionModule
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import failure
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.options import REGISTRY_COMPOSE
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.steps import do_step

DEFAULTS = {name: spec.get("default") for name, spec in REGISTRY_COMPOSE.items()}


class InProcess(ActionModule):
    """The module gets what Ansible would hand to it; ``calls`` counts how often."""

    def __init__(self, options: dict[str, Any], check: bool = False, diff: bool = False) -> None:
        self.options = {**DEFAULTS, **options}
        self._task = SimpleNamespace(check_mode=check, diff=diff, no_log=False, action="services_registry_compose")
        self._connection = SimpleNamespace(transport="ssh", become=None)
        self.calls = 0
        self.between: Any = lambda: None

    def checked(self, spec: Any, engine: bool = True) -> dict[str, Any]:
        return self.options

    def _execute_module(self, module_name: str = "", module_args: Any = None, **_how: Any) -> dict[str, Any]:
        import json

        self.calls += 1
        if self.calls > 1:
            self.between()
        told = json.loads(module_args[COMPILED])
        try:
            return do_step(module_args, told, self._task.check_mode)
        except StackwrightError as error:
            return failure(error)


def run(
    tmp_path: Any, check: bool = False, diff: bool = False, between: Any = None, here: bool = False, **options: Any
) -> dict[str, Any]:
    """One task: ``services.registry.yaml`` of the folder, into ``out``. ``calls`` are those of the module.

    ``here``: the target is the controller.
    """
    given = {"src": str(tmp_path / "services.registry.yaml"), "dest": str(tmp_path / "out"), **options}
    action = InProcess(given, check, diff)
    action._connection.transport = "local" if here else "ssh"
    action.between = between or action.between
    return {**action.act({}, {}), "calls": action.calls}


def many(count: int) -> str:
    """A registry of ``count`` services in ten categories and phases, each with all that services mostly have."""
    lines = ["networks:", *(f"  net{n}: {{subnet: 10.{n}.0.0/24}}" for n in range(20)), "phases:"]
    lines += [f"  phase{n}: {{order: {n + 1}, timeout_seconds: 120}}" for n in range(10)]
    for category in range(10):
        lines.append(f"cat{category}:")
        for n in range(category, count, 10):
            lines += [
                f"  service{n}:", f"    image: registry.example.com/team/service{n}", f'    version: "1.{n}.0"',
                f"    container_name: service{n}", f"    subdomain: s{n}", "    port: 8000",
                f"    networks: [net{category}, net{category + 10}]", "    environment:",
                *(f'      VARIABLE_{k}: "${{VALUE_{k}:-{n}}}"' for k in range(12)),
                f"    volumes: ['data{n}:/data', './config/{n}:/config:ro']",
                *([f"    depends_on: [service{n - 10}]"] if n >= 10 else []),
                "    health_check: {type: http, port: 8000, path: /healthz, with: curl, interval: 30s, retries: 3}",
                '    resources: {memory: 512M, cpus: "0.5"}', f"    phase: phase{category}",
                f"    phase_order: {category + 1}",
            ]  # fmt: skip
    return "\n".join(lines) + "\n"
