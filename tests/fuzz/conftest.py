"""Makes a plain checkout importable as ansible_collections.stackwright.swarm, and the helper as ``fuzzing``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = ROOT / ".cache" / "collections" / "ansible_collections" / "stackwright" / "swarm"
if not LINK.exists():
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.symlink_to(ROOT)
sys.path[:0] = [str(ROOT / ".cache" / "collections"), str(Path(__file__).parent)]
