"""Slow degradation in a record: fans, filters, cooling units, disks; how long they last, and when to mend them. Pure.

Given a trained maintenance model, it judges what it is better at; trends go through hourly medians and are judged by
`models.wear`, disks by `models.disk_wear`. Next: `report`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.disk_wear import Record, judge
from models.maintenance.features import CALLED, means, whole_days
from models.maintenance.serve import Served, past_of
from models.wear import WINDOW_H, Finding, trend
from models.windows import IntArray
from physics_files import quantities, tables
from physics_files.grid import Grid
from training.files.baseline import Floats

Strings = npt.NDArray[np.object_]
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
_DISKS: Final = ("disk", "drive", "device")
_HOSTS: Final = ("server", "host", "hostname", "thing")
# What stands for a disk where no column says which it is.
_ELSE: Final = (*_SERIALS, *_HOSTS, "name")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns of attributes by property, those that name a disk (its server's first), that of its serial number where
    it has one besides."""

    attributes: dict[str, str]
    names: list[str]
    serial: str | None


def find(grid: Grid, served: Served | None = None) -> list[Finding]:
    """Cooling units whose air or cooling per watt goes down; by the model where it is better than the trend."""
    found = [] if served is None else by_model(grid, served)
    judged = {CALLED[name] for name in served.serves} if served is not None else set()
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
            # What the model cannot know, as fans' speeds are not in the file, is left to the trend.
            known = per_fan if part == CALLED["air"] else per_watt
            if part in judged and np.isfinite(known[:, column]).any():
                continue
            hours, values = hourly(grid, series[:, column])
            end_ms = int(grid.time_ms[-1])
            finding = trend(unit, part, cause, hours=hours, values=values, end_ms=end_ms, begin_hour=when)
            if finding is not None:
                found.append(finding)
    return found


def by_model(grid: Grid, served: Served) -> list[Finding]:
    """What the maintenance model says of the hall's cooling units."""
    columns = {"airflow": grid.airflow, "supply": grid.supply, "back": grid.back, "speed": grid.fan,
               "power": grid.unit_power}  # fmt: skip
    per_hour = max(1, _HOUR_S // grid.step_s)
    # Whole hours, the newest last.
    count = grid.cells // per_hour
    hours = {}
    for name, values in columns.items():
        blocks = values[grid.cells - count * per_hour :].reshape(count, per_hour, -1)
        hours[name] = means(blocks, axis=1).T
    end_ms = int(grid.time_ms[-1]) + grid.step_s * 1000
    over = end_ms // 3_600_000 % 24
    days = {name: whole_days(values, over) for name, values in hours.items()}
    past = past_of("cooling", days, hours, end_day=over / 24.0)
    said = served.findings(grid.layout.unit_ids, past, end_ms=end_ms, begin_hour=quiet_hours(grid))
    return [one for of_unit in said.values() for one in of_unit]


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
    times = tables.epoch_ms(table[tables.time_column(table, name)], name)
    found = []
    for disk, order, numbers in _each(table, columns, times):
        values = {
            key: pd.to_numeric(table[column].iloc[order], errors="coerce").to_numpy(dtype=float)
            for key, column in columns.attributes.items()
        }
        told = np.any([np.isfinite(series) for series in values.values()], axis=0)
        serials = tuple(numbers[told]) if columns.serial is not None else ()
        series = {key: one[told] for key, one in values.items()}
        finding = judge(Record(times[order][told] / 3_600_000.0, series, serials), disk, "disk", calm_hour=2)
        if finding is not None:
            found.append(finding)
    return found


def _each(table: pd.DataFrame, columns: _Columns, times: IntArray) -> Iterator[tuple[str, IntArray, Strings]]:
    """(name, rows in order of time, their serial numbers) of each disk."""
    told = table[columns.names].notna().all(axis=1).to_numpy()
    names = table[columns.names].astype(str).agg("/".join, axis=1)
    serials = np.full(len(table), "", dtype=object)
    if columns.serial is not None:
        serials = table[columns.serial].fillna("").astype(str).str.strip().to_numpy(dtype=object)
    known = np.flatnonzero(told)
    for name, found in names[told].groupby(names[told].to_numpy()).indices.items():
        rows = known[found]
        order = rows[np.argsort(times[rows], kind="stable")]
        numbers = serials[order]
        if not _at_once(numbers):
            yield str(name), order, numbers
            continue
        # Disks of several servers that are called alike, and no column says which server.
        for number in dict.fromkeys(numbers[numbers != ""]):
            own = numbers == number
            yield f"{name} {number}", order[own], numbers[own]


def _at_once(serials: Strings) -> bool:
    """Whether one comes back after another: several disks at once, and not one in another's place."""
    known = serials[serials != ""]
    changes, different = int(np.count_nonzero(known[1:] != known[:-1])), len(set(known.tolist()))
    return different > 1 and changes >= different


def _columns(table: pd.DataFrame) -> _Columns | None:
    """None where there is no attribute, or no disk to have it."""
    by_name = {quantities.squeeze(str(column)): str(column) for column in table.columns}

    def named(spellings: tuple[str, ...]) -> str | None:
        return next((by_name[spelling] for spelling in spellings if spelling in by_name), None)

    known = {key: column for key, spellings in _SMART.items() if (column := named(spellings)) is not None}
    names = [column for column in (named(_HOSTS), named(_DISKS)) if column is not None]
    if named(_DISKS) is None:
        # Of a server with one disk, or a list of disks by their numbers.
        names = [column for column in (named(_ELSE),) if column is not None]
    if not set(known) - set(_BESIDE) or not names:
        return None
    serial = named(_SERIALS)
    return _Columns(known, names, None if serial in names else serial)


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
