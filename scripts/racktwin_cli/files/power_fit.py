"""`racktwin power-fit`: power models of servers or racks from recorded utilisation and power."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import click

from racktwin_cli import show
from racktwin_cli.files import hall


@click.command("power-fit")
@click.option("--history", required=True, type=hall.FILE, help="CSV or Parquet: utilization, power, and who (server).")
@hall.map_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The models, JSON.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def power_fit(history: Path, mapping: Sequence[str], units: Sequence[str], out: Path | None, json_wanted: bool) -> None:
    """Fit P = idle + (busy - idle)(2u - u^r) to what was recorded.

    A row per sample with the columns utilization (0 to 1, or percent) and power; with a column server (or rack, host,
    name) each gets a model of its own, with time the rows may be in any order. The last quarter of each record judges
    the model: NMBE and CV(RMSE) as in ASHRAE Guideline 14, beside those of a straight line.
    """
    with hall.problems():
        from physics_files import power_fit as fits  # noqa: PLC0415 - heavy: only when it is used
        from physics_files import tables  # noqa: PLC0415

        table = tables.read(history, hall.pairs(mapping, "--map NAME=COLUMN"))
        data = fits.read(table, history.name, hall.pairs(units, "--unit QUANTITY=UNIT"))
        models = [fits.fit(thing, *series) for thing, series in data.items()]
    document: dict[str, object] = {
        "form": "idle + (busy - idle)(2u - u^r), u 0..1, W",
        "models": [
            {
                key: round(value, 4) if isinstance(value, float) else value
                for key, value in dataclasses.asdict(m).items()
            }
            for m in models
        ],
    }
    if out is not None:
        hall.replace_file(out, lambda path: _write(path, document))
    if json_wanted:
        show.as_json(document)
        return
    show.as_table(
        ("of", "samples", "idle W", "busy W", "r", "RMSE W", "NMBE", "CV(RMSE)", "line's", "note"),
        [
            (
                m.thing, str(m.count), f"{m.idle_w:.1f}", f"{m.busy_w:.1f}", f"{m.exponent:.2f}", f"{m.rmse_w:.1f}",
                f"{m.nmbe:+.1f} %", f"{m.cvrmse:.1f} %", f"{m.linear_cvrmse:.1f} %", m.note,
            )
            for m in models
        ],
    )  # fmt: skip


def _write(path: Path, document: dict[str, object]) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
