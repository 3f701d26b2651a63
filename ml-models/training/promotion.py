"""From a trained artefact to what serves: publish, compare with what serves on the same rows, promote past the gate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from models.definition import read_manifest
from models.registry import Registry, State
from models.samples import Samples
from training.gate import Verdict, judge


@dataclass(frozen=True)
class Promoted:
    """What became of a version."""

    version: str
    served_before: str | None
    verdict: Verdict


def promote(
    registry: Registry, folder: Path, test: Samples, *, now_ms: int, by: str, scratch: Path, margin: float = 0.0
) -> Promoted:
    """Publish the artefact in `folder`; let it serve if it passes the gate. `test`: rows that it was not fitted on.

    Raises:
        RegistryError: the registry cannot be read or written.
    """
    manifest = registry.publish(folder)
    name = manifest.definition.name
    pointer = registry.pointer(name)
    serving = None
    if pointer is not None and pointer.version != manifest.version:
        other = registry.fetch(name, pointer.version, scratch)
        serving = mae(other, test)
    overall: dict[str, Any] = manifest.metrics["overall"]
    verdict = judge(
        skill=overall["skill"],
        coverage=overall["coverage"],
        nominal=manifest.definition.coverage,
        mae=mae(folder, test) or overall["mae"],
        mae_of_serving=serving,
        margin=margin,
    )
    if verdict.passed:
        registry.promote(name, manifest.version, at_ms=now_ms, by=by, reason=verdict.reason)
        # A new version begins with a clean sheet.
        registry.set_state(name, State(manifest.version, now_ms))
    return Promoted(manifest.version, pointer.version if pointer else None, verdict)


def mae(folder: Path, test: Samples) -> float | None:
    """Mean absolute error of an artefact on rows at its own horizon; None where it reads other inputs or outputs."""
    manifest = read_manifest(folder)
    outputs = manifest.definition.outputs()
    if len(manifest.inputs) != test.inputs.shape[1] or len(outputs) != test.truth.shape[1]:
        return None
    graph = (folder / manifest.graph.file).read_bytes()
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    value = session.run(["value"], {manifest.graph.input: test.inputs})[0]
    columns = [k for k, output in enumerate(outputs) if output.horizon_s == manifest.definition.horizon_s]
    rows = np.zeros_like(test.usable)
    rows[:, columns] = test.usable[:, columns] & np.isfinite(value[:, columns])
    return float(np.mean(np.abs(value[rows] - test.truth[rows]))) if rows.any() else None
