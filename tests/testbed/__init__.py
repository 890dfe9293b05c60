"""The test bed: real Swarms on one machine (README.md explains it)."""

from .bed import Bed
from .node import Node
from .paths import BedError

__all__ = ["Bed", "BedError", "Node"]
