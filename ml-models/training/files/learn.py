"""Training and evaluation of forecasting models on a recorded hall. Next: `training.job`, which trains as always.

A file is sampled as it is: the model's cells become as long as the samples are apart (10 s, or a minute and up to five,
with values held meanwhile), and a reading may be as old as that. Without a model to evaluate, one is trained on the
first part of the record and judged on the rest, so what is reported is always of times the model has not seen.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import onnxruntime as ort

from models.definition import Definition, Manifest, ModelError, read_manifest
from models.metrics import score
from models.statistics import InputPlan
from physics_files.grid import Grid
from training.files.report import instant
from training.files.servers import Servers
from training.history import History, HistoryError
from training.job import Sizes, Trained, train
from training.registry import Model
from training.samples import newest_of

FINE_S: Final = 10
MINUTE_S: Final = 60
_SEEN_SHARE: Final = 0.6
_EVERY_S: Final = 300
_CHUNK: Final = 4096


def cell_s(sampling_s: float) -> int:
    """How long a cell must be for readings so far apart."""
    return FINE_S if sampling_s <= 1.5 * FINE_S else MINUTE_S


def step_s(grid: Grid | Servers) -> int:
    """How long a record's cells are; servers are put on such as suit how often they were sampled."""
    return cell_s(grid.sampling_s) if isinstance(grid, Servers) else grid.step_s


def adapted(model: Model, sampling_s: float) -> Model:
    """The model with cells and staleness that suit a record; horizons and windows stay."""
    cell = cell_s(sampling_s)
    stale = max(model.definition.stale_after_s, round(3 * max(cell, sampling_s)))
    definition = msgspec.structs.replace(model.definition, resolution_s=cell, stale_after_s=stale)
    return replace(model, definition=definition)


def history(grid: Grid | Servers, definition: Definition, name: str) -> History:
    """A recorded hall as history of racks for a model, or recorded servers as that of servers.

    Raises:
        HistoryError: the file has nothing of any of the model's targets, or the model is not one of racks.
    """
    if isinstance(grid, Servers):
        return grid.history(definition, name)
    if definition.kinds != ["rack"]:
        raise HistoryError(f"model {definition.name} is of {', '.join(definition.kinds)}s, the file is of racks")
    racks = grid.layout.rack_ids
    values = np.full((grid.cells, len(racks), len(definition.channels)), np.nan, dtype=np.float32)
    for column, channel in enumerate(definition.channels):
        for rack in range(len(racks)):
            series = _series(grid, rack, channel.feature, channel.property)
            if series is not None:
                values[:, rack, column] = series
    if not np.isfinite(values[:, :, definition.target_channels()]).any():
        wanted = [definition.channel_of(target) for target in definition.targets]
        names = " and no ".join(f"{channel.feature}/{channel.property}" for channel in wanted)
        raise HistoryError(f"the file has no {names}, which the model forecasts")
    return History(
        start_ms=int(grid.time_ms[0]),
        cell_s=grid.step_s,
        things=list(racks),
        rooms=["hall"] * len(racks),
        channels=definition.channel_names,
        values=values,
        origin={"kind": "recorded", "site": name},
    )


def learn(
    model: Model,
    grid: Grid | Servers,
    name: str,
    folder: Path,
    *,
    seed: int,
    created_ms: int,
    note: Callable[[str], None],
) -> Trained:
    """Train a model on the whole record (its card tells of the parts that were held out).

    Raises:
        HistoryError: the record does not suffice. ArtefactError, ValueError: as `training.job.train`.
    """
    fitting = adapted(model, grid.sampling_s)
    made = history(grid, fitting.definition, name)
    fitting = with_present(fitting, made)
    sizes = Sizes(train=40_000, calibration=12_000, test=12_000)
    return train(fitting, [made], folder, seed=seed, created_ms=created_ms, note=note, sizes=sizes)


