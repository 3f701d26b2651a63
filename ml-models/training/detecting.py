"""One training of a detecting model: simulated plants that break, windows with labels, fit, limits, scores, artefact.

Train, calibration and test are different plants with different seeds: nothing of one is in another. Recorded history
has no labels, so it is not trained on; it is what `racktwin detect` reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models.definition import Definition
from models.detecting.fit import LabelledRows
from models.detecting.graph import Detector
from models.shift import edges_of
from models.statistics import InputPlan
from physics.faults import Kind
from training import artefact, faulty
from training.faulty import NORMAL, UNCERTAIN, Labelled
from training.job import Trained
from training.registry import Model
from training.samples import CALIBRATION, TEST, TRAIN
from training.simulated import Recorded

# Of the training windows this share is drawn from those where something is wrong, which are rare.
_WRONG_SHARE: Final = 0.4
_CHUNK: Final = 4096
# Of windows these shares begin short and lack a channel, as serving meets them.
_SHORT, _CHANNEL_MISSING = 0.3, 0.05


@dataclass(frozen=True)
class Sizes:
    """How much is simulated for a detector, and how many windows are drawn, by part."""

    plants: Mapping[int, int]
    rows: Mapping[int, int]
    hours: float = 18.0
    rooms: int = 10

    def scaled(self, by: float) -> Sizes:
        """Less of everything, for tests."""
        return Sizes(
            {part: max(1, round(count * by)) for part, count in self.plants.items()},
            {part: round(count * by) for part, count in self.rows.items()},
            max(12.0, self.hours * min(1.0, by)),
            max(4, round(self.rooms * by)),
        )


USUAL: Final = Sizes({TRAIN: 5, CALIBRATION: 2, TEST: 2}, {TRAIN: 30_000, CALIBRATION: 15_000, TEST: 15_000})
# For a first model at once, from plants that break in all the ways there are.
QUICK: Final = Sizes({TRAIN: 3, CALIBRATION: 1, TEST: 1}, {TRAIN: 20_000, CALIBRATION: 15_000, TEST: 10_000}, 9.0, 12)


def train(
    model: Model, folder: Path, *, seed: int, created_ms: int, note: Callable[[str], None], sizes: Sizes = USUAL
) -> Trained:
    """Train one detecting model on simulated faults and write its artefact into `folder`.

    Raises:
        ArtefactError: the result must not be published. ValueError: a finding does not occur.
    """
    note("simulating plants that break")
    kinds, found = model.train.FAULTS, defaultdict(list)
    # One after the other: a recording is a hundred megabytes, of which a model takes few channels.
    for part, plant in break_plants(kinds, model.definition.resolution_s, seed, sizes):
        found[part].append(faulty.labelled(plant, model.definition, kinds))
    return train_on(model, found, folder, seed=seed, created_ms=created_ms, note=note, sizes=sizes)


def break_plants(kinds: tuple[Kind, ...], cell_s: int, seed: int, sizes: Sizes) -> Iterator[tuple[int, Recorded]]:
    """Recordings of plants with faults of these kinds, each with the part that it is for."""
    for part, count in sizes.plants.items():
        for number in range(count):
            yield part, faulty.run(seed * 10 + part, number, kinds, rooms=sizes.rooms, hours=sizes.hours, cell_s=cell_s)


def train_on(
    model: Model,
    found: Mapping[int, list[Labelled]],
    folder: Path,
    *,
    seed: int,
    created_ms: int,
    note: Callable[[str], None],
    sizes: Sizes,
) -> Trained:
    """Train one detecting model on labelled histories, by part, and write its artefact into `folder`.

    Raises:
        ArtefactError: the result must not be published. ValueError: a finding does not occur.
    """
    definition = model.definition
    plan = InputPlan.of(model.inputs(), definition)
    rows = {}
    for part, histories in found.items():
        rng = np.random.default_rng([seed, part, 5])
        share = _WRONG_SHARE if part == TRAIN else None
        rows[part] = draw(histories, definition, plan, sizes.rows[part], rng, wrong_share=share)
    note(f"fitting on {len(rows[TRAIN].labels)} windows")
    fitted: Detector = model.train.fit(definition, rows[TRAIN], rows[CALIBRATION], seed)
    graph = fitted.to_onnx()
    metrics = model.evaluation.evaluate(definition, fitted, rows[TEST])
    metrics["parity"] = parity(graph, fitted, rows[TEST].inputs)
    training = {
        "history": "simulated",
        "description": f"Simulated readings (physics.plant) of racks with the faults {', '.join(model.train.FAULTS)}, "
        f"{sizes.hours:.0f} h each, of rooms at all times of the year (`physics.season`).",
        "seed": seed,
        "split": "different plants",
        "rows": {"train": len(rows[TRAIN].labels), "calibration": len(rows[CALIBRATION].labels),
                 "test": len(rows[TEST].labels)},
        # By which a runner sees that its inputs are no longer these.
        "inputs": edges_of(model.inputs(), rows[TRAIN].inputs[rows[TRAIN].labels == NORMAL]),
        "limits": ["Trained on simulated faults alone: on a real room, look at what it reports before you trust it."],
    }  # fmt: skip
    made = artefact.manifest(model, graph, training, metrics, created_ms)
    size = artefact.write(folder, graph, made, artefact.detector_card(model, made))
    return Trained(definition.name, made.version, str(folder), size, "simulated", metrics)


def draw(
    found: list[Labelled],
    definition: Definition,
    plan: InputPlan,
    count: int,
    rng: np.random.Generator,
    *,
    wrong_share: float | None,
) -> LabelledRows:
    """Draw about `count` windows, evenly over things and time, or with a set share of those with something wrong."""
    inputs, labels, plants = [], [], []
    for number, labelled in enumerate(found):
        mine = labelled.labels[definition.cells :]
        sure = np.argwhere(mine != UNCERTAIN)
        wanted = max(1, count // len(found))
        if wrong_share is None:
            chosen = sure[rng.integers(0, len(sure), wanted)]
        else:
            wrong = mine[sure[:, 0], sure[:, 1]] != NORMAL
            many = round(wanted * wrong_share)
            chosen = np.concatenate(
                [sure[wrong][rng.integers(0, max(1, wrong.sum()), many if wrong.any() else 0)],
                 sure[~wrong][rng.integers(0, int((~wrong).sum()), wanted - many)]]
            )  # fmt: skip
        by_thing = np.ascontiguousarray(labelled.history.values.transpose(1, 2, 0))
        for start in range(0, len(chosen), _CHUNK):
            part = chosen[start : start + _CHUNK]
            columns = part[:, :1] + definition.cells - np.arange(definition.cells - 1, -1, -1)[None, :]
            windows = by_thing[
                part[:, 1][:, None, None], np.arange(plan_channels(plan))[None, :, None], columns[:, None, :]
            ]
            said = mine[part[:, 0], part[:, 1]]
            _wear(windows, said == NORMAL, max(1, definition.least_past_s // definition.resolution_s), rng)
            inputs.append(plan.compute(windows))
            labels.append(said)
            plants.append(np.full(len(said), number, dtype=np.int64))
    return LabelledRows(np.concatenate(inputs), np.concatenate(labels), np.concatenate(plants))


def plan_channels(plan: InputPlan) -> int:
    """How many channels a plan's windows have."""
    return len(plan.channels)


