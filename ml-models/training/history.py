"""Recorded history on a regular grid: what training reads, wherever it came from. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


class HistoryError(Exception):
    """History that cannot be used: what was found, and what was expected."""


@dataclass(frozen=True)
class History:
    """`values`: float32 [cells, things, channels], oldest first, NaN where nothing was recorded.

    Cell i begins at `start_ms + i * cell_s * 1000` (epoch ms UTC) and holds its newest reading. `rooms`: the room of
    each thing, since things of one room share their cooling. `origin` says where it all came from, for the card.
    """

    start_ms: int
    cell_s: int
    things: list[str]
    rooms: list[str]
    channels: list[str]
    values: npt.NDArray[np.float32]
    origin: dict[str, Any]

    @property
    def cells(self) -> int:
        """Length in cells."""
        return int(self.values.shape[0])

    @property
    def hours(self) -> float:
        """Length in hours."""
        return self.cells * self.cell_s / 3600

    def filled(self) -> float:
        """Share of cells that hold a value."""
        return float(np.mean(np.isfinite(self.values))) if self.values.size else 0.0
