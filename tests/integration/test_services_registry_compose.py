"""services_registry_compose through ansible-playbook; what needs none is in tests/unit/plugin_utils/registry."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

REGISTRY = """
core:
  web: {image: example/web, version: 1.10, phase: core}
phases:
  core: {order: 1}
"""


@pytest.fixture
def player(tmp_path):
    """A host without an Engine: none is asked."""
    return Player(tmp_path, {"m1": "unix:///nowhere"}, {"services.registry.yaml": REGISTRY})


def task(player, **options):
    given = {"src": str(player.folder / "services.registry.yaml"), "dest": str(player.folder / "out"), **options}
    return {"services_registry_compose": given}


def test_the_twelve_steps(player):
    """Create, repeat, modify, repeat, remove, repeat: each in check mode and for real."""
    bare = REGISTRY.replace("1.10", "'1.11'")
    more = bare.replace("phases:", "  db: {image: example/db, version: '2', phase: core}\nphases:")
    steps = [
        (REGISTRY, ["web: new (example/web:1.10)"]),
        (REGISTRY, []),
        (more, ["web: 1.10 -> 1.11", "db: new (example/db:2)"]),
        (more, []),
        (bare, ["db: removed"]),
        (bare, []),
    ]
    for text, changes in steps:
        player.write("services.registry.yaml", text)
        before = seen(player.folder / "out")
        would = player.play(task(player), check=True, diff=True)
        assert would.code == 0, would.output
        assert seen(player.folder / "out") == before
        does = player.play(task(player), diff=True)
        assert does.code == 0, does.output
        for run in (would, does):
            assert (run.last["changed"], run.last["changes"]) == (bool(changes), changes)
        assert would.last.get("diff") == does.last.get("diff")
        assert all(line in does.output for line in changes)
        assert (seen(player.folder / "out") != before) is bool(changes)


def seen(folder):
    return {path: (path.read_bytes(), path.stat().st_ino) for path in folder.rglob("*") if path.is_file()}


def test_a_problem_is_readable_and_no_traceback(player):
    player.write("services.registry.yaml", REGISTRY.replace("phase: core}", "phase: cor}"))
    run = player.play(task(player))
    assert run.code != 0 and "Traceback" not in run.output
    path = player.folder / "services.registry.yaml"
    assert (
        f"{path}:3:" in run.output
        and "core.web.phase: the phase 'cor' is not defined (did you mean 'core'?)" in run.output
    )
    assert run.last["error_code"] == "invalid_registry" and run.last["problems"][0]["service"] == "web"
    odd = player.play(task(player, accept=["everything"]))
    assert odd.last["error_code"] == "invalid_options" and "phase_order" in odd.output


def test_defaults_of_the_group_for_all_modules(player):
    """The options of the Engine may be set for all modules at once."""
    text = f"""
- hosts: all
  gather_facts: false
  module_defaults:
    group/stackwright.swarm.swarm: {{docker_host: unix:///nowhere}}
  tasks:
    - stackwright.swarm.services_registry_compose:
        src: {player.folder}/services.registry.yaml
        dest: {player.folder}/out
"""
    run = player.playbook(player.write("defaults.yml", text))
    assert run.code == 0, run.output