def parity(graph: bytes, fitted: Detector, inputs: Any) -> float:
    """Largest difference between the graph and the native model.

    Raises:
        ArtefactError: it is beyond the limit, or the graph gives no number where the model gives one.
    """
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    served = session.run(["score", "share"], {"inputs": inputs})
    worst = 0.0
    for native, onnx_value in zip(fitted.predict(inputs), served, strict=True):
        difference = np.abs(native - onnx_value)
        if not np.isfinite(difference).all():
            raise artefact.ArtefactError("the graph gives no number where the native model gives one")
        worst = max(worst, float(difference.max()))
    if worst > artefact.PARITY_LIMIT:
        raise artefact.ArtefactError(f"graph and native model differ by {worst:.4f}")
    return worst


def _wear(windows: Any, normal: npt.NDArray[np.bool_], least: int, rng: np.random.Generator) -> None:
    count, channels, cells = windows.shape
    # Evenly on a log scale from what serving asks for at least: the first minutes differ most.
    short = np.exp(rng.uniform(np.log(least), np.log(cells + 1), count)).astype(int)
    length = np.where(rng.random(count) < _SHORT, short, cells)
    age = np.arange(cells - 1, -1, -1)[None, :]
    windows[np.broadcast_to((age >= length[:, None])[:, None, :], windows.shape)] = np.nan
    # Nothing is wrong where one is missing; what is wrong must not be learnt from where it cannot be seen.
    windows[normal[:, None] & (rng.random((count, channels)) < _CHANNEL_MISSING)] = np.nan
