"""Rows to fit and score a model on, and what a model's code must offer to `training`. Types only."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from models.definition import Definition
from models.windows import FloatArray


@dataclass(frozen=True)
class Samples:
    """N windows, each with what came of it. Arrays share their first axis.

    `inputs`: float32 [N, inputs]. `truth`, `persistence`, `filled_s`: [N, outputs] (`Definition.outputs`): the value at
    the horizon; the newest value in the window; how many seconds of the target's own past the window held. `usable`:
    bool [N, outputs], false where serving would give no prediction or no truth was recorded. `rivals`: [N, outputs,
    ways], what others than the model say of the same windows, for models whose `evaluate.py` has some; else no ways.
    """

    inputs: FloatArray
    truth: FloatArray
    persistence: FloatArray
    filled_s: FloatArray
    usable: npt.NDArray[np.bool_]
    rivals: FloatArray

    def __len__(self) -> int:
        return len(self.inputs)

    def where(self, rows: npt.NDArray[np.bool_]) -> Samples:
        """Some of the rows."""
        return Samples(*(getattr(self, item.name)[rows] for item in fields(self)))


class Fitted(Protocol):
    """A trained model, before export."""

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Inputs [N, inputs] -> value, lo, hi, each [N, outputs]: what the exported graph must reproduce."""

    def to_onnx(self) -> bytes:
        """The graph: one float32 input `inputs` [N, inputs], outputs `value`, `lo`, `hi` [N, outputs]."""


class ModelCode(Protocol):
    """What `models/<package>/` offers, gathered by `training.registry`."""

    def inputs(self) -> list[str]:
        """The model's inputs in column order, in the vocabulary of `models.statistics`."""

    def fit(self, definition: Definition, train: Samples, calibration: Samples, seed: int) -> Fitted:
        """Fit on `train`; set the intervals' width on `calibration`, which shares neither racks nor time with it."""

    def evaluate(self, definition: Definition, fitted: Fitted, test: Samples) -> dict[str, Any]:
        """Scores on rows of racks and times seen in neither, as plain data for the manifest and the card.

        Beside it there may be `rivals(definition, windows)`: what others than the model say of windows [N, channels,
        cells], [N, outputs, ways], so that they are judged on the same rows (`Samples.rivals`).
        """
