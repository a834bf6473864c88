"""What a work is, and what comes of it."""

from dataclasses import dataclass, field
from typing import Callable


@dataclass
class Figures:
    unit: str
    peer: str
    ours: list = field(default_factory=list)
    theirs: list = None  # None: no peer at hand
    layers: int = 0      # 0: those of the folder
    settings: str = ""


@dataclass
class Work:
    name: str
    type: str
    goal: str
    measure: Callable
