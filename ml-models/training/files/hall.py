"""A recorded hall from a file, with its layout or, without one, with the things that the file names.

Next: `learn`, `baseline`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pandas as pd

from physics import layout as layouts
from physics.layout import Layout, UnitPlace
from physics_files import grid as grids
from physics_files import layout_file, quantities, readings, tables
from physics_files.grid import Grid
from physics_files.problems import FileProblem

_THING_COLUMNS: Final = (
    "rack", "unit", "thing", "name", "device", "cabinet", "coolingunit", "crac", "crah", "id", "sensor",
)  # fmt: skip
_QUANTITY_COLUMNS: Final = ("quantity", "property", "variable", "metric", "measurement", "parameter")
# Quantities that only a cooling unit has.
_OF_UNITS: Final = ("supplyTemperature", "returnTemperature", "setpoint", "fanSpeed", "airflow")
_UNIT_NAME: Final = re.compile(r"crac|crah|cooling|ahu|hvac|\bunit\b|in-?row|acu", re.IGNORECASE)
_PITCH_M: Final = 0.6


def read(
    history: Path,
    layout: Path | None = None,
    *,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    timezone: str = "UTC",
    step_s: int | None = None,
) -> tuple[Grid, pd.DataFrame]:
    """The file on a regular grid, and the table it came from.

    Raises:
        FileProblem: something is wrong with a file; it says what and what to do.
    """
    table = tables.read(history, mapping or {})
    place = layout_file.load(layout) if layout is not None else guessed(table, history.name)
    found = readings.collect(table, place, history.name, units=units, timezone=timezone)
    return grids.make(found, place, step_s=step_s), table


def guessed(table: pd.DataFrame, name: str) -> Layout:
    """A layout of the things that the file names, their places unknown (a single row).

    Raises:
        FileProblem: it names none.
    """
    body = table.drop(columns=[tables.time_column(table, name)])
    racks, units = _in_rows(body) if _column(body, _THING_COLUMNS) else _in_columns(body)
    if not racks:
        raise FileProblem(
            f"{name}: no column says which rack a reading is of, and no column's name holds one",
            "name the column with --map rack=COLUMN, or bring a --layout",
        )
    try:
        made = layouts.assumed("hall", [(rack, "row", k * _PITCH_M, 8000.0) for k, rack in enumerate(racks)])
        places = tuple(
            UnitPlace(id=unit, x=0.6 + 2.0 * k, y=1.0, capacity_w=100_000.0, airflow_m3s=8.0)
            for k, unit in enumerate(units)
        )
        return layouts.from_dict({**made.as_dict(), "units": [*_dicts(places)]}) if units else made
    except layouts.LayoutError as error:
        raise FileProblem(f"{name}: {error}", "bring a --layout that names the racks") from error


def _dicts(units: tuple[UnitPlace, ...]) -> list[dict[str, object]]:
    return [{"id": u.id, "x": u.x, "y": u.y, "capacity_w": u.capacity_w, "airflow_m3s": u.airflow_m3s} for u in units]


def _in_rows(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Things of a long or tidy table."""
    thing_column = _column(table, _THING_COLUMNS)
    assert thing_column is not None
    names = table[thing_column].astype(str).str.strip()
    quantity_column = _column(table, _QUANTITY_COLUMNS)
    cooling: set[str] = set()
    if quantity_column is not None:
        for quantity in table[quantity_column].dropna().unique():
            if quantities.find(quantities.squeeze(str(quantity)), quantities.UNIT) in _OF_UNITS:
                cooling |= set(names[table[quantity_column] == quantity].unique())
    else:
        for column in table.columns:
            if (
                column != thing_column
                and quantities.find(quantities.squeeze(str(column)), quantities.UNIT) in _OF_UNITS
            ):
                cooling |= set(names[table[column].notna()].unique())
    every = [text for text in names.unique() if text not in ("", "nan", "None", "<NA>")]
    cooling |= {text for text in every if _UNIT_NAME.search(text)}
    return sorted(text for text in every if text not in cooling), sorted(text for text in every if text in cooling)


def _in_columns(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Things of a wide table: what is left of a column's name without quantity, position and unit."""
    racks: set[str] = set()
    units: set[str] = set()
    for column in map(str, table.columns):
        parts = [part for part in re.split(r"[/|:\s]+|__|\.(?=[A-Za-z])", column) if part]
        if len(parts) == 1:
            parts = [part for part in column.split("_") if part]
        kept: list[str] = []
        of_unit = bool(_UNIT_NAME.search(column))
        for part in parts:
            squeezed = quantities.squeeze(part)
            words = quantities.tokens(part)
            if kept and (
                quantities.find(squeezed, quantities.RACK)
                or quantities.position_of(part)
                or squeezed in quantities.UNITS
                or quantities.find(squeezed, quantities.UNIT)
                or (words and quantities.find(words[0], {**quantities.RACK, **quantities.UNIT}) and len(words[0]) > 1)
            ):
                found = quantities.find(squeezed, quantities.UNIT) or quantities.find(
                    "".join(words[:1]), quantities.UNIT
                )
                of_unit = of_unit or found in ("supplyTemperature", "returnTemperature", "setpoint", "fanSpeed")
                break
            kept.append(part)
        if kept and len(kept) < len(parts):
            (units if of_unit else racks).add("_".join(kept) if len(kept) > 1 else kept[0])
    return sorted(racks - units), sorted(units)


def _column(table: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    by_name = {quantities.squeeze(str(column)): str(column) for column in reversed(table.columns)}
    return next((by_name[name] for name in names if name in by_name), None)
