"""One training from history to artefact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from models.samples import Samples
from models.shift import edges_of
from models.statistics import InputPlan
from training import artefact, expected
from training.history import History
from training.registry import Model
from training.samples import CALIBRATION, TEST, TRAIN, build, split

# An interval may miss its promise by this much.
_COVERAGE_TOLERANCE = 0.05


class NotGoodEnough(Exception):
    """A trained model that is not worth serving, and why."""


@dataclass(frozen=True)
class Sizes:
    """How many samples to draw for each part."""

    train: int = 60_000
    calibration: int = 20_000
    test: int = 20_000
    # Rooms of simulated history that a twin follows, of each part, and by which share samples of such rooms are added.
    followed: tuple[int, int, int] = (8, 8, 8)
    informed: float = 0.25


# Without physics: a few rooms for a few hours, all that there is time for, make its intervals too narrow.
QUICK = Sizes(36_000, 16_000, 12_000, (0, 0, 0))


@dataclass(frozen=True)
class Trained:
    """What came out. `metrics` as in the manifest; `bytes` of the whole artefact."""

    model: str
    version: str
    folder: str
    bytes: int
    history: str
    metrics: dict[str, Any]
    # Rows that it was judged on: what serves now is judged on the same (`training.promotion`).
    test: Samples | None = None

    def as_dict(self) -> dict[str, Any]:
        """As plain data, without the rows."""
        return asdict(replace(self, test=None)) | {"test": None}


def train(
    model: Model,
    histories: list[History],
    folder: Path,
    *,
    seed: int,
    created_ms: int,
    note: Callable[[str], None],
    sizes: Sizes | None = None,
    gated: bool = False,
) -> Trained:
    """Train one model on these histories and write its artefact into `folder`.

    Raises:
        NotGoodEnough: `gated`, and the result is not worth serving; nothing is written.
        HistoryError: the history does not suffice. ArtefactError: the result must not be published.
        ValueError: a target has too few rows.
    """
    sizes = sizes or Sizes()
    definition = model.definition
    plan = InputPlan.of(model.inputs(), definition)
    parts = [split(history, definition, seed + number) for number, history in enumerate(histories)]

    def draw(part: int, count: int, worn: bool = True) -> Any:
        rng = np.random.default_rng([seed, part, worn])
        return build(
            [(h, p[part]) for h, p in zip(histories, parts, strict=True)], definition, plan, count, rng, worn=worn,
            informed=sizes.informed, rivals=model.rivals if part == TEST else None,
        )  # fmt: skip

    expected.follow(histories, parts, definition, sizes.followed, seed=seed, note=note)

    note("cutting windows")
    rows = {
        "train": draw(TRAIN, sizes.train),
        "calibration": draw(CALIBRATION, sizes.calibration),
        "test": draw(TEST, sizes.test),
    }
    note(f"fitting on {len(rows['train'])} windows")
    fitted = model.fit(rows["train"], rows["calibration"], seed)
    note("exporting and checking the graph")
    graph = fitted.to_onnx()
    metrics = model.evaluate(fitted, rows["test"])
    metrics["wholeWindows"] = model.evaluate(fitted, draw(TEST, sizes.test, worn=False))["overall"]
    metrics["parity"] = artefact.parity(graph, fitted, rows["test"])
    reason = good_enough(metrics, definition.coverage)
    if reason and gated:
        raise NotGoodEnough(reason)
    if reason:
        note(f"warning: {reason}")
    of = " and ".join(f"{kind}s" for kind in definition.kinds)
    training = {
        **described(histories, of),
        "seed": seed,
        "split": f"60 % of {of} and the first 60 % of time, then 20 %, then 20 %",
        "rows": {name: len(samples) for name, samples in rows.items()},
        # By which a runner sees that its inputs are no longer these.
        "inputs": edges_of(model.inputs(), rows["train"].inputs),
    }
    made = artefact.manifest(model, graph, training, metrics, created_ms)
    size = artefact.write(folder, graph, made, artefact.card(model, made))
    return Trained(definition.name, made.version, str(folder), size, training["history"], metrics, rows["test"])


def good_enough(metrics: dict[str, Any], coverage: float) -> str:
    """Why a model is not worth serving, by its scores on unseen racks and times; empty if it is."""
    overall = metrics["overall"]
    if not overall["skill"] > 0:
        return f"no better than persistence (skill {overall['skill']:.2f})"
    if abs(overall["coverage"] - coverage) > _COVERAGE_TOLERANCE:
        return f"badly calibrated: its {coverage:.0%} interval holds {overall['coverage']:.0%} of the truths"
    return ""


def described(histories: list[History], of: str) -> dict[str, Any]:
    """What the manifest and the card say of the data, and what follows for the model's limits. `of`: what things are
    called."""
    things = sum(len(history.things) for history in histories)
    hours = max(history.hours for history in histories)
    if histories[0].origin["kind"] == "simulated":
        return {
            "history": "simulated",
            "description": f"Simulated readings (physics.plant): {len(histories)} plants, {things} {of}, "
            f"{hours:.0f} h each.",
            "things": things,
            "hours": round(hours, 2),
            "limits": [
                "Trained on a simulation: its errors on a real room are unknown until it is trained on that room's\n"
                "  own history (`make train` takes it from InfluxDB once there is enough).",
                "The simulation has no temperature outside and no calendar of loads: what of them follows the seasons\n"
                "  in a real hall (free cooling, cold supplies in winter), only its own history over a year can teach.",
            ],
        }
    spans = []
    for history in histories:
        begin = datetime.fromtimestamp(history.start_ms / 1000, UTC)
        site, count = history.origin["site"], len(history.things)
        spans.append(f"{site}: {count} {of}, {history.hours:.1f} h from {begin:%Y-%m-%d %H:%M} UTC")
    return {
        "history": "recorded",
        "description": f"Recorded readings. {'; '.join(spans)}.",
        "things": things,
        "hours": round(hours, 2),
        "limits": ["Knows the seasons, loads and set-points of the span above alone."],
    }
