"""Slow degradation in a record: fans, filters, cooling units, disks; how long they last, and when to mend them. Pure.

Trends go through hourly medians and are judged by `models.wear`, disks by `models.disk_wear`. Next: `report`.
"""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
import pandas as pd

from models.disk_wear import Record, judge
from models.wear import WINDOW_H, Finding, trend
from physics_files import quantities, tables
from physics_files.grid import Grid
from training.files.baseline import Floats

_HOUR_S: Final = 3600
# Property of the catalogue's ``drive`` -> spellings of its column.
_SMART: Final[dict[str, tuple[str, ...]]] = {
    "pendingSectors": ("smart197", "smart197raw", "currentpendingsector", "pendingsectors", "currentpendingsectors"),
    "offlineUncorrectable": (
        "smart198", "smart198raw", "offlineuncorrectable", "uncorrectable", "uncorrectablesectors",
    ),
    "reportedUncorrectable": ("smart187", "smart187raw", "reporteduncorrect", "reporteduncorrectable"),
    "mediaErrors": ("mediaerrors",),
    "reallocatedSectors": (
        "smart5", "smart5raw", "reallocatedsectorct", "reallocatedsectors", "reallocatedsectorcount",
    ),
    "commandTimeouts": ("smart188", "smart188raw", "commandtimeout", "commandtimeouts"),
    "percentageUsed": ("percentageused", "wear", "wearlevel", "percentused"),
    "powerOnHours": ("smart9", "smart9raw", "poweronhours"),
    "availableSpare": ("availablespare",),
    "availableSpareThreshold": ("availablesparethreshold",),
    "criticalWarning": ("criticalwarning",),
}  # fmt: skip
# What says of the others only how old the disk is, or how much spare it should have.
_BESIDE: Final = ("powerOnHours", "availableSpareThreshold")
_SERIALS: Final = ("serial", "serialnumber")
_DISK_COLUMNS: Final = ("disk", "drive", "device", "serial", "serialnumber", "server", "host", "name", "thing")


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


def has_disks(table: pd.DataFrame) -> bool:
    """Whether a table tells of disks."""
    return _columns(table) is not None


def disks(table: pd.DataFrame, name: str) -> list[Finding]:
    """Disks whose SMART attributes speak of failure; none where the table has no such attribute.

    Raises:
        FileProblem: it has, and no times.
    """
    columns = _columns(table)
    if columns is None:
        return []
    known, disk_column, serial_column = columns
    times = tables.epoch_ms(table[tables.time_column(table, name)], name)
    found = []
    for disk, found_rows in table.groupby(disk_column).indices.items():
        rows = np.asarray(found_rows)
        order = rows[np.argsort(times[rows], kind="stable")]
        values = {
            key: pd.to_numeric(table[column].iloc[order], errors="coerce").to_numpy(dtype=float)
            for key, column in known.items()
        }
        told = np.any([np.isfinite(series) for series in values.values()], axis=0)
        serials = () if serial_column is None else tuple(table[serial_column].iloc[order[told]].fillna("").astype(str))
        series = {key: one[told] for key, one in values.items()}
        finding = judge(Record(times[order][told] / 3_600_000.0, series, serials), str(disk), "disk", calm_hour=2)
        if finding is not None:
            found.append(finding)
    return found


def _columns(table: pd.DataFrame) -> tuple[dict[str, str], str, str | None] | None:
    """Columns of attributes by property, that of the disk's name, that of its serial number where it has one besides;
    None where there is no attribute, or no disk to have it."""
    by_name = {quantities.squeeze(str(column)): str(column) for column in table.columns}

    def named(spellings: tuple[str, ...]) -> str | None:
        return next((by_name[spelling] for spelling in spellings if spelling in by_name), None)

    known = {key: column for key, spellings in _SMART.items() if (column := named(spellings)) is not None}
    disk = named(_DISK_COLUMNS)
    if not set(known) - set(_BESIDE) or disk is None:
        return None
    serial = named(_SERIALS)
    return known, disk, None if serial == disk else serial


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
