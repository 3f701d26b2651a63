"""The checks that a graph passes before anybody serves it: its files are whole and of one training, its operator
set is known, and it has the interface that its manifest says. Shared by all that serve (`runner`, `upkeep`, files).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import onnxruntime as ort

from models.definition import CARD_FILE, Manifest, ModelError, version_of
from models.opset import opset_of

# ONNX operator sets of the default domain that this onnxruntime is known to serve.
OLDEST_OPSET: Final = 13
NEWEST_OPSET: Final = 24


def graph(folder: Path, manifest: Manifest) -> bytes:
    """The graph of an artefact, if it is the one that its manifest speaks of and has its card.

    Raises:
        ModelError: a file is missing, or not of this training; the message names what and where.
    """
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
    return content


def session(path: Path, content: bytes, manifest: Manifest, columns: Mapping[str, int]) -> ort.InferenceSession:
    """The graph opened, single-threaded, if it takes the manifest's inputs and gives these outputs, with so many
    columns each. `path` is for messages.

    Raises:
        ModelError: onnxruntime refuses it, or its interface differs.
    """
    opened = _open(path, content)
    _check_opset(path, content, manifest)
    _check_interface(path, opened, manifest, columns)
    return opened


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


def _check_interface(path: Path, opened: ort.InferenceSession, manifest: Manifest, columns: Mapping[str, int]) -> None:
    wanted_input = manifest.graph.input
    given = opened.get_inputs()
    if len(given) != 1 or given[0].name != wanted_input:
        raise ModelError(f"{path}: inputs {[i.name for i in given]}, expected one named {wanted_input!r}")
    shape, kind = given[0].shape, given[0].type
    if kind != "tensor(float)" or len(shape) != 2 or isinstance(shape[0], int) or shape[1] != len(manifest.inputs):
        raise ModelError(
            f"{path}: input {wanted_input!r} is {kind} {shape}, expected tensor(float) [any, {len(manifest.inputs)}]"
        )
    names = [output.name for output in opened.get_outputs()]
    missing = [name for name in columns if name not in names]
    if missing:
        raise ModelError(f"{path}: outputs {names}, {', '.join(missing)} missing")
    for output in opened.get_outputs():
        has = output.shape[1] if len(output.shape) == 2 else None
        if output.name in columns and isinstance(has, int) and has != columns[output.name]:
            raise ModelError(f"{path}: output {output.name!r} has {has} columns, expected {columns[output.name]}")
