"""Recorded history on a regular grid: what training reads, wherever it came from. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from training.expected import Measured


class HistoryError(Exception):
    """History that cannot be used: what was found, and what was expected."""


@dataclass(frozen=True)
class History:
    """`values`: float32 [cells, things, channels], oldest first, NaN where nothing was recorded.

    Cell i begins at `start_ms + i * cell_s * 1000` (epoch ms UTC) and holds its newest reading. `rooms`: the room of
    each thing, since things of one room share their cooling. `origin` says where it all came from, for the card.
    `measured`: rooms of which all is known that a twin needs to follow them.
    """

    start_ms: int
    cell_s: int
    things: list[str]
    rooms: list[str]
    channels: list[str]
    values: npt.NDArray[np.float32]
    origin: dict[str, Any]
    measured: dict[str, Measured] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        """Length in cells."""
        return int(self.values.shape[0])

    @property
    def hours(self) -> float:
        """Length in hours."""
        return self.cells * self.cell_s / 3600

    def filled(self, channels: int | None = None) -> float:
        """Share of cells that hold a value, of the first `channels` (all when left out)."""
        values = self.values[:, :, :channels]
        return float(np.mean(np.isfinite(values))) if values.size else 0.0
