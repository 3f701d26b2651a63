"""A model that does not fit its manifest is refused before the first prediction, with the reason."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from tests.unit.runner.conftest import graph, manifest, write

from models.definition import ModelError
from runner.predictor import load


def test_good_model_predicts_any_batch(artefact):
    predictor = load(artefact)
    for rows in (1, 7, 600):
        value, lo, hi = predictor.predict(np.full((rows, 3), 20.0, dtype=np.float32))
        assert value.shape == lo.shape == hi.shape == (rows, 2)
        assert (value[0, 0], lo[0, 0], hi[0, 0]) == (21.0, 20.5, 21.5)


def test_missing_folder_says_how_to_get_a_model(tmp_path):
    with pytest.raises(ModelError, match="make train"):
        load(tmp_path / "nowhere")


def test_missing_graph_is_named(artefact):
    (artefact / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: No such file"):
        load(artefact)


def test_corrupted_graph_is_refused(artefact):
    content = bytearray((artefact / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (artefact / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="sha256"):
        load(artefact)


def test_bytes_that_are_no_graph_are_refused(tmp_path):
    content = b"not a graph"
    with pytest.raises(ModelError, match=r"onnxruntime .* refuses"):
        load(write(tmp_path, content, manifest(content)))


@pytest.mark.parametrize(
    ("content", "changes", "says"),
    [
        (graph(), {"version": "000000000000"}, "version"),
        (graph(inputs=4), {}, r"expected tensor\(float\) \[any, 3\]"),
        (graph(targets=1), {}, "1 columns, expected 2"),
        (graph(outputs=("value", "lo")), {}, "hi missing"),
        (graph(), {"inputs": ["top.last", "bottom.last", "power.median[0:60]"]}, "median"),
        (graph(), {"inputs": ["top.last", "bottom.last"]}, r"\[any, 2\]"),
        (graph(), {"format": 2}, "format 2"),
    ],
)
def test_mismatch_is_refused_with_what_was_expected(tmp_path, content, changes, says):
    with pytest.raises(ModelError, match=says):
        load(write(tmp_path, content, manifest(content, **changes)))


def test_graph_of_an_opset_that_nobody_knows_is_refused_whatever_the_manifest_says(tmp_path):
    content = graph(opset=99)
    with pytest.raises(ModelError, match=r"onnxruntime .* refuses"):
        load(write(tmp_path, content, manifest(content)))


@pytest.mark.parametrize(("changes", "says"), [({"opset": 99}, "opset 99"), ({"input": "x"}, "expected one named 'x'")])
def test_other_interface_is_refused(tmp_path, changes, says):
    content = graph()
    made = manifest(content)
    made = msgspec.structs.replace(made, graph=msgspec.structs.replace(made.graph, **changes))
    with pytest.raises(ModelError, match=says):
        load(write(tmp_path, content, made))
