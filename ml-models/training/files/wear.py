"""Slow degradation in a record: fans, filters, cooling units, disks; how long they last, and when to mend them. Pure.

Trends go through hourly medians and are judged by `models.wear`. Disks are judged by the SMART attributes that go
before failures (Pinheiro, Weber, Barroso 2007; Backblaze): reallocated, pending and uncorrectable sectors, reported
errors, wear. Next: `report`.
"""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
import pandas as pd

from models.wear import WINDOW_H, Finding, trend, window
from physics_files import quantities, tables
from physics_files.grid import Grid
from training.files.baseline import Floats

_HOUR_S: Final = 3600
# SMART attribute -> (spellings, count from which a disk is due, what it means).
_SMART: Final[dict[str, tuple[tuple[str, ...], float, str]]] = {
    "pendingSectors": (
        ("smart197", "currentpendingsector", "pendingsectors", "currentpendingsectors"),
        1.0,
        "sectors wait to be reallocated",
    ),
    "uncorrectable": (
        ("smart198", "offlineuncorrectable", "uncorrectable", "uncorrectablesectors"),
        1.0,
        "sectors cannot be read",
    ),
    "reportedErrors": (
        ("smart187", "reporteduncorrect", "reporteduncorrectable", "mediaerrors"),
        1.0,
        "errors could not be corrected",
    ),
    "reallocatedSectors": (
        ("smart5", "reallocatedsectorct", "reallocatedsectors", "reallocatedsectorcount"),
        50.0,
        "sectors were reallocated",
    ),
    "wear": (("percentageused", "wear", "wearlevel", "percentused"), 90.0, "its rated writes are used up"),
}
_DISK_COLUMNS: Final = ("disk", "drive", "device", "serial", "server", "host", "name", "thing")


def find(grid: Grid) -> list[Finding]:
    """Cooling units whose air or cooling per watt goes down."""
    found = []
    when = quiet_hours(grid)
    per_fan = grid.airflow / np.maximum(grid.fan, 5.0)
    heat = grid.airflow * (grid.back - grid.supply) * 1196.0
    per_watt = heat / np.maximum(grid.unit_power, 50.0)
    for column, unit in enumerate(grid.layout.unit_ids):
        for series, part, cause in (
            (per_fan if np.isfinite(per_fan[:, column]).any() else grid.airflow, "fan or filter",
             "less air for its fan speed: a clogged filter or a worn fan"),
            (per_watt, "refrigeration", "less heat removed per watt: fouled coil, low charge or a tired compressor"),
        ):  # fmt: skip
            hours, values = hourly(grid, series[:, column])
            end_ms = int(grid.time_ms[-1])
            finding = trend(unit, part, cause, hours=hours, values=values, end_ms=end_ms, begin_hour=when)
            if finding is not None:
                found.append(finding)
    return found


def disks(table: pd.DataFrame, name: str) -> list[Finding]:
    """Disks whose SMART attributes speak of failure; none where the table has no such attribute."""
    by_name = {quantities.squeeze(str(column)): str(column) for column in table.columns}
    columns = {key: next((by_name[s] for s in spec[0] if s in by_name), None) for key, spec in _SMART.items()}
    known = {key: column for key, column in columns.items() if column is not None}
    disk_column = next((by_name[s] for s in _DISK_COLUMNS if s in by_name), None)
    if not known or disk_column is None:
        return []
    times = tables.epoch_ms(table[tables.time_column(table, name)], name)
    found = []
    for disk, rows in table.groupby(disk_column).indices.items():
        order = rows[np.argsort(times[rows], kind="stable")]
        for key, column in known.items():
            values = pd.to_numeric(table[column].iloc[order], errors="coerce").to_numpy(dtype=float)
            finding = _disk(str(disk), key, values, times[order] / 3_600_000.0)
            if finding is not None:
                found.append(finding)
    return found


def hourly(grid: Grid, values: Floats) -> tuple[Floats, Floats]:
    """(hours since the beginning, medians of each hour) where there are any."""
    per_hour = max(1, _HOUR_S // grid.step_s)
    count = len(values) // per_hour
    blocks = values[: count * per_hour].reshape(count, per_hour)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        medians = np.nanmedian(blocks, axis=1)
    hours = np.arange(count) + 0.5
    known = np.isfinite(medians)
    return np.asarray(hours[known], dtype=float), np.asarray(medians[known], dtype=float)


def quiet_hours(grid: Grid) -> int:
    """The hour of the day (UTC) at which the calmest `WINDOW_H` hours of the hall begin."""
    hour = (grid.time_ms // 3_600_000) % 24
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        load = np.nanmean(grid.power, axis=1) if np.isfinite(grid.power).any() else np.zeros(grid.cells)
        by_hour = np.array([np.nanmean(load[hour == h]) if (hour == h).any() else np.nan for h in range(24)])
    if not np.isfinite(by_hour).all():
        return 2
    spans = [float(np.roll(by_hour, -h)[:WINDOW_H].mean()) for h in range(24)]
    return int(np.argmin(spans))


def _disk(disk: str, key: str, values: Floats, hours: Floats) -> Finding | None:
    known = np.isfinite(values)
    if not known.any():
        return None
    values, hours = values[known], hours[known]
    _, limit, meaning = _SMART[key]
    now, grown = float(values[-1]), float(values[-1] - values[0])
    if now <= 0 or (now < limit and grown <= 0):
        return None
    span = float(hours[-1] - hours[0])
    rate = grown / span if span > 1.0 else 0.0
    remaining = 0.0 if now >= limit else (limit - now) / rate if rate > 0 else None
    state = "due" if now >= limit and (grown > 0 or key in ("uncorrectable", "wear")) else "planned"
    spread = None if remaining is None else (0.5 * remaining, 2.0 * remaining)
    return Finding(
        disk,
        "disk",
        state,
        f"{now:g}: {meaning}",
        round(min(1.0, 0.5 + 0.5 * min(1.0, now / (4.0 * limit)) + (0.2 if grown > 0 else 0.0)), 4),
        None if remaining is None else round(remaining, 1),
        None if spread is None else round(spread[0], 1),
        None if spread is None else round(spread[1], 1),
        {"attribute": key, "value": now, "grown": grown, "hours": round(span, 1), "limit": limit},
        window(round(hours[-1] * 3_600_000), 2, 0.0 if state == "due" else None),
    )
