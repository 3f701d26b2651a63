"""The ONNX graph of one trained model: checked when loaded, then called with batches. The one user of onnxruntime.

A graph that does not fit its manifest is refused here, before a single prediction. Single-threaded on purpose: these
graphs are small, threads cost more than they give, and replicas are the way to grow.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models.definition import CARD_FILE, Manifest, ModelError, read_manifest, version_of
from models.statistics import InputPlan
from runner.opset import opset_of

FloatArray = npt.NDArray[np.float32]

# What a graph gives, by its model's task. Forecast: each [N, outputs]. Detect: `score` [N, findings], 0 to 1, the
# limit being 0.5; `share` [N, inputs], what each input contributes to it.
OUTPUTS = {"forecast": ("value", "lo", "hi"), "detect": ("score", "share")}
# ONNX operator sets of the default domain that this runner's onnxruntime is known to serve.
OLDEST_OPSET, NEWEST_OPSET = 13, 24


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
    path = folder / manifest.graph.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.graph.sha256:
        raise ModelError(
            f"{path}: sha256 {digest}, the manifest says {manifest.graph.sha256}; the files are not of one training"
        )
    if version_of(content) != manifest.version:
        raise ModelError(f"{path}: version {version_of(content)}, the manifest says {manifest.version}")
    _check_card(folder / CARD_FILE)
    definition = manifest.definition
    try:
        plan = InputPlan.of(manifest.inputs, definition)
    except ValueError as error:
        raise ModelError(f"{folder}: {error}") from error
    session = _open(path, content)
    _check_opset(path, content, manifest)
    _check_interface(path, session, manifest)
    predictor = Predictor(manifest, plan, session)
    _warm_up(path, predictor)
    return predictor


def _check_opset(path: Path, content: bytes, manifest: Manifest) -> None:
    """The graph's own word counts: onnxruntime runs older ones too, by rules that nobody has tested here."""
    try:
        opset = opset_of(content)
    except ValueError as error:
        raise ModelError(f"{path}: no ONNX graph: {error}") from error
    if opset is None or not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        said = "no opset" if opset is None else f"opset {opset}"
        raise ModelError(f"{path}: {said}, this runner serves {OLDEST_OPSET} to {NEWEST_OPSET}")
    if opset != manifest.graph.opset:
        raise ModelError(f"{path}: opset {opset}, the manifest says {manifest.graph.opset}")


def _check_card(card: Path) -> None:
    try:
        said = card.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ModelError(f"{card}: {why}; a model without its card is not served") from error
    if not said:
        raise ModelError(f"{card}: empty; a model without its card is not served")


def _open(path: Path, content: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Warnings of the graph optimiser are of no use to who runs this; errors are raised anyway.
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(content, sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own classes, all plain subclasses of Exception
        raise ModelError(f"{path}: onnxruntime {ort.__version__} refuses the graph: {error}") from error


def _check_interface(path: Path, session: ort.InferenceSession, manifest: Manifest) -> None:
    graph = manifest.graph
    given = session.get_inputs()
    if len(given) != 1 or given[0].name != graph.input:
        raise ModelError(f"{path}: inputs {[i.name for i in given]}, expected one named {graph.input!r}")
    shape, kind = given[0].shape, given[0].type
    if kind != "tensor(float)" or len(shape) != 2 or isinstance(shape[0], int) or shape[1] != len(manifest.inputs):
        raise ModelError(
            f"{path}: input {graph.input!r} is {kind} {shape}, expected tensor(float) [any, {len(manifest.inputs)}]"
        )
    wanted = _columns(manifest)
    names = [output.name for output in session.get_outputs()]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ModelError(f"{path}: outputs {names}, {', '.join(missing)} missing")
    for output in session.get_outputs():
        columns = output.shape[1] if len(output.shape) == 2 else None
        if output.name in wanted and isinstance(columns, int) and columns != wanted[output.name]:
            raise ModelError(f"{path}: output {output.name!r} has {columns} columns, expected {wanted[output.name]}")


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
