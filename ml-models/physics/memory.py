"""The recent past of a room as a recording: what a calibration is made from. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

import numpy as np

from physics.laws import Floats
from physics.layout import Layout
from physics.recording import Recording
from physics.twin import Moment


class Memory:
    """Moments of one room, ``step_s`` apart, for ``kept_s``. A silence of a quarter of that begins it anew."""

    # What it keeps beside a moment, as :class:`physics.recording.Recording` has it.
    MORE: Final = ("fan", "unit_power", "delta_t")

    def __init__(self, layout: Layout, step_s: float, kept_s: float) -> None:
        self._step_s, self._kept = step_s, max(2, int(kept_s / step_s))
        self._moments: deque[tuple[Moment, Mapping[str, Floats]]] = deque(maxlen=self._kept)

    def __len__(self) -> int:
        return len(self._moments)

    @property
    def seconds(self) -> float:
        """How much there is (s)."""
        return len(self._moments) * self._step_s

    def add(self, moment: Moment, more: Mapping[str, Floats]) -> None:
        """Keep a moment, with :data:`MORE`, which a calibration needs beside it."""
        if self._moments:
            missed = round((moment.time_s - self._moments[-1][0].time_s) / self._step_s)
            if missed > self._kept / 4:
                self._moments.clear()
        self._moments.append((moment, more))

    def recording(self) -> Recording:
        """All of it on a regular grid, with gaps as NaN."""
        first = self._moments[0][0].time_s
        index = [round((moment.time_s - first) / self._step_s) for moment, _more in self._moments]
        size = index[-1] + 1

        def grid(values: list[Floats]) -> Floats:
            found = np.full((size, *values[0].shape), np.nan)
            found[index] = values
            return found

        moments = [moment for moment, _more in self._moments]
        others = {name: grid([more[name] for _m, more in self._moments]) for name in self.MORE}
        return Recording(
            time_s=first + self._step_s * np.arange(size, dtype=float),
            inlet=grid([moment.inlet for moment in moments]),
            power=grid([moment.power for moment in moments]),
            supply=grid([moment.supply for moment in moments]),
            return_=grid([moment.return_ for moment in moments]),
            airflow=grid([moment.airflow for moment in moments]),
            setpoint=grid([moment.setpoint for moment in moments]),
            fan=others["fan"],
            unit_power=others["unit_power"],
            delta_t=others["delta_t"],
        )
