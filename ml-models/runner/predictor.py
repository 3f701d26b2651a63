"""The ONNX graph of one trained model: checked when loaded, then called with batches.

A graph that does not fit its manifest is refused (`models.checked`), before a single prediction. Single-threaded on
purpose: these graphs are small, threads cost more than they give, and replicas are the way to grow.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models import checked
from models.definition import Manifest, ModelError, read_manifest
from models.statistics import InputPlan

FloatArray = npt.NDArray[np.float32]

# What a graph gives, by its model's task. Forecast: each [N, outputs]. Detect: `score` [N, findings], 0 to 1, the
# limit being 0.5; `share` [N, inputs], what each input contributes to it.
OUTPUTS = {"forecast": ("value", "lo", "hi"), "detect": ("score", "share")}


class Predictor:
    """A loaded model. `manifest` says what it is, `plan` how its inputs are computed."""

    def __init__(self, manifest: Manifest, plan: InputPlan, session: ort.InferenceSession) -> None:
        self.manifest = manifest
        self.plan = plan
        self._session = session
        definition = manifest.definition
        self._names = list(OUTPUTS[definition.task])
        self._input = manifest.graph.input
        self._targets = len(definition.targets)
        self._forecasts = definition.task == "forecast"

    def serving(self, manifest: Manifest) -> Predictor:
        """The same graph under another manifest of the same interface."""
        return Predictor(manifest, self.plan, self._session)

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, ...]:
        """Inputs float32 [N, inputs] -> the task's outputs (`OUTPUTS`), float32, in the targets' units."""
        return tuple(self._session.run(self._names, {self._input: inputs}))

    def finite(self, outputs: tuple[FloatArray, ...]) -> npt.NDArray[np.bool_]:
        """bool [N, targets]: where everything said of a target is a number."""
        if not self._forecasts:
            whole = np.asarray(np.isfinite(outputs[0]).all(axis=1))
            return np.repeat(whole[:, None], self._targets, axis=1)
        good = np.isfinite(outputs[0]) & np.isfinite(outputs[1]) & np.isfinite(outputs[2])
        return np.asarray(good.reshape(len(good), self._targets, -1).all(axis=2))


def load(folder: Path) -> Predictor:
    """Load and check an artefact.

    Raises:
        ModelError: a file is missing or the graph is not what the manifest says; the message names what and where.
    """
    manifest = read_manifest(folder)
    if manifest.definition.task not in OUTPUTS:
        raise ModelError(f"{folder}: a model to {manifest.definition.task}, which runners do not serve")
    content = checked.graph(folder, manifest)
    path = folder / manifest.graph.file
    try:
        plan = InputPlan.of(manifest.inputs, manifest.definition)
    except ValueError as error:
        raise ModelError(f"{folder}: {error}") from error
    predictor = Predictor(manifest, plan, checked.session(path, content, manifest, _columns(manifest)))
    _warm_up(path, predictor)
    return predictor


def _columns(manifest: Manifest) -> dict[str, int]:
    """How many columns each output must have."""
    definition = manifest.definition
    if definition.task == "forecast":
        return dict.fromkeys(OUTPUTS["forecast"], len(definition.outputs()))
    return {"score": len(definition.findings), "share": len(manifest.inputs)}


def _warm_up(path: Path, predictor: Predictor) -> None:
    """Run batches of 1 and 3 through the graph: shows that the batch is free, and makes the first real call fast."""
    definition = predictor.manifest.definition
    wanted = _columns(predictor.manifest)
    for rows in (1, 3):
        windows = np.full((rows, definition.windowed, definition.cells), 20.0, dtype=np.float32)
        try:
            outputs = predictor.predict(predictor.plan.compute(windows))
        except Exception as error:  # as in _open
            raise ModelError(f"{path}: a batch of {rows} fails: {error}") from error
        for (name, columns), output in zip(wanted.items(), outputs, strict=True):
            if output.shape != (rows, columns):
                raise ModelError(f"{path}: output {name!r} has shape {output.shape} for a batch of {rows}")
            if not np.isfinite(output).all():
                raise ModelError(f"{path}: output {name!r} is not finite for a constant window")
