"""The fitted model: its native prediction, and the same as one ONNX graph.

The graph holds everything between raw inputs and value, lo, hi: bounds, missing values, scaling, networks, interval.
The pipelines are converted by skl2onnx; what joins them is written here, once in numpy and once in ONNX operators, and
`training` checks one against the other before an artefact is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, checker, compose, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.pipeline import Pipeline

from models.inlet_temperature.features import INPUTS
from models.windows import FloatArray

OPSET = 17
OPSET_ML = 3
_IR_VERSION = 8  # the one of opset 17: older runtimes refuse newer ones


@dataclass(frozen=True)
class View:
    """What the networks see of the inputs: these columns, held between `low` and `high`."""

    columns: npt.NDArray[np.int64]
    low: FloatArray
    high: FloatArray

    def __call__(self, inputs: FloatArray) -> FloatArray:
        """Inputs [N, inputs] -> [N, columns]; missing stays missing."""
        return np.clip(inputs[:, self.columns], self.low, self.high)


@dataclass(frozen=True)
class Head:
    """One target: networks for the change and for the logarithm of the spread, bounds of the change, interval
    factors.
    """

    mean: Pipeline
    spread: Pipeline
    base_column: int
    filled_column: int
    least: float
    most: float
    factors: npt.NDArray[np.floating]

    def raw(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What a `View` gives -> (change, spread), each [N], in the target's unit."""
        change = np.clip(self.mean.predict(inputs), self.least, self.most)
        return change.astype(np.float32), np.exp(self.spread.predict(inputs)).astype(np.float32)

    def with_factors(self, factors: FloatArray) -> Head:
        """The same with its intervals set."""
        return replace(self, factors=factors)


class InletTemperature:
    """A fitted model; see `models.samples.Fitted`. `edges`: seconds of past between groups of interval factors."""

    def __init__(self, see: View, heads: list[Head], edges: FloatArray) -> None:
        self._see = see
        self._heads = heads
        self._edges = edges

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Inputs [N, inputs] -> value, lo, hi, each [N, targets]."""
        seen = self._see(inputs)
        values, halves = [], []
        for head in self._heads:
            change, spread = head.raw(seen)
            group = np.searchsorted(self._edges, inputs[:, head.filled_column])
            values.append(inputs[:, head.base_column] + change)
            halves.append(head.factors[group] * spread)
        value, half = np.stack(values, axis=1).astype(np.float32), np.stack(halves, axis=1).astype(np.float32)
        return value, value - half, value + half

    def to_onnx(self) -> bytes:
        """The graph as bytes; equal fits give equal bytes."""
        nodes: list[NodeProto] = []
        constants: list[TensorProto] = []

        def constant(name: str, value: npt.NDArray[np.generic]) -> str:
            constants.append(numpy_helper.from_array(value, name))
            return name

        def node(op: str, output: str, *inputs: str, **attributes: int) -> str:
            nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
            return output

        low, high = constant("low", self._see.low), constant("high", self._see.high)
        picked = node("Gather", "picked", "inputs", constant("columns", self._see.columns), axis=1)
        # Where, not Max and Min: comparisons with NaN are false, so a missing value passes through on every runtime.
        floor = node("Where", "floored", node("Less", "is_low", picked, low), low, picked)
        bounded = node("Where", "bounded", node("Greater", "is_high", floor, high), high, floor)
        edges = constant("edges", self._edges)
        column = constant("column", np.array([-1, 1], dtype=np.int64))
        last_axis = constant("last_axis", np.array([1], dtype=np.int64))
        values, halves = [], []
        for number, head in enumerate(self._heads):
            p = f"t{number}_"
            outputs = {}
            for part, pipeline in (("mean", head.mean), ("spread", head.spread)):
                piece = _converted(pipeline, len(self._see.columns), f"{p}{part}_")
                node("Identity", piece.graph.input[0].name, bounded)
                nodes.extend(piece.graph.node)
                constants.extend(piece.graph.initializer)
                outputs[part] = node("Reshape", f"{p}{part}", piece.graph.output[0].name, column)
            least = constant(f"{p}least", np.array(head.least, dtype=np.float32))
            most = constant(f"{p}most", np.array(head.most, dtype=np.float32))
            change = node("Clip", f"{p}change", outputs["mean"], least, most)
            which = constant(f"{p}base_column", np.array([head.base_column], dtype=np.int64))
            values.append(node("Add", f"{p}value", node("Gather", f"{p}base", "inputs", which, axis=1), change))
            spread = node("Exp", f"{p}spread_k", outputs["spread"])
            which = constant(f"{p}filled_column", np.array([head.filled_column], dtype=np.int64))
            past = node("Gather", f"{p}past", "inputs", which, axis=1)
            passed = node("Cast", f"{p}passed", node("Greater", f"{p}beyond", past, edges), to=TensorProto.INT64)
            group = node("ReduceSum", f"{p}group", passed, last_axis, keepdims=1)
            table = constant(f"{p}factors", np.asarray(head.factors, dtype=np.float32))
            halves.append(node("Mul", f"{p}half", node("Gather", f"{p}factor", table, group, axis=0), spread))
        value = node("Concat", "value", *values, axis=1)
        half = node("Concat", "half", *halves, axis=1)
        node("Sub", "lo", value, half)
        node("Add", "hi", value, half)
        graph = helper.make_graph(
            nodes,
            "inlet_temperature",
            [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["N", len(INPUTS)])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", len(self._heads)])
                for name in ("value", "lo", "hi")
            ],
            constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="racktwin")
        checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))


def _converted(pipeline: Pipeline, columns: int, prefix: str) -> ModelProto:
    """One pipeline as a graph whose names begin with `prefix`, so that several fit into one graph."""
    piece = to_onnx(
        pipeline,
        initial_types=[("x", FloatTensorType([None, columns]))],
        target_opset={"": OPSET, "ai.onnx.ml": OPSET_ML},
    )
    return compose.add_prefix(piece, prefix)
