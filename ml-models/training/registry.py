"""The models there are, found by their folders, and their code, loaded by name."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Any

import numpy as np

from models.definition import Definition, ModelError, read_definition
from models.samples import Fitted, Samples
from models.windows import FloatArray


@dataclass(frozen=True)
class Model:
    """A model's definition and its code (see `models.samples.ModelCode`)."""

    definition: Definition
    card: Template
    features: Any
    train: Any
    evaluation: Any

    def inputs(self) -> list[str]:
        """The model's inputs in column order."""
        return list(self.features.inputs())

    def fit(self, train: Samples, calibration: Samples, seed: int) -> Fitted:
        """Fit and calibrate."""
        fitted: Fitted = self.train.fit(self.definition, train, calibration, seed)
        return fitted

    def evaluate(self, fitted: Fitted, test: Samples) -> dict[str, Any]:
        """Score on unseen rows."""
        return dict(self.evaluation.evaluate(self.definition, fitted, test))

    def rivals(self, windows: FloatArray) -> FloatArray:
        """What others than the model say of these windows [N, channels, cells]: [N, outputs, ways]."""
        others = getattr(self.evaluation, "rivals", None)
        if others is None:
            return np.empty((len(windows), len(self.definition.outputs()), 0), dtype=np.float32)
        found: FloatArray = others(self.definition, windows)
        return found


def names() -> list[str]:
    """Names of all models, as users write them."""
    folders = (entry for entry in resources.files("models").iterdir() if entry.is_dir())
    return sorted(entry.name.replace("_", "-") for entry in folders if entry.joinpath("model.yaml").is_file())


def load(name: str) -> Model:
    """Load a model by its name.

    Raises:
        ModelError: there is none of that name; the message lists those that there are.
    """
    if name not in names():
        raise ModelError(f"model {name!r}: expected one of {', '.join(names())}")
    package = name.replace("-", "_")
    definition = read_definition(package)
    features, train, evaluation = (
        importlib.import_module(f"models.{package}.{part}") for part in ("features", "train", "evaluate")
    )
    card = Template(resources.files("models").joinpath(package, "CARD.md").read_text(encoding="utf-8"))
    return Model(definition, card, features, train, evaluation)
