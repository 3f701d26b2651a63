"""A hall from the files that a command names: options that all of them have, problems as failures.

Next: `calibrate`, `forecast`, `power_fit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from racktwin_cli.failures import Failure

if TYPE_CHECKING:
    from physics_files.grid import Grid

F = TypeVar("F", bound=Callable[..., Any])

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
SHAPES: Final = """
\b
The layout is JSON: {"room": "hall", "racks": [{"name": "r01", "xM": 1.2, "yM": 2.4,
"heightM": 2.0, "powerCapacityW": 8000}], "coolingUnits": [{"name": "crac-1", "xM": 0,
"yM": 3, "airflowM3s": 8, "capacityW": 120000}]}.

\b
The history is CSV or Parquet, in one of three shapes:
  long   time, rack, position, temperature, power, ...   one row per time and sensor;
         rows of cooling units: supplyTemperature, returnTemperature, setpoint, airflow, fanSpeed
  tidy   time, rack, position, quantity, value, unit
  wide   time, then a column per sensor: "r01/top temperature", "r01 power_kW", "crac-1 supply"

Times are ISO 8601 or epoch seconds, milliseconds and so on. Rows may be out of order, doubled, unevenly spaced and
missing.
"""


def map_option(function: F) -> F:
    """`--map` and `--unit`."""
    function = click.option(
        "--unit",
        "units",
        multiple=True,
        metavar="QUANTITY=UNIT",
        help="A quantity's unit where it is not degC, %, W or m3/s: temperature=degF, power=kW, airflow=cfm.",
    )(function)
    return click.option(
        "--map",
        "mapping",
        multiple=True,
        metavar="NAME=COLUMN",
        help="What a column means where its name does not say: time=ts, rack=cabinet, temperature=inlet.",
    )(function)


def hall_options(function: F) -> F:
    """`--layout`, `--history` and how the history is to be read."""
    function = click.option(
        "--timezone", default="UTC", show_default=True, metavar="ZONE", help="Of times without one: Europe/Berlin."
    )(function)
    function = map_option(function)
    function = click.option("--history", required=True, type=FILE, help="Recorded readings, CSV or Parquet.")(function)
    return click.option("--layout", required=True, type=FILE, help="Where things stand, JSON.")(function)


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """`name=value` texts. Raises click.BadParameter."""
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise click.BadParameter(f"{text!r}: expected {option}", param_hint=option)
        found[name.strip()] = value.strip()
    return found


@contextmanager
def problems() -> Iterator[None]:
    """What is wrong with files as a `Failure`."""
    from physics.recording import RecordingError  # noqa: PLC0415 - the libraries are heavy: only when they are used
    from physics_files.problems import FileProblem  # noqa: PLC0415

    try:
        yield
    except FileProblem as error:
        raise Failure(str(error), error.next_step) from error
    except RecordingError as error:
        raise Failure(str(error), "bring a history that has it, or leave the rack out of the layout") from error


def grid(
    layout: Path,
    history: Path,
    *,
    mapping: Sequence[str],
    units: Sequence[str],
    timezone: str,
    shortest_horizon_s: float = 60.0,
) -> Grid:
    """The hall's record on a regular grid; its notes go to standard error.

    Raises:
        FileProblem: something is wrong with a file.
    """
    from physics_files import grid as grids  # noqa: PLC0415
    from physics_files import layout_file, readings, tables  # noqa: PLC0415

    place = layout_file.load(layout)
    table = tables.read(history, pairs(mapping, "--map NAME=COLUMN"))
    found = readings.collect(table, place, history.name, units=pairs(units, "--unit QUANTITY=UNIT"), timezone=timezone)
    made = grids.make(found, place, shortest_horizon_s=shortest_horizon_s)
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    return made


def replace_file(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file as a whole or not at all.

    Raises:
        Failure: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        write(beside)
        beside.replace(path)
    except OSError as error:
        raise Failure(f"{path}: cannot be written: {error.strerror or error}", "name a place for it") from error
    finally:
        beside.unlink(missing_ok=True)
