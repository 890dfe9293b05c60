"""Templates in roles and playbooks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.y*ml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_list_keeps_its_order(path):
    """Ansible's set filters return another order in each run (ansible/plugins/filter/mathstuff.py)."""
    assert not re.findall(r"\|\s*(difference|intersect|symmetric_difference|union)\b", path.read_text())
