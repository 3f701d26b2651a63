"""`racktwin calibrate`: the room model's parameters from a recorded hall."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from racktwin_cli import show
from racktwin_cli.files import hall


@click.command(epilog=hall.SHAPES)
@hall.hall_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="parameters.json",
    show_default=True,
    help="The parameters, JSON.",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0.0, 0.5),
    default=0.2,
    show_default=True,
    help="Share of the record, its last part, that is not fitted to and judges the result.",
)
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def calibrate(layout: Path, history: Path, out: Path, held_out: float, json_wanted: bool, **reading: Any) -> None:
    """Fit the physics of a room to what was recorded in it.

    Needs temperatures and powers of racks, and is better with supply and return temperatures and air flows of the
    cooling units; at least three hours of it. The file says which data the parameters come from.
    """
    with hall.problems():
        from physics_files import calibrate as calibration  # noqa: PLC0415 - heavy: only when it is used

        grid = hall.grid(layout, history, **reading)
        measured, place, notes = calibration.recording(grid)
        for note in notes:
            click.echo(f"note: {note}", err=True)
        found, scores = calibration.fit(measured, place, held_out=held_out)
    if any(score.skill < 0.0 for score in scores):
        notes.append(
            "on what was held out the physics does worse than persistence: this hall has something that the model "
            "lacks; use racktwin forecast, which falls back, and what-ifs for tendencies"
        )
        click.echo(f"note: {notes[-1]}", err=True)
    document = {
        **found.as_dict(),
        "heldOut": [
            {
                "horizonS": score.horizon_s,
                "count": score.count,
                "rmseK": round(score.rmse_k, 4),
                "persistenceRmseK": round(score.persistence_rmse_k, 4),
                "skill": round(score.skill, 4),
            }
            for score in scores
        ],
        "notes": [*grid.notes, *notes],
    }
    hall.replace_file(out, lambda path: _write(path, document))
    if json_wanted:
        show.as_json({**document, "out": str(out)})
        return
    fit = f"RMSE {found.rmse_k:.3f} K, bias {found.bias_k:+.3f} K"
    click.echo(f"{out}: version {found.version}, {found.samples} readings, {fit}")
    show.as_table(
        ("on what was held out", "forecasts", "RMSE K", "persistence K", "skill"),
        [
            (
                f"{s.horizon_s / 60:g} min ahead",
                str(s.count),
                f"{s.rmse_k:.3f}",
                f"{s.persistence_rmse_k:.3f}",
                f"{s.skill:.2f}",
            )
            for s in scores
        ],
    )


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
