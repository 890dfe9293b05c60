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


def run(tmp_path: Any, check: bool = False, diff: bool = False, between: Any = None, **options: Any) -> dict[str, Any]:
    """One task: ``services.registry.yaml`` of the folder, into ``out``. ``calls`` are those of the module."""
    given = {"src": str(tmp_path / "services.registry.yaml"), "dest": str(tmp_path / "out"), **options}
    action = InProcess(given, check, diff)
    action.between = between or action.between
    return {**action.act({}, {}), "calls": action.calls}
