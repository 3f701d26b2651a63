"""A model that does not fit its manifest is refused before the first prediction, with the reason."""

from __future__ import annotations

import msgspec
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from tests.unit.runner.conftest import graph, manifest, write

from models.definition import ModelError
from models.opset import opset_of
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


@pytest.mark.parametrize("said", [12, 17])
def test_graph_of_an_opset_that_is_too_old_is_refused_whatever_the_manifest_says(tmp_path, said):
    content = graph(opset=12)
    made = manifest(content)
    made = msgspec.structs.replace(made, graph=msgspec.structs.replace(made.graph, opset=said))
    with pytest.raises(ModelError, match="opset 12, this runner serves 13 to 24"):
        load(write(tmp_path, content, made))


def test_opset_is_read_from_a_graph_of_several_domains():
    made = onnx.load_model_from_string(graph(opset=18))
    made.opset_import.insert(0, helper.make_opsetid("ai.onnx.ml", 3))
    assert opset_of(made.SerializeToString()) == 18
    made.opset_import[1].domain = "ai.onnx"
    assert opset_of(made.SerializeToString()) == 18
    del made.opset_import[1]
    assert opset_of(made.SerializeToString()) is None


@given(st.binary(max_size=40))
def test_bytes_of_any_kind_give_an_opset_or_say_that_they_are_none(content):
    try:
        found = opset_of(content)
    except ValueError:
        return
    assert found is None or found >= 0


@pytest.mark.parametrize(("card", "says"), [(None, "No such file"), (b" \n\n", "empty"), (b"\xff", "not UTF-8")])
def test_a_model_without_a_card_that_says_something_is_refused(artefact, card, says):
    place = artefact / "CARD.md"
    place.unlink()
    if card is not None:
        place.write_bytes(card)
    with pytest.raises(ModelError, match=says):
        load(artefact)


@pytest.mark.parametrize(
    ("changes", "says"), [({"opset": 99}, "the manifest says 99"), ({"input": "x"}, "expected one named 'x'")]
)
def test_other_interface_is_refused(tmp_path, changes, says):
    content = graph()
    made = manifest(content)
    made = msgspec.structs.replace(made, graph=msgspec.structs.replace(made.graph, **changes))
    with pytest.raises(ModelError, match=says):
        load(write(tmp_path, content, made))
