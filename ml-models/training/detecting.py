"""One training of a detecting model: simulated plants that break, windows with labels, fit, limits, scores, artefact.

Train, calibration and test are different plants with different seeds: nothing of one is in another. Recorded history
has no labels, so it is not trained on; it is what `racktwin detect` reads.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort

from models.definition import Definition
from models.detecting.fit import LabelledRows
from models.detecting.graph import Detector
from models.shift import edges_of
from models.statistics import InputPlan
from training import artefact, faulty
from training.faulty import NORMAL, UNCERTAIN, Labelled
from training.job import Trained
from training.registry import Model
from training.samples import CALIBRATION, TEST, TRAIN

# Plants of each part, hours of each, and windows that are drawn from them.
_PLANTS: Final = {TRAIN: 5, CALIBRATION: 2, TEST: 2}
_ROWS: Final = {TRAIN: 30_000, CALIBRATION: 15_000, TEST: 15_000}
_HOURS: Final = 18.0
_ROOMS: Final = 10
# Of the training windows this share is drawn from those where something is wrong, which are rare.
_WRONG_SHARE: Final = 0.4
_CHUNK: Final = 4096
# Of windows these shares begin short and lack a channel, as serving meets them.
_SHORT, _CHANNEL_MISSING = 0.2, 0.05


def train(
    model: Model, folder: Path, *, seed: int, created_ms: int, note: Callable[[str], None], scale: float = 1.0
) -> Trained:
    """Train one detecting model on simulated faults and write its artefact into `folder`. `scale`: less of everything,
    for tests.

    Raises:
        ArtefactError: the result must not be published. ValueError: a finding does not occur.
    """
    definition = model.definition
    plan = InputPlan.of(model.inputs(), definition)
    rows = {}
    for part, name in ((TRAIN, "train"), (CALIBRATION, "calibration"), (TEST, "test")):
        note(f"simulating plants that break: {name}")
        found = faulty.simulate(
            definition,
            seed * 10 + part,
            model.train.FAULTS,
            plants=max(1, round(_PLANTS[part] * scale)),
            rooms=max(4, round(_ROOMS * scale)),
            hours=max(12.0, _HOURS * min(1.0, scale)),
        )
        rng = np.random.default_rng([seed, part, 5])
        share = _WRONG_SHARE if part == TRAIN else None
        rows[part] = draw(found, definition, plan, round(_ROWS[part] * scale), rng, wrong_share=share)
    note(f"fitting on {len(rows[TRAIN].labels)} windows")
    fitted: Detector = model.train.fit(definition, rows[TRAIN], rows[CALIBRATION], seed)
    graph = fitted.to_onnx()
    metrics = model.evaluation.evaluate(definition, fitted, rows[TEST])
    metrics["parity"] = parity(graph, fitted, rows[TEST].inputs)
    training = {
        "history": "simulated",
        "description": f"Simulated readings (physics.plant) of racks with the faults {', '.join(model.train.FAULTS)}, "
        f"{_HOURS:.0f} h each.",
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
    inputs, labels = [], []
    for labelled in found:
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
            _wear(windows, rng)
            inputs.append(plan.compute(windows))
            labels.append(mine[part[:, 0], part[:, 1]])
    return LabelledRows(np.concatenate(inputs), np.concatenate(labels))


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


def _wear(windows: Any, rng: np.random.Generator) -> None:
    count, channels, cells = windows.shape
    length = np.where(rng.random(count) < _SHORT, rng.integers(60, cells + 1, count), cells)
    age = np.arange(cells - 1, -1, -1)[None, :]
    windows[np.broadcast_to((age >= length[:, None])[:, None, :], windows.shape)] = np.nan
    windows[rng.random((count, channels)) < _CHANNEL_MISSING] = np.nan
