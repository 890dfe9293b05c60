"""Makes a plain checkout importable as ansible_collections.stackwright.swarm."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = ROOT / ".cache" / "collections" / "ansible_collections" / "stackwright" / "swarm"
if not LINK.exists():
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.symlink_to(ROOT)
sys.path.insert(0, str(ROOT / ".cache" / "collections"))
