"""The fitted detector: its native verdict, and the same as one ONNX graph.

Inputs are transformed (logarithms of powers and flows, so that ratios become differences), standardised, a missing one
counting as usual. Of the standardised inputs z

* the combined index phi = T2 / its limit + Q / its limit (Hotelling's statistic over the retained principal components,
  and the squared residual outside them; Yue and Qin 2001) is a quadratic form z' F z, so the share of an input in it is
  z_i (F z)_i; in double precision, since components that hardly vary weigh a million times what others do;
* a network gives the probability of each finding that was seen in training.

Every score is moved so that 0.5 is its limit: what a set share of normal windows exceed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, checker, helper, numpy_helper

from models.windows import FloatArray

OPSET = 17
_IR_VERSION = 8
_LEAST_LOG = 1e-3  # of what a logarithm is taken: nothing flows backwards
_FAR = 12.0  # standardised inputs are held within this
_SURE = 40.0  # log-odds are held within this: float32 has no larger difference from certainty
_NOT_THIS = -1e9  # added to what a finding is not compared with: itself


@dataclass(frozen=True)
class Detector:
    """A fitted detector; see `models.samples.Fitted`.

    `logs` [inputs]: of which inputs the logarithm is taken. `mean`, `scale` [inputs]. `form` [inputs, inputs]: F.
    `layers`: weights and biases of the network, the last with one row for normal and one for each finding that was
    trained. `offsets`: what is taken off each finding's log-odds, so that its limit is 0; the last is the limit of phi.
    """

    logs: npt.NDArray[np.bool_]
    mean: FloatArray
    scale: FloatArray
    form: npt.NDArray[np.float64]
    layers: list[tuple[FloatArray, FloatArray]]
    offsets: FloatArray

    def standardised(self, inputs: FloatArray) -> FloatArray:
        """Inputs [N, inputs] -> z [N, inputs], 0 where missing."""
        return standardised(inputs, self.logs, self.mean, self.scale)

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Inputs [N, inputs] -> score [N, findings], share [N, inputs] (0 or more, sums to 1 where anything is off)."""
        z = self.standardised(inputs)
        odds = log_odds(z, self.layers) - self.offsets[:-1]
        parts = z.astype(np.float64) * (z.astype(np.float64) @ self.form)
        phi = parts.sum(axis=1, keepdims=True)
        unusual = phi / (phi + self.offsets[-1])
        score = np.concatenate([1.0 / (1.0 + np.exp(-odds)), unusual], axis=1)
        positive = np.maximum(parts, 0.0)
        share = positive / np.maximum(positive.sum(axis=1, keepdims=True), 1e-6)
        return score.astype(np.float32), share.astype(np.float32)

    def to_onnx(self) -> bytes:
        """The graph as bytes; equal fits give equal bytes."""
        nodes: list[NodeProto] = []
        constants: list[TensorProto] = []

        def constant(name: str, value: npt.NDArray[np.generic] | float) -> str:
            array = np.asarray(value, dtype=None if isinstance(value, np.ndarray) else np.float32)
            constants.append(numpy_helper.from_array(array, name))
            return name

        def node(op: str, output: str, *inputs: str, **attributes: int | list[int]) -> str:
            nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
            return output

        positive = node("Max", "at_least", "inputs", constant("least_log", _LEAST_LOG))
        known = node("Where", "logged", constant("logs", self.logs[None, :]), node("Log", "log", positive), "inputs")
        centred = node("Sub", "centred", known, constant("mean", self.mean))
        scaled = node("Div", "scaled", centred, constant("scale", self.scale))
        # The missing first: whether Max of a logarithm passes NaN on differs between runtimes.
        missing = node("IsNaN", "missing", "inputs")
        filled = node("Where", "filled", missing, constant("zero", 0.0), scaled)
        z = node("Clip", "z", filled, constant("near", -_FAR), constant("far", _FAR))
        hidden = z
        for number, (weights, bias) in enumerate(self.layers):
            linear = node(
                "Gemm", f"linear{number}", hidden, constant(f"w{number}", weights), constant(f"b{number}", bias)
            )
            hidden = linear if number == len(self.layers) - 1 else node("Relu", f"relu{number}", linear)
        findings = self.layers[-1][1].size - 1
        axis = constant("axis", np.array([1], dtype=np.int64))
        # Log-odds of a finding: its logit less the logarithm of the sum of all others'. By its probability instead they
        # would be lost where it is near 1.
        wanted = constant("wanted", np.arange(1, findings + 1, dtype=np.int64))
        found = node("Gather", "logit", hidden, wanted, axis=1)
        others = node("Add", "others", node("Unsqueeze", "each", hidden, axis), constant("not_this", _others(findings)))
        odds = node("Sub", "odds", found, node("ReduceLogSumExp", "rest", others, axes=[2], keepdims=0))
        held = node("Clip", "held", odds, constant("least_sure", -_SURE), constant("most_sure", _SURE))
        moved = node("Sub", "moved", held, constant("offsets", self.offsets[:-1]))
        precise = node("Cast", "precise", z, to=TensorProto.DOUBLE)
        parts = node("Mul", "parts", precise, node("MatMul", "formed", precise, constant("form", self.form)))
        phi = node("ReduceSum", "phi", parts, axis, keepdims=1)
        limit = constant("limit", self.offsets[-1:].astype(np.float64))
        unusual = node("Div", "unusual", phi, node("Add", "above", phi, limit))
        seen = node("Cast", "seen", unusual, to=TensorProto.FLOAT)
        node("Concat", "score", node("Sigmoid", "found", moved), seen, axis=1)
        gains = node("Max", "gains", parts, constant("none", np.array(0.0)))
        some = node(
            "Max", "some", node("ReduceSum", "gained", gains, axis, keepdims=1), constant("tiny", np.array(1e-6))
        )
        node("Cast", "share", node("Div", "shared", gains, some), to=TensorProto.FLOAT)
        graph = helper.make_graph(
            nodes,
            "detector",
            [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["N", len(self.mean)])],
            [
                helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", findings + 1]),
                helper.make_tensor_value_info("share", TensorProto.FLOAT, ["N", len(self.mean)]),
            ],
            constants,
        )
        made = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION, producer_name="racktwin"
        )
        checker.check_model(made, full_check=True)
        return bytes(made.SerializeToString(deterministic=True))