def evaluate(
    model: Model, grid: Grid | Servers, name: str, folder: Path | None, *, seed: int, note: Callable[[str], None]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Scores by horizon and target, and the forecasts behind them, every five minutes. `folder`: an artefact, or None
    for one that is trained on the first 60 % of the record.

    Raises:
        HistoryError: the record does not suffice. ModelError: the artefact cannot be used.
    """
    if folder is not None:
        manifest = read_manifest(folder)
        if step_s(grid) != manifest.definition.resolution_s:
            raise ModelError(
                f"{folder}: the model reads cells of {manifest.definition.resolution_s} s, the file has a value every "
                f"{grid.sampling_s:.0f} s; train one on this file"
            )
        graph = (folder / manifest.graph.file).read_bytes()
        return _judge(manifest, graph, history(grid, manifest.definition, name), 0)
    fitting = adapted(model, grid.sampling_s)
    whole = history(grid, fitting.definition, name)
    fitting = with_present(fitting, whole)
    border = int(whole.cells * _SEEN_SHARE)
    seen = replace(whole, values=whole.values[:border])
    with tempfile.TemporaryDirectory(prefix="racktwin-evaluate-") as scratch:
        place = Path(scratch)
        sizes = Sizes(train=40_000, calibration=12_000, test=6_000)
        train(fitting, [seen], place, seed=seed, created_ms=0, note=note, sizes=sizes)
        manifest = read_manifest(place)
        return _judge(manifest, (place / manifest.graph.file).read_bytes(), whole, border)


def with_present(model: Model, made: History) -> Model:
    """The model without targets of which the record has nothing: a hall with sensors at one height has one target."""
    definition = model.definition
    names = definition.channel_names
    kept = [t for t in definition.targets if np.isfinite(made.values[:, :, names.index(t.channel)]).any()]
    return replace(model, definition=msgspec.structs.replace(definition, targets=kept))


def _judge(manifest: Manifest, graph: bytes, made: History, border: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    definition = manifest.definition
    plan = InputPlan.of(manifest.inputs, definition)
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    outputs = definition.outputs()
    ahead = np.array([output.horizon_s // definition.resolution_s for output in outputs])
    step = max(1, _EVERY_S // definition.resolution_s)
    nows = np.arange(max(definition.cells, border), made.cells - int(ahead.max()), step)
    if not len(nows):
        raise HistoryError(f"the record of {made.hours:.1f} h is too short to evaluate {definition.name}")
    by_thing = np.ascontiguousarray(made.values[:, :, : definition.windowed].transpose(1, 2, 0))
    held = newest_of(made, definition)
    channels = np.array(definition.output_channels())
    stale = max(1, definition.stale_after_s // definition.resolution_s)
    rows: list[dict[str, Any]] = []
    parts: list[list[Any]] = [[] for _ in outputs]
    for rack, thing in enumerate(made.things):
        for start in range(0, len(nows), _CHUNK):
            at = nows[start : start + _CHUNK]
            columns = at[:, None] - np.arange(definition.cells - 1, -1, -1)[None, :]
            windows = by_thing[rack][:, columns].transpose(1, 0, 2)
            value, lo, hi = session.run(
                ["value", "lo", "hi"], {manifest.graph.input: plan.compute(windows, held[at, rack])}
            )
            own = windows[:, channels, :]
            fresh = np.isfinite(own[:, :, -stale:]).any(axis=2)
            last = own.shape[2] - 1 - np.argmax(np.isfinite(own)[:, :, ::-1], axis=2)
            persistence = np.take_along_axis(own, last[:, :, None], axis=2)[:, :, 0]
            truth = by_thing[rack][channels[None, :], at[:, None] + ahead[None, :]]
            for k, output in enumerate(outputs):
                good = fresh[:, k] & np.isfinite(value[:, k])
                parts[k].append([a[good, k] for a in (truth, value, lo, hi, persistence)])
                channel = definition.channel_of(definition.targets[output.target])
                rows += [
                    {
                        "time": instant(made.start_ms + now * made.cell_s * 1000),
                        "thing": thing,
                        "target": f"{channel.feature}/{channel.property}",
                        "horizonS": output.horizon_s,
                        "value": round(float(value[n, k]), 3),
                        "lo": round(float(lo[n, k]), 3),
                        "hi": round(float(hi[n, k]), 3),
                        "truth": round(float(truth[n, k]), 3) if np.isfinite(truth[n, k]) else None,
                    }
                    for n, now in enumerate(at.tolist())
                    if good[n]
                ]
    scores = {}
    for k, output in enumerate(outputs):
        stacked = [np.concatenate(column) for column in zip(*parts[k], strict=True)]
        label = f"{definition.targets[output.target].name}@{output.horizon_s}"
        try:
            scores[label] = score(stacked[0], stacked[1], stacked[2], stacked[3], stacked[4]).rounded()
        except ValueError:
            continue
    if not scores:
        raise HistoryError("no forecast has a truth to be judged by")
    return {"model": definition.name, "version": manifest.version, "scores": scores}, rows


def _series(grid: Grid, rack: int, feature: str, prop: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    if feature == "power" and prop == "power":
        return grid.power[:, rack]
    place = feature.partition(".")[2]
    # One sensor per rack, wherever it is, stands for the top.
    wanted = {"top": ("top", "middle"), "bottom": ("bottom",)}.get(place, (place,))
    mine = {p: k for k, (r, p) in enumerate(grid.targets) if r == rack}
    column = next((mine[p] for p in wanted if p in mine), None)
    if column is None or prop not in ("temperature", "relativeHumidity"):
        return None
    return (grid.temperature if prop == "temperature" else grid.humidity)[:, column]
