"""The record of a bed: its processes, where any later run finds it, even after the checkout was deleted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .paths import BEDS, ROOT, RUN


@dataclass
class Record:
    """The record as plain data: one JSON file for each bed under /run."""

    prefix: str
    root: str
    tag: str
    folder: str
    engine: str
    subnet: int = 0
    nodes: dict[str, dict] = field(default_factory=dict)
    registries: dict[str, dict] = field(default_factory=dict)

    @property
    def run_folder(self) -> Path:
        return RUN / self.tag

    def save(self) -> None:
        self.run_folder.mkdir(parents=True, exist_ok=True)
        part = self.run_folder / "bed.json.part"
        part.write_text(json.dumps(asdict(self), indent=2, sort_keys=True))
        part.rename(self.run_folder / "bed.json")


def tag_of(prefix: str, root: Path = ROOT) -> str:
    """Returns a short tag, unique for each prefix and checkout: developers run beds side by side."""
    return hashlib.sha256(f"{root}\0{prefix}".encode()).hexdigest()[:6]


def new(prefix: str, engine: str) -> Record:
    return Record(prefix=prefix, root=str(ROOT), tag=tag_of(prefix), folder=str(BEDS / prefix), engine=engine)


def load(prefix: str) -> Record | None:
    return _read(RUN / tag_of(prefix))


def all_here() -> list[Record]:
    """Returns the records of this checkout, and of deleted checkouts."""
    found = [_read(folder) for folder in sorted(RUN.glob("*")) if folder.is_dir()]
    return [record for record in found if record and (record.root == str(ROOT) or not Path(record.root).exists())]


def _read(folder: Path) -> Record | None:
    try:
        return Record(**json.loads((folder / "bed.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
