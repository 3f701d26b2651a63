"""`racktwin forecast`: forecasts of recorded inlets at each step, from the past alone, with bounds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from racktwin_cli import show
from racktwin_cli.failures import Failure
from racktwin_cli.files import hall
from racktwin_cli.size.command import Duration

if TYPE_CHECKING:
    from physics_files.forecast import Forecasts

_SPAN: Final = Duration()


@click.command(epilog=hall.SHAPES)
@hall.hall_options
@click.option("--horizons", default="1m,5m,15m,30m,60m", show_default=True, help="How far ahead, comma separated.")
@click.option("--coverage", default=0.9, show_default=True, help="Share of what comes that lo and hi shall hold.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Forecasts, .parquet or .csv.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def forecast(
    *, layout: Path, history: Path, horizons: str, coverage: float, out: Path | None, json_wanted: bool, **reading: Any
) -> None:
    """Forecast the inlet temperatures of a recorded hall, at each step from what came before it.

    Each row of the output: issued_at, valid_at, rack, position, horizon_s, value, lo, hi (degC), persistence. What is
    learnt on the way is weighed by how well it did, so where a model is no better than persistence, the forecast is
    persistence. The table says how each horizon did on this record.
    """
    if out is not None and out.suffix.lower() not in (".parquet", ".csv"):
        raise click.UsageError(f"--out {out}: expected a name that ends in .parquet or .csv")
    spans = sorted({_SPAN.convert(part, None, None) for part in horizons.split(",") if part.strip()})
    with hall.problems():
        from physics_files import forecast as forecasts  # noqa: PLC0415 - heavy: only when it is used

        grid = hall.grid(layout, history, shortest_horizon_s=min(spans, default=60.0), **reading)
        made = forecasts.make(grid, spans, coverage=coverage, note=_progress)
    scores = made.scores()
    if out is not None:
        table = rows(made)
        if table.empty:
            raise Failure(f"{history.name}: no step has a reading to forecast from", "bring a longer history")
        as_csv = out.suffix.lower() == ".csv"
        hall.replace_file(out, lambda path: table.to_csv(path, index=False) if as_csv else table.to_parquet(path))
    result = {
        "racks": len({rack for rack, _ in grid.targets}),
        "sensors": len(grid.targets),
        "steps": grid.cells,
        "stepS": grid.step_s,
        "samplingS": round(grid.sampling_s, 3),
        "coverageAsked": coverage,
        "horizons": [{key: round(value, 4) for key, value in score.items()} for score in scores],
        "notes": list(grid.notes),
        "out": None if out is None else str(out),
    }
    if json_wanted:
        show.as_json(result)
        return
    show.as_table(
        ("horizon", "forecasts", "RMSE K", "persistence K", "skill", "bias K", "held by lo..hi"),
        [
            (
                f"{score['horizonS'] / 60:g} min", f"{score['count']:,.0f}", f"{score['rmseK']:.3f}",
                f"{score['persistenceRmseK']:.3f}", f"{score['skill']:.2f}", f"{score['biasK']:+.3f}",
                f"{score['coverage']:.1%}",
            )
            for score in scores
        ],
    )  # fmt: skip
    click.echo(f"{result['sensors']} sensors of {result['racks']} racks, {grid.cells} steps of {grid.step_s} s")
    if out is not None:
        click.echo(f"forecasts: {out}")


def rows(made: Forecasts) -> Any:
    """The forecasts as a table, one row each; those of missing readings are left out."""
    import numpy as np  # noqa: PLC0415 - heavy: only when it is used
    import pandas as pd  # noqa: PLC0415

    # Millions of rows: names as categories take a byte each instead of a text.
    racks, places = (pd.Categorical(side) for side in zip(*made.grid.target_names(), strict=True))
    parts = []
    for at, horizon in enumerate(made.horizons_s):
        known = np.isfinite(made.value[:, at])
        cell, target = np.nonzero(known)
        issued = made.grid.time_ms[cell]
        parts.append(
            pd.DataFrame(
                {
                    "issued_at": pd.to_datetime(issued, unit="ms", utc=True),
                    "valid_at": pd.to_datetime(issued + round(horizon * 1000), unit="ms", utc=True),
                    "rack": racks.take(target),
                    "position": places.take(target),
                    "horizon_s": np.full(cell.size, horizon),
                    "value": made.value[cell, at, target].astype(float),
                    "lo": made.low[cell, at, target].astype(float),
                    "hi": made.high[cell, at, target].astype(float),
                    "persistence": made.grid.temperature[cell, target],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _progress(share: float) -> None:
    if sys.stderr.isatty():
        click.echo(f"\rforecasting {share:4.0%}", err=True, nl=share >= 1.0)
