"""The fitted model: its native verdict, and the same as one ONNX graph.

Each part has a network of its own over its own inputs, standardised, a missing one counting as usual: of one hidden
layer pair come the odds that the part is to be told of, the logarithm of the hours that it lasts, and how uncertain
that is. A part of which nothing is known scores 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, checker, helper, numpy_helper

from models.windows import FloatArray

OPSET: Final = 17
_IR_VERSION: Final = 8
_FAR: Final = 6.0
# Hours are learnt as logarithms of themselves and this more: of a part that is done for, hours do not matter.
SOON_H: Final = 6.0
_LOG_H: Final = (float(np.log(SOON_H)), 11.4)
_LOG_WIDTH: Final = (-3.0, 1.5)
Layers = list[tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class PartNet:
    """One part's networks. `columns` of the inputs, the first of which says by being a number that the part is known;
    `mean`, `scale` of each. `odds`, `life`, `width`: layers; `offset` is taken off the odds, so that their limit is 0;
    `below`, `above`: by how many widths the interval reaches either way."""

    columns: npt.NDArray[np.int64]
    mean: FloatArray
    scale: FloatArray
    odds: Layers
    life: Layers
    width: Layers
    offset: float
    below: float
    above: float

    def standardised(self, inputs: FloatArray) -> FloatArray:
        """[N, inputs] -> [N, columns], 0 where missing."""
        mine = inputs[:, self.columns]
        with np.errstate(invalid="ignore"):
            z = np.where(np.isnan(mine), np.float32(0.0), (mine - self.mean) / self.scale)
        return np.clip(z, -_FAR, _FAR).astype(np.float32)

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Score [N] and hours [N, 3]: expected, soonest, latest."""
        z = self.standardised(inputs)
        known = np.isfinite(inputs[:, self.columns[0]])
        odds = np.clip(run(self.odds, z) - np.float32(self.offset), -30.0, 30.0)
        score = np.where(known, 1.0 / (1.0 + np.exp(-odds)), 0.0)
        middle = np.clip(run(self.life, z), *_LOG_H)
        width = np.exp(np.clip(run(self.width, z), *_LOG_WIDTH))
        logs = np.stack([middle, middle - self.below * width, middle + self.above * width], axis=1)
        hours = np.maximum(np.exp(np.clip(logs, *_LOG_H)) - SOON_H, 0.0)
        return score.astype(np.float32), hours.astype(np.float32)


def run(layers: Layers, z: FloatArray) -> FloatArray:
    """One number for each row of z."""
    hidden = z
    for number, (weights, bias) in enumerate(layers):
        hidden = hidden @ weights + bias
        if number < len(layers) - 1:
            hidden = np.maximum(hidden, np.float32(0.0))
    return hidden[:, 0]


@dataclass(frozen=True)
class Maintainer:
    """The whole fitted model: `parts` in the order of the definition's findings."""

    parts: list[PartNet]
    inputs: int

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Inputs [N, inputs] -> score [N, parts], life [N, 3 x parts] in hours."""
        each = [part.predict(inputs) for part in self.parts]
        return np.stack([score for score, _ in each], axis=1), np.concatenate([life for _, life in each], axis=1)

    def to_onnx(self) -> bytes:
        """The graph as bytes; equal fits give equal bytes."""
        writer = _Writer()
        scores, lives = zip(*(writer.part(number, part) for number, part in enumerate(self.parts)), strict=True)
        writer.node("Concat", "score", *scores, axis=1)
        writer.node("Concat", "life", *lives, axis=1)
        count = len(self.parts)
        graph = helper.make_graph(
            writer.nodes,
            "maintainer",
            [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["N", self.inputs])],
            [
                helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", count]),
                helper.make_tensor_value_info("life", TensorProto.FLOAT, ["N", 3 * count]),
            ],
            writer.constants,
        )
        made = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION, producer_name="racktwin"
        )
        checker.check_model(made, full_check=True)
        return bytes(made.SerializeToString(deterministic=True))


class _Writer:
    """Gathers the graph's nodes."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.constant("zero", 0.0)

    def constant(self, name: str, value: npt.NDArray[np.generic] | float) -> str:
        array = np.asarray(value, dtype=None if isinstance(value, np.ndarray) else np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op: str, output: str, *inputs: str, **attributes: int) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
        return output

    def clip(self, name: str, value: str, low: float, high: float) -> str:
        return self.node("Clip", name, value, self.constant(f"{name}_low", low), self.constant(f"{name}_high", high))

    def layers(self, name: str, layers: Layers, z: str) -> str:
        hidden = z
        for number, (weights, bias) in enumerate(layers):
            w, b = self.constant(f"{name}_w{number}", weights), self.constant(f"{name}_b{number}", bias)
            hidden = self.node("Gemm", f"{name}_{number}", hidden, w, b)
            if number < len(layers) - 1:
                hidden = self.node("Relu", f"{name}_relu{number}", hidden)
        return hidden

    def part(self, number: int, part: PartNet) -> tuple[str, str]:
        """Names of its score [N, 1] and life [N, 3]."""
        own = f"p{number}"
        mine = self.node("Gather", f"{own}_in", "inputs", self.constant(f"{own}_columns", part.columns), axis=1)
        centred = self.node("Sub", f"{own}_centred", mine, self.constant(f"{own}_mean", part.mean))
        scaled = self.node("Div", f"{own}_scaled", centred, self.constant(f"{own}_scale", part.scale))
        filled = self.node("Where", f"{own}_filled", self.node("IsNaN", f"{own}_missing", mine), "zero", scaled)
        z = self.clip(f"{own}_z", filled, -_FAR, _FAR)
        raw = self.node("Sub", f"{own}_moved", self.layers(f"{own}_odds", part.odds, z),
                        self.constant(f"{own}_offset", part.offset))  # fmt: skip
        score = self.node("Sigmoid", f"{own}_sigmoid", self.clip(f"{own}_held", raw, -30.0, 30.0))
        first = self.node(
            "Gather", f"{own}_first", mine, self.constant(f"{own}_at", np.array([0], dtype=np.int64)), axis=1
        )
        score = self.node("Where", f"{own}_score", self.node("IsNaN", f"{own}_unknown", first), "zero", score)
        middle = self.clip(f"{own}_middle", self.layers(f"{own}_life", part.life, z), *_LOG_H)
        width = self.node(
            "Exp", f"{own}_width", self.clip(f"{own}_wide", self.layers(f"{own}_scatter", part.width, z), *_LOG_WIDTH)
        )
        low = self.node(
            "Sub",
            f"{own}_soonest",
            middle,
            self.node("Mul", f"{own}_down", width, self.constant(f"{own}_below", part.below)),
        )
        high = self.node(
            "Add",
            f"{own}_latest",
            middle,
            self.node("Mul", f"{own}_up", width, self.constant(f"{own}_above", part.above)),
        )
        logs = self.clip(f"{own}_logs", self.node("Concat", f"{own}_all", middle, low, high, axis=1), *_LOG_H)
        hours = self.node(
            "Sub", f"{own}_hours", self.node("Exp", f"{own}_exp", logs), self.constant(f"{own}_soon", SOON_H)
        )
        return score, self.node("Max", f"{own}_left", hours, "zero")
