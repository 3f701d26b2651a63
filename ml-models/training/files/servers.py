"""Recorded servers from a file: a row per time and server, with what a model of servers reads.

Power and utilisation for a model of power; temperatures of processor and inlet, and utilisation, for one of
temperature. Nothing of where they stand is asked for. Next: `learn`, as of a hall's racks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from models.definition import Definition
from physics_files import grid, power_fit, quantities, tables
from physics_files.readings import Floats, Times
from training.history import History, HistoryError

_COLUMNS: Final = {
    ("power", "power"): "power",
    ("cpu", "utilization"): "utilization",
    ("thermal", "cpuTemperature"): "cpuTemperature",
    ("thermal", "inletTemperature"): "inletTemperature",
}
_LEAST_GAPS: Final = 10


@dataclass(frozen=True)
class Servers:
    """Rows of a file by server, each in order of time (epoch ms): (times, columns by quantity; %, W and °C).
    `sampling_s`: the usual time between two rows of one server."""

    rows: dict[str, tuple[Times, dict[str, Floats]]]
    sampling_s: float

    def history(self, definition: Definition, name: str) -> History:
        """On the cells of a model, values held while they are not too old.

        Raises:
            HistoryError: the model reads what such files do not have, or none of what it forecasts is there.
        """
        wanted = _wanted(definition)
        step_ms = definition.resolution_s * 1000
        first = min(int(times[0]) for times, _ in self.rows.values()) // step_ms + 1
        last = max(int(times[-1]) for times, _ in self.rows.values()) // step_ms
        at_ms = np.arange(first, last + 1, dtype=np.int64) * step_ms
        hold_ms = round(max(2.5 * self.sampling_s * 1000, step_ms))
        values = np.full((len(at_ms), len(self.rows), len(definition.channels)), np.nan, dtype=np.float32)
        for thing, (times, columns) in enumerate(self.rows.values()):
            for number, quantity in enumerate(wanted):
                series = columns[quantity]
                known = np.isfinite(series)
                if known.any():
                    values[:, thing, number] = grid.held(times[known], series[known], at_ms, hold_ms)
        if not np.isfinite(values[:, :, definition.target_channels()]).any():
            missing = " and no ".join(wanted[channel] for channel in definition.target_channels())
            raise HistoryError(f"the file has no {missing}, which the model forecasts")
        return History(
            start_ms=int(first) * step_ms,
            cell_s=definition.resolution_s,
            things=list(self.rows),
            rooms=["hall"] * len(self.rows),
            channels=definition.channel_names,
            values=values,
            origin={"kind": "recorded", "site": name},
        )


def _wanted(definition: Definition) -> list[str]:
    """The quantity of each of a model's channels.

    Raises:
        HistoryError: the model reads what such files do not have.
    """
    for channel in definition.channels:
        if (channel.feature, channel.property) not in _COLUMNS:
            raise HistoryError(f"files of servers have no {channel.feature}/{channel.property}")
    return [_COLUMNS[channel.feature, channel.property] for channel in definition.channels]


def read(
    path: Path, definition: Definition, *, mapping: Mapping[str, str], units: Mapping[str, str], timezone: str
) -> Servers:
    """The file's servers, with what a model reads.

    Raises:
        FileProblem: no time, or a column that the model reads is missing; it says what to do.
        HistoryError: the model reads what such files do not have.
    """
    table = tables.read(path, mapping)
    names, found = power_fit.columns_of(table, path.name, units, wanted=_wanted(definition), names=quantities.SERVER)
    for quantity, (low, high) in ((name, quantities.RANGE[name]) for name in found):
        found[quantity] = np.where((found[quantity] >= low) & (found[quantity] <= high), found[quantity], np.nan)
    times = tables.epoch_ms(table[tables.time_column(table, path.name)], path.name, timezone)
    rows = {}
    for server in np.unique(names):
        mine = np.flatnonzero(names == server)
        mine = mine[np.argsort(times[mine], kind="stable")]
        rows[str(server)] = (times[mine], {quantity: values[mine] for quantity, values in found.items()})
    gaps = [np.diff(np.unique(times)) for times, _ in rows.values()]
    known = [float(np.median(each)) for each in gaps if len(each) >= _LEAST_GAPS]
    return Servers(rows, float(np.median(known)) / 1000.0 if known else 60.0)
