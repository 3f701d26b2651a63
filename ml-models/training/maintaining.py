"""One training of the maintenance model: simulated lives, rows with what became of them, fit, scores, artefact.

Train, calibration and test are different sites with different seeds. The plain trend (`models.wear`), as it serves
without a model, is judged on the same lives; a part at which the model is no better is left to the trend, and the
manifest says so (`metrics.parts.<part>.serves`). Next: `training.promotion`, `upkeep`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models.definition import Definition, read_manifest
from models.maintenance import evaluate, features
from models.maintenance.evaluate import Judged
from models.maintenance.graph import Maintainer
from models.maintenance.judge import state_of
from models.maintenance.train import UNSURE, Rows
from models.shift import edges_of
from models.wear import trend
from models.windows import FloatArray
from physics.laws import RHO_CP
from training import artefact, lives, worn_rooms
from training.job import Trained
from training.lives import RICH, Course, Lives
from training.registry import Model
from training.samples import CALIBRATION, TEST, TRAIN

Floats = npt.NDArray[np.float64]

# Of the rows so many know less of the past than there is, and lack a channel.
_SHORT: Final = 0.35
_LACKING: Final = 0.04
_LEAST_KNOWN_D: Final = 3.0
_BEGIN_D: Final = 60
_BEGIN_ROOMS_D: Final = 3
# What no training saw: seeds far from those of trainings.
_UNSEEN_SEED: Final = 77_000_000
_UNSEEN_SITES, _UNSEEN_SERVERS, _UNSEEN_EVERY_D = 8, 8, 14
_UNSEEN_ROOMS, _UNSEEN_ROOM_D = 3, 10


class Says(Protocol):
    """What gives score [N, parts] and life [N, 3 x parts] for inputs: the native model or its graph."""

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Inputs [N, inputs] -> score, life."""


@dataclass(frozen=True)
class Sizes:
    """Sites of each part, on how many days each is looked at, and every how many days test sites are judged."""

    sites: tuple[int, int, int] = (40, 24, 12)
    looks: int = 36
    every_d: int = 7
    servers: int = 16


USUAL: Final = Sizes()
QUICK: Final = Sizes((16, 8, 3), 24, 14, 12)


def train(
    model: Model, folder: Path, *, seed: int, created_ms: int, note: Callable[[str], None], sizes: Sizes = USUAL
) -> Trained:
    """Train on simulated lives and write the artefact into `folder`.

    Raises:
        ArtefactError: the result must not be published. ValueError: a part never wears in the lives.
    """
    definition = model.definition
    note("simulating lives of cooling units and servers")
    rows = {part: draw(seed, part, sizes.sites[part], sizes) for part in (TRAIN, CALIBRATION)}
    note(f"fitting on {len(rows[TRAIN])} rows")
    fitted: Maintainer = model.train.fit(definition, rows[TRAIN], rows[CALIBRATION], seed)
    graph = fitted.to_onnx()
    note("judging other lives by the model and by the plain trend")
    test = [lives.site(of_part(seed, TEST, k), _course(sizes, lives.USUAL)) for k in range(sizes.sites[TEST])]
    metrics = compared(definition, fitted, test, sizes.every_d)
    metrics["parity"] = parity(graph, fitted, rows[CALIBRATION].inputs)
    training = {
        "history": "simulated",
        "description": f"Simulated lives (training.lives) of {lives.USUAL.days} days: {sizes.sites[TRAIN]} sites of "
        f"{lives.USUAL.units} cooling units and {sizes.servers} servers.",
        "seed": seed,
        "split": "different sites",
        "rows": {"train": len(rows[TRAIN]), "calibration": len(rows[CALIBRATION])},
        "inputs": edges_of(model.inputs(), rows[TRAIN].inputs),
        "limits": [
            "Trained on simulated lives alone: how fast real parts wear, how many do, and what else moves there is\n"
            "  assumed, and most of what the figures above say."
        ],
    }
    made = artefact.manifest(model, graph, training, metrics, created_ms)
    size = artefact.write(folder, graph, made, artefact.maintainer_card(model, made))
    return Trained(definition.name, made.version, str(folder), size, "simulated", metrics)


def of_part(seed: int, part: int, number: int) -> int:
    """Seed of a site."""
    return (seed % 1000) * 10_000 + part * 2000 + number


