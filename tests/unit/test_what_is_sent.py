"""The size of a module with its files of the collection, as Ansible's builder finds them, also inside functions."""

import ast
from pathlib import Path

import parsed

ROOT = Path(__file__).resolve().parents[2] / "plugins"
OURS = "ansible_collections.stackwright.swarm.plugins."


def imported(path):
    for node in parsed.nodes(path.read_text()):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(OURS):
            base = ROOT / node.module[len(OURS) :].replace(".", "/")
            for name in node.names:
                yield from (found for found in (base.with_suffix(".py"), base / f"{name.name}.py") if found.exists())


def reached(module):
    found, waiting = set(), [ROOT / "modules" / f"{module}.py"]
    while waiting:
        for path in set(imported(waiting.pop())) - found:
            found.add(path)
            waiting.append(path)
    return found


def test_a_run_without_changes_sends_little():
    """The target is 45 files and 5,500 lines."""
    sent = reached("stack_glance")
    assert 10 < len(sent) <= 25
    assert sum(len(path.read_text().splitlines()) for path in sent) <= 2500
