"""A hand-made model for the runner's tests: value = last + 1, lo and hi half a degree around it. No training needed."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from models.definition import MANIFEST_FORMAT, Channel, Graph, Manifest, read_definition, version_of
from racktwin.messages import Reading, encode

INPUTS = ["top.last", "bottom.last", "power.mean[0:60]"]
NOW = 1_800_000_000_000
PARTITION = ("racktwin.readings.berlin", 0)


def graph(inputs: int = len(INPUTS), targets: int = 2, opset: int = 17, outputs=("value", "lo", "hi")) -> bytes:
    picked = numpy_helper.from_array(np.arange(targets, dtype=np.int64), "picked")
    offsets = {"value": 1.0, "lo": 0.5, "hi": 1.5}
    constants = [numpy_helper.from_array(np.array(offsets[name], dtype=np.float32), f"by_{name}") for name in outputs]
    nodes = [helper.make_node("Gather", ["inputs", "picked"], ["last"], axis=1)]
    nodes += [helper.make_node("Add", ["last", f"by_{name}"], [name]) for name in outputs]
    made = helper.make_graph(
        nodes,
        "plus_one",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["N", inputs])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", targets]) for name in outputs],
        [picked, *constants],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(model.SerializeToString())


def opset_in(content: bytes) -> int:
    try:
        return onnx.load_model_from_string(content).opset_import[0].version
    except DecodeError:
        return 17


def manifest(content: bytes, **changes) -> Manifest:
    whole = Manifest(
        format=MANIFEST_FORMAT,
        version=version_of(content),
        created=NOW,
        # One horizon, so that a test can say what one prediction is.
        definition=msgspec.structs.replace(read_definition("inlet_temperature"), horizons_s=[]),
        inputs=list(INPUTS),
        graph=Graph(
            file="model.onnx",
            sha256=hashlib.sha256(content).hexdigest(),
            opset=opset_in(content),
            input="inputs",
            outputs=["value", "lo", "hi"],
        ),
        training={},
        metrics={},
    )
    return msgspec.structs.replace(whole, **changes)


def with_outlook(**changes) -> Manifest:
    """A model that says what an optional channel says, and where there is none, what was last."""
    made = graph_of_optional()
    definition = msgspec.structs.replace(read_definition("inlet_temperature"), horizons_s=[])
    windowed = [channel for channel in definition.channels if not channel.optional]
    beside = Channel("near", "outlook", "top900", "Cel", optional=True, stale_after_s=120)
    return manifest(
        made,
        definition=msgspec.structs.replace(definition, channels=[*windowed, beside]),
        inputs=["top.last", "near.less[top]"],
        **changes,
    )


def graph_of_optional() -> bytes:
    zero = numpy_helper.from_array(np.array(0.0, dtype=np.float32), "zero")
    columns = [numpy_helper.from_array(np.array([k], dtype=np.int64), f"column{k}") for k in (0, 1)]
    nodes = [
        helper.make_node("Gather", ["inputs", "column0"], ["last"], axis=1),
        helper.make_node("Gather", ["inputs", "column1"], ["expected"], axis=1),
        helper.make_node("IsNaN", ["expected"], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", "expected"], ["change"]),
        helper.make_node("Add", ["last", "change"], ["one"]),
        *(helper.make_node("Concat", ["one", "one"], [name], axis=1) for name in ("value", "lo", "hi")),
    ]
    made = helper.make_graph(
        nodes,
        "as_expected",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in ("value", "lo", "hi")],
        [zero, *columns],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def write(folder, content: bytes, made: Manifest):
    (folder / "model.onnx").write_bytes(content)
    (folder / "model.json").write_bytes(msgspec.json.encode(made))
    (folder / "CARD.md").write_text("# plus one\n", encoding="utf-8")
    return folder


@pytest.fixture
def artefact(tmp_path):
    content = graph()
    return write(tmp_path, content, manifest(content))


def reading(thing="rack-1", feature="environment.top", at=NOW, quality="good", kind="rack", **values) -> bytes:
    return encode(
        Reading(
            v=1,
            thing=f"racktwin.berlin:{thing}",
            feature=feature,
            observed_at=at,
            received_at=at,
            values=values or {"temperature": 22.0, "relativeHumidity": 40.0},
            quality=quality,
            device=f"racktwin.berlin:{thing}",
            kind=kind,
            room="hall-a",
            row="r01",
        )
    )