def _course(sizes: Sizes, course: Course) -> Course:
    return replace(course, servers=sizes.servers)


def draw(seed: int, part: int, sites: int, sizes: Sizes) -> Rows:
    """Rows of one part of the data: whole sites on random days, with the wear that serving meets."""
    found = []
    for number in range(sites):
        rng = np.random.default_rng([seed, part, number, 9])
        course = _course(sizes, RICH if part == TRAIN else lives.USUAL)
        for one in lives.site(of_part(seed, part, number), course):
            days = rng.integers(8, one.length, sizes.looks)
            found.append(rows_of(one, days, rng))
    return Rows.joined(found)


def rows_of(one: Lives, days: npt.NDArray[np.int64], rng: np.random.Generator | None = None) -> Rows:
    """A site's things on these days; with a generator, some know less than there is."""
    inputs, states, left = [], [], []
    for day in days.tolist():
        known, lacking = None, None
        if rng is not None:
            short = np.exp(rng.uniform(np.log(_LEAST_KNOWN_D), np.log(features.DAYS), one.things)).astype(np.int64)
            known = np.where(rng.random(one.things) < _SHORT, short, features.DAYS)
            lacking = {name: rng.random(one.things) < _LACKING for name in one.days}
        inputs.append(features.compute(one.past(day, known, lacking)))
        state = np.full((one.things, len(features.PARTS)), UNSURE, dtype=np.int8)
        hours = np.full((one.things, len(features.PARTS)), np.nan, dtype=np.float32)
        for column, name in enumerate(features.PARTS):
            if name in one.truth:
                state[:, column] = one.truth[name].state[:, day]
                hours[:, column] = one.truth[name].left_h[:, day]
        states.append(state)
        left.append(hours)
    return Rows(np.concatenate(inputs), np.concatenate(states), np.concatenate(left))


def compared(definition: Definition, says: Says, sites: list[tuple[Lives, Lives]], every_d: int) -> dict[str, Any]:
    """The model and the bar on the same lives, by part and over all."""
    judged: dict[str, list[Judged]] = {name: [] for name in features.PARTS}
    bars: dict[str, list[Judged]] = {name: [] for name in features.PARTS}
    for of_site in sites:
        for one in of_site:
            for name, by_model, by_bar in judge(definition, says, one, every_d):
                judged[name].append(by_model)
                bars[name].append(by_bar)
    parts: dict[str, Any] = {}
    for name in features.PARTS:
        mine, bar = evaluate.score(judged[name]), evaluate.score(bars[name])
        parts[name] = {"model": mine, "trend": bar, "serves": evaluate.better(mine, bar)}
    serving = {name: found["model" if found["serves"] else "trend"] for name, found in parts.items()}
    own = {name: found["model"] for name, found in parts.items() if found["serves"]}
    return {
        "parts": parts,
        "overall": evaluate.overall({name: found["model"] for name, found in parts.items()}),
        "trend": evaluate.overall({name: found["trend"] for name, found in parts.items()}),
        "serving": evaluate.overall(serving) | {"modelCoverage": evaluate.overall(own)["lifeCoverage"]},
    }


def compared_in_rooms(definition: Definition, says: Says, rooms: list[Lives]) -> dict[str, Any]:
    """The model and the bar on cooling units of whole simulated rooms, every day from the fourth, by part."""
    found: dict[str, Any] = {}
    judged = [each for one in rooms for each in judge(definition, says, one, 1, begin=_BEGIN_ROOMS_D)]
    for name in rooms[0].truth:
        mine = evaluate.score([model for part, model, _ in judged if part == name])
        found[name] = {"model": mine, "trend": evaluate.score([bar for part, _, bar in judged if part == name])}
    return found


