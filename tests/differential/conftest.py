"""Shared parts of the differential tests: the checkout as a collection, and the folder with the oracles."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = ROOT / ".cache" / "collections" / "ansible_collections" / "stackwright" / "swarm"
if not LINK.exists():
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.symlink_to(ROOT)
sys.path[:0] = [str(ROOT / ".cache" / "collections"), str(Path(__file__).parent)]


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = ROOT.parent / "shared"
    if not (folder / "oracle" / "compare.py").is_file():
        pytest.skip("the oracles (../shared) are not on this machine")
    sys.path.append(str(folder / "oracle"))
    return folder