def standardised(inputs: FloatArray, logs: npt.NDArray[np.bool_], mean: FloatArray, scale: FloatArray) -> FloatArray:
    """z [N, inputs] of raw inputs, 0 where missing, held within what is imaginable."""
    with np.errstate(invalid="ignore"):
        known = np.where(logs, np.log(np.maximum(inputs, np.float32(_LEAST_LOG))), inputs)
        z = np.where(np.isnan(inputs), np.float32(0.0), (known - mean) / scale)
    clipped: FloatArray = np.clip(z, -_FAR, _FAR).astype(np.float32)
    return clipped


def log_odds(z: FloatArray, layers: list[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """Log-odds of each finding against everything else, [N, findings]."""
    hidden = z
    for number, (weights, bias) in enumerate(layers):
        hidden = hidden @ weights + bias
        if number < len(layers) - 1:
            hidden = np.maximum(hidden, np.float32(0.0))
    others = hidden[:, None, :] + _others(hidden.shape[1] - 1)
    high = others.max(axis=2, keepdims=True)
    rest = np.log(np.exp(others - high).sum(axis=2)) + high[:, :, 0]
    odds: FloatArray = np.clip(hidden[:, 1:] - rest, -_SURE, _SURE).astype(np.float32)
    return odds


def _others(findings: int) -> FloatArray:
    """What leaves, added to logits, those that a finding is compared with: [1, findings, 1 + findings]."""
    mask = np.zeros((1, findings, findings + 1), dtype=np.float32)
    mask[0, np.arange(findings), np.arange(findings) + 1] = _NOT_THIS
    return mask
