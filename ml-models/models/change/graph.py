"""The fitted model: its native prediction, and the same as one ONNX graph.

There may be two sets of networks: those that know nothing but readings, and those that start from what physics expects
and say how wrong that will be. Each forecast is of the second kind where physics is known, else of the first.

The graph holds everything between raw inputs and value, lo, hi: shares of a reference, bounds, missing values, scaling,
networks, interval. The pipelines are converted by skl2onnx; what joins them is written here, once in numpy and once in
ONNX operators, and `training` checks one against the other before an artefact is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, checker, compose, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.pipeline import Pipeline

from models.change.view import LEAST_REFERENCE, View
from models.windows import FloatArray

OPSET = 17
OPSET_ML = 3
_IR_VERSION = 8  # the one of opset 17: older runtimes refuse newer ones


@dataclass(frozen=True)
class Head:
    """One target at all horizons: networks for the change and for the logarithm of its likely error, bounds of the
    change [horizons], interval factors [groups of past, horizons].

    `physics`: input columns with the change that physics expects at each horizon, None where there are none; `reach`
    [horizons]: no more of it is believed.
    """

    mean: Pipeline
    spread: Pipeline
    base_column: int
    filled_column: int
    least: FloatArray
    most: FloatArray
    factors: FloatArray
    physics: list[int] | None = None
    reach: FloatArray | None = None

    def raw(self, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What a `View` gives -> (change, spread), each [N, horizons], in the target's unit or as a share of the
        reference."""
        shape = (len(seen), len(self.least))
        change = np.clip(self.mean.predict(seen).reshape(shape), self.least, self.most)
        return change.astype(np.float32), np.exp(self.spread.predict(seen)).reshape(shape).astype(np.float32)

    def start(self, inputs: FloatArray) -> FloatArray:
        """What the networks' change is added to, [N, horizons]: the newest reading and what physics adds to it."""
        base = np.repeat(inputs[:, self.base_column : self.base_column + 1], len(self.least), axis=1)
        if self.physics is None or self.reach is None:
            return base
        return base + np.clip(np.nan_to_num(inputs[:, self.physics]), -self.reach, self.reach)

    def with_factors(self, factors: FloatArray) -> Head:
        """The same with its intervals set."""
        return replace(self, factors=factors)


