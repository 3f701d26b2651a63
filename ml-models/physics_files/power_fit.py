"""Power models of servers or racks from recorded utilisation and power. Pure.

``P = P_idle + (P_busy - P_idle)(2u - u^r)``: Fan, Weber, Barroso, "Power provisioning for a warehouse-sized computer",
ISCA 2007; r = 1 makes it a line. Fitted robustly on the first three quarters of each thing's record and judged on the
last, by ASHRAE Guideline 14's NMBE and CV(RMSE). Next: `racktwin_cli.power_fit` prints them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import least_squares

from physics_files import quantities, tables
from physics_files.problems import FileProblem
from physics_files.readings import Floats

_LEAST: Final = 20
_KEPT_FOR_TEST: Final = 0.25
# Below this span of utilisation (0..1) the three constants cannot be told apart.
_SPAN: Final = 0.1
_THINGS: Final = ("server", "host", "node", "machine", "rack", "thing", "name", "device", "id")


@dataclass(frozen=True)
class PowerModel:
    """One thing's power model (W, utilisation 0..1) and how it does on the part of the record that it did not see.

    `linear_cvrmse` is that of a straight line on the same part; errors in %, `count` of samples.
    """

    thing: str
    idle_w: float
    busy_w: float
    exponent: float
    count: int
    rmse_w: float
    nmbe: float
    cvrmse: float
    linear_cvrmse: float
    note: str = ""

    def power(self, utilisation: Floats) -> Floats:
        """Power (W) at a utilisation 0..1."""
        return curve(np.array([self.idle_w, self.busy_w, self.exponent]), utilisation)


def curve(constants: Floats, utilisation: Floats) -> Floats:
    """The model for (idle, busy, r)."""
    u = np.clip(utilisation, 0.0, 1.0)
    idle, busy, r = constants
    return np.asarray(idle + (busy - idle) * (2.0 * u - u**r))


def read(table: pd.DataFrame, name: str, units: dict[str, str] | None = None) -> dict[str, tuple[Floats, Floats]]:
    """Utilisation (0..1) and power (W) of each thing, in order of time, from a table with a row per sample.

    Args:
        table: as `tables.read` gives it: `utilization`, `power`, and where there is more than one thing, its name.
        name: of the file, for messages.
        units: quantity -> unit, where the file has another.

    Raises:
        FileProblem: a column is missing, or nothing is left of it.
    """
    things, found = columns_of(table, name, units)
    try:
        time_name = tables.time_column(table, name)
        order = np.argsort(tables.epoch_ms(table[time_name], name), kind="stable")
    except FileProblem:
        # Without times the rows are taken to be in their order.
        order = np.arange(len(table))
    u, p, things = found["utilization"][order] / 100.0, found["power"][order], things[order]
    good = np.isfinite(u) & np.isfinite(p) & (p >= 0.0) & (u >= -0.001) & (u <= 1.001)
    made = {str(thing): (u[good & (things == thing)], p[good & (things == thing)]) for thing in np.unique(things)}
    made = {thing: data for thing, data in made.items() if data[0].size}
    if not made:
        raise FileProblem(f"{name}: no row has both a utilization of 0 to 100 % and a power", "see --map and --unit")
    return made


def columns_of(
    table: pd.DataFrame,
    name: str,
    units: Mapping[str, str] | None = None,
    *,
    wanted: Sequence[str] = ("utilization", "power"),
    names: dict[str, tuple[str, ...]] = quantities.RACK,
) -> tuple[npt.NDArray[Any], dict[str, Floats]]:
    """The thing of each row ("all" where the file names none), and what of it is `wanted`, in our units (%, W, °C), NaN
    where there is none. `names`: the spellings of quantities.

    Raises:
        FileProblem: a column is missing, or its unit is not known.
    """
    units = units or {}
    columns = {str(c): quantities.find(quantities.squeeze(str(c)), names) for c in table.columns}
    for column in table.columns:
        words = quantities.tokens(str(column))
        for count in range(len(words), 0, -1):
            columns[str(column)] = columns[str(column)] or quantities.find("".join(words[:count]), names)
    found: dict[str, Floats] = {}
    for quantity in wanted:
        column = quantity if quantity in columns else next((c for c, q in columns.items() if q == quantity), "")
        if not column:
            raise FileProblem(
                f"{name}: no column {quantity}",
                f"say which it is: --map {quantity}=COLUMN; columns: {', '.join(columns)}",
            )
        values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)
        unit = units.get(quantity) or quantities.unit_in_name(quantity, quantities.tokens(column))
        if unit is None and quantity == "utilization" and np.nanmax(values, initial=0.0) <= 1.5:
            unit = "fraction"
        try:
            factor, offset = (1.0, 0.0) if unit is None else quantities.unit_of(quantity, unit)
        except ValueError as error:
            raise FileProblem(f"{name}: {error}", f"say --unit {quantity}=UNIT") from error
        found[quantity] = values * factor + offset
    by_name = {re.sub(r"[^a-z0-9]", "", str(c).lower()): str(c) for c in reversed(table.columns)}
    thing_column = next((by_name[spelling] for spelling in _THINGS if spelling in by_name), None)
    things = np.full(len(table), "all") if thing_column is None else table[thing_column].astype(str).to_numpy()
    return things, found


def fit(thing: str, utilisation: Floats, power: Floats) -> PowerModel:
    """The model of one thing.

    Raises:
        FileProblem: too few samples.
    """
    if utilisation.size < _LEAST:
        raise FileProblem(f"{thing}: {utilisation.size} samples", f"record at least {_LEAST} with both columns")
    cut = int(utilisation.size * (1.0 - _KEPT_FOR_TEST))
    u, p, test_u, test_p = utilisation[:cut], power[:cut], utilisation[cut:], power[cut:]
    line: Any = np.polyfit(u, p, 1) if np.ptp(u) > 1e-6 else np.array([0.0, float(np.mean(p))])
    note = ""
    constants: Floats
    if np.ptp(u) < _SPAN:
        # A line through what there is, and said so.
        note = f"utilization moves by {100 * np.ptp(u):.0f} % only: a line was taken"
        constants = np.array([max(0.0, line[1]), max(0.0, line[0] + line[1]), 1.0])
    else:
        constants = _robust(u, p, line)
    error, linear = curve(constants, test_u) - test_p, np.polyval(line, test_u) - test_p
    mean = max(float(np.mean(test_p)), 1e-9)
    rmse = float(np.sqrt(np.mean(error**2)))
    return PowerModel(
        thing=thing,
        idle_w=float(constants[0]),
        busy_w=float(constants[1]),
        exponent=float(constants[2]),
        count=int(utilisation.size),
        rmse_w=rmse,
        nmbe=100.0 * float(np.mean(error)) / mean,
        cvrmse=100.0 * rmse / mean,
        linear_cvrmse=100.0 * float(np.sqrt(np.mean(linear**2))) / mean,
        note=note,
    )


def _robust(u: Floats, p: Floats, line: Any) -> Floats:
    scale = max(1.0, 0.05 * float(np.median(p)))
    top = 3.0 * float(np.max(p)) + 10.0
    idle = float(np.clip(line[1], 0.0, top))
    start = [idle, float(np.clip(line[0] + line[1], idle, top)), 1.4]
    found = least_squares(
        lambda c: (curve(c, u) - p) / scale, start, bounds=([0.0, 0.0, 1.0], [top, top, 3.0]), loss="soft_l1",
        x_scale=[scale, scale, 0.5],
    )  # fmt: skip
    return np.asarray(found.x)