def unseen(folder: Path, note: Callable[[str], None]) -> dict[str, Any]:
    """Figures of a trained model on lives and in rooms that no training saw, by the names that `bench.models` prints.

    Raises:
        ModelError: the artefact cannot be read.
    """
    manifest = read_manifest(folder)
    definition, says = manifest.definition, Graph((folder / manifest.graph.file).read_bytes())
    course = replace(lives.USUAL, servers=_UNSEEN_SERVERS)
    sites = [lives.site(_UNSEEN_SEED + number, course) for number in range(_UNSEEN_SITES)]
    found = compared(definition, says, sites, _UNSEEN_EVERY_D)
    note(f"maintenance on unseen lives: {found}")
    rooms = compared_in_rooms(definition, says, worn_rooms.run(_UNSEEN_SEED, _UNSEEN_ROOMS, _UNSEEN_ROOM_D))
    note(f"maintenance in whole rooms: {rooms}")
    mine, bar = found["overall"], found["trend"]
    return {
        "maintenance_precision": mine["precision"],
        "maintenance_recall": mine["recall"],
        "maintenance_life_coverage": mine["lifeCoverage"],
        "maintenance_false_per_1000_unit_years": mine["falsePer1000UnitYears"],
        "maintenance_trend_precision": bar["precision"],
        "maintenance_trend_recall": bar["recall"],
        "maintenance_rooms_recall": round(float(np.mean([one["model"]["recall"] for one in rooms.values()])), 3),
    }


def judge(
    definition: Definition, says: Says, one: Lives, every_d: int, begin: int = _BEGIN_D
) -> Iterator[tuple[str, Judged, Judged]]:
    """Each part of a site's things as the model and as the trend see it, every so many days."""
    days = np.arange(begin, one.length, every_d)
    rows = rows_of(one, days)
    scores, hours = says.predict(rows.inputs)
    shape = (len(days), one.things)
    for number, name in enumerate(features.PARTS):
        if name not in one.truth:
            continue
        life = hours[:, 3 * number : 3 * number + 3]
        found = np.array([state_of(definition, s, h) != "none" for s, h in zip(scores[:, number], life, strict=True)])
        truth = one.truth[name]
        of_days = (truth.state[:, days], truth.left_h[:, days], truth.episode[:, days], truth.broke[:, days])
        mine = Judged(days.astype(float), *of_days, found.reshape(shape).T, life.reshape(*shape, 3).transpose(1, 0, 2))
        yield name, mine, Judged(days.astype(float), *of_days, *by_trend(one, name, days))


def by_trend(one: Lives, part: str, days: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """What the plain trend says, as it serves: over means of an hour of the last week. Found [things, days], life."""
    found = np.zeros((one.things, len(days)), dtype=bool)
    life = np.full((one.things, len(days), 3), np.nan, dtype=np.float32)
    for column, day in enumerate(days.tolist()):
        values = by_hour(one.past(day).hours, part)
        for thing in range(one.things):
            known = np.isfinite(values[thing])
            said = trend(
                "", part, "", hours=np.flatnonzero(known).astype(float), values=values[thing][known],
                end_ms=0, begin_hour=2,
            )  # fmt: skip
            if said is not None:
                found[thing, column] = True
                life[thing, column] = said.remaining_h, said.remaining_lo_h, said.remaining_hi_h
    return found, life


def by_hour(values: Mapping[str, Floats], part: str) -> Floats:
    """The series that the plain trend judges: as `upkeep.judge` has it, heat per watt as it is."""
    if part == "fan":
        return np.asarray(np.where(values["asked"] > 5.0, values["turns"] / values["asked"], np.nan))
    if part == "air":
        return np.asarray(values["airflow"] / np.maximum(values["speed"], 5.0))
    heat = values["airflow"] * (values["back"] - values["supply"]) * RHO_CP
    return np.asarray(heat / np.maximum(values["power"], 50.0))


class Graph:
    """An artefact's graph as the model it came from: what is judged is what serves."""

    def __init__(self, graph: bytes) -> None:
        self._session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Inputs [N, inputs] -> score, life."""
        score, life = self._session.run(["score", "life"], {"inputs": inputs})
        return score, life


def parity(graph: bytes, fitted: Says, inputs: FloatArray) -> float:
    """Largest difference between the graph and the native model, of scores and of hours as logarithms.

    Raises:
        ArtefactError: it is beyond the limit, or the graph gives no number where the model gives one.
    """
    served, native = Graph(graph).predict(inputs), fitted.predict(inputs)
    worst = max(
        float(np.abs(served[0] - native[0]).max()), float(np.abs(np.log1p(served[1]) - np.log1p(native[1])).max())
    )
    if not np.isfinite(worst) or worst > artefact.PARITY_LIMIT:
        raise artefact.ArtefactError(f"graph and native model differ by {worst:.4f}")
    return worst