@dataclass(frozen=True)
class Networks:
    """What one set of networks sees, and a head for each target."""

    see: View
    heads: list[Head]

    def predict(self, inputs: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Inputs [N, inputs] -> value and half of its interval's width, each [N, outputs]."""
        seen, scale = self.see(inputs), self.see.scale(inputs)[:, None]
        values, halves = [], []
        for head in self.heads:
            change, spread = head.raw(seen)
            group = np.searchsorted(edges, inputs[:, head.filled_column])
            values.append(head.start(inputs) + change * scale)
            halves.append(head.factors[group] * spread * scale)
        return np.concatenate(values, axis=1), np.concatenate(halves, axis=1)

    @property
    def expected(self) -> list[int]:
        """For each output, the column with the change that physics expects."""
        return [column for head in self.heads for column in head.physics or ()]


class ChangeModel:
    """A fitted model; see `models.samples.Fitted`. `alone` knows readings only; `informed`, if there are any, are the
    networks for where physics is known. `edges`: seconds of past between groups of interval factors."""

    def __init__(self, alone: Networks, edges: FloatArray, inputs: int, informed: Networks | None = None) -> None:
        self.alone, self.informed = alone, informed
        self._edges = edges
        self._inputs = inputs

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Inputs [N, inputs] -> value, lo, hi, each [N, outputs]."""
        value, half = self.alone.predict(inputs, self._edges)
        if self.informed is not None:
            known = np.isfinite(inputs[:, self.informed.expected])
            informed, its_half = self.informed.predict(inputs, self._edges)
            value, half = np.where(known, informed, value), np.where(known, its_half, half)
        return value.astype(np.float32), (value - half).astype(np.float32), (value + half).astype(np.float32)

    def to_onnx(self) -> bytes:
        """The graph as bytes; equal fits give equal bytes."""
        return _Builder(self.alone, self.informed, self._edges, self._inputs).build()


class _Builder:
    """Puts one graph together."""

    def __init__(self, alone: Networks, informed: Networks | None, edges: FloatArray, inputs: int) -> None:
        self._alone, self._informed, self._inputs = alone, informed, inputs
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._edges = self._constant("edges", edges)
        self._last_axis = self._constant("last_axis", np.array([1], dtype=np.int64))

    def build(self) -> bytes:
        if self._informed is None:
            value, half = self._networks(self._alone, "", "value", "half")
        else:
            alone = self._networks(self._alone, "", "alone", "alone_half")
            informed = self._networks(self._informed, "i_", "informed", "informed_half")
            unknown = self._node("IsNaN", "unknown", self._pick("expected", self._informed.expected))
            value = self._node("Where", "value", unknown, alone[0], informed[0])
            half = self._node("Where", "half", unknown, alone[1], informed[1])
        self._node("Sub", "lo", value, half)
        self._node("Add", "hi", value, half)
        columns = sum(len(head.least) for head in self._alone.heads)
        graph = helper.make_graph(
            self._nodes,
            "change",
            [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["N", self._inputs])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", columns]) for name in ("value", "lo", "hi")],
            self._constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="racktwin")
        checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def _networks(self, networks: Networks, p: str, value: str, half: str) -> tuple[str, str]:
        scale = self._scale(networks.see, p)
        bounded = self._bounded(networks.see, scale, p)
        seen = len(networks.see.columns)
        both = [self._head(head, f"{p}t{number}_", bounded, scale, seen) for number, head in enumerate(networks.heads)]
        values, halves = zip(*both, strict=True)
        return self._node("Concat", value, *values, axis=1), self._node("Concat", half, *halves, axis=1)

    def _constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _node(self, op: str, output: str, *inputs: str, **attributes: int) -> str:
        self._nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
        return output

    def _pick(self, name: str, columns: npt.NDArray[np.int64] | list[int]) -> str:
        which = self._constant(f"{name}_columns", np.array(columns, dtype=np.int64))
        return self._node("Gather", name, "inputs", which, axis=1)

    def _scale(self, see: View, p: str) -> str | None:
        if see.reference is None:
            return None
        reference = self._pick(f"{p}reference", [see.reference])
        least = self._constant(f"{p}least_reference", np.array(LEAST_REFERENCE, dtype=np.float32))
        # A missing reference is not greater than anything.
        has = self._node("Greater", f"{p}has_scale", reference, least)
        return self._node("Where", f"{p}scale", has, reference, least)

    def _bounded(self, see: View, scale: str | None, p: str) -> str:
        picked = self._pick(f"{p}picked", see.columns)
        if scale is not None:
            share = self._constant(f"{p}is_relative", see.relative[None, :])
            one = self._constant(f"{p}one", np.array(1.0, dtype=np.float32))
            picked = self._node("Div", f"{p}shares", picked, self._node("Where", f"{p}divisor", share, scale, one))
        low, high = self._constant(f"{p}low", see.low), self._constant(f"{p}high", see.high)
        # Where, not Max and Min: comparisons with NaN are false, so a missing value passes through on every runtime.
        floor = self._node("Where", f"{p}floored", self._node("Less", f"{p}is_low", picked, low), low, picked)
        return self._node("Where", f"{p}bounded", self._node("Greater", f"{p}is_high", floor, high), high, floor)

    def _head(self, head: Head, p: str, bounded: str, scale: str | None, seen: int) -> tuple[str, str]:
        shape = self._constant(f"{p}shape", np.array([-1, len(head.least)], dtype=np.int64))
        outputs = {}
        for part, pipeline in (("mean", head.mean), ("spread", head.spread)):
            piece = _converted(pipeline, seen, f"{p}{part}_")
            self._node("Identity", piece.graph.input[0].name, bounded)
            self._nodes.extend(piece.graph.node)
            self._constants.extend(piece.graph.initializer)
            outputs[part] = self._node("Reshape", f"{p}{part}", piece.graph.output[0].name, shape)
        least, most = self._constant(f"{p}least", head.least), self._constant(f"{p}most", head.most)
        change = self._node("Min", f"{p}change", self._node("Max", f"{p}floor", outputs["mean"], least), most)
        if scale is not None:
            change = self._node("Mul", f"{p}scaled", change, scale)
        value = self._node("Add", f"{p}value", self._start(head, p), change)
        past = self._pick(f"{p}past", [head.filled_column])
        beyond = self._node("Greater", f"{p}beyond", past, self._edges)
        passed = self._node("Cast", f"{p}passed", beyond, to=TensorProto.INT64)
        group = self._node("ReduceSum", f"{p}group", passed, self._last_axis, keepdims=0)
        factor = self._node("Gather", f"{p}factor", self._constant(f"{p}factors", head.factors), group, axis=0)
        half = self._node("Mul", f"{p}half", factor, self._node("Exp", f"{p}error", outputs["spread"]))
        return value, half if scale is None else self._node("Mul", f"{p}scaled_half", half, scale)

    def _start(self, head: Head, p: str) -> str:
        base = self._pick(f"{p}base", [head.base_column] * len(head.least))
        if head.physics is None or head.reach is None:
            return base
        expected = self._pick(f"{p}expected", head.physics)
        zero = self._constant(f"{p}zero", np.array(0.0, dtype=np.float32))
        known = self._node("Where", f"{p}known", self._node("IsNaN", f"{p}unknown", expected), zero, expected)
        low, high = self._constant(f"{p}reach_low", -head.reach), self._constant(f"{p}reach_high", head.reach)
        believed = self._node("Min", f"{p}believed", self._node("Max", f"{p}at_least", known, low), high)
        return self._node("Add", f"{p}start", base, believed)


def _converted(pipeline: Pipeline, columns: int, prefix: str) -> ModelProto:
    """One pipeline as a graph whose names begin with `prefix`, so that several fit into one graph."""
    piece = to_onnx(
        pipeline,
        initial_types=[("x", FloatTensorType([None, columns]))],
        target_opset={"": OPSET, "ai.onnx.ml": OPSET_ML},
    )
    return compose.add_prefix(piece, prefix)
