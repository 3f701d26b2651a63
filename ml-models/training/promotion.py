"""From a trained artefact to what serves: publish, compare with what serves on the same rows, promote past the gate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort

from models.definition import Manifest, read_manifest
from models.registry import Outcome, Registry
from models.samples import Samples
from training.gate import USUAL, Gate, Verdict, judge, judge_detector, judge_maintainer

# Of a training that brought nothing new: equal histories and seeds give equal graphs.
SAME: Final = "the same as what serves: nothing changed"


@dataclass(frozen=True)
class Promoted:
    """What became of a version."""

    version: str
    served_before: str | None
    verdict: Verdict


def promote(
    registry: Registry, folder: Path, test: Samples | None, *, now_ms: int, by: str, scratch: Path, gate: Gate = USUAL
) -> Promoted:
    """Publish the artefact in `folder`; let it serve if it passes the gate. `test`: rows that it was not fitted on;
    None for a model that detects. How it went is noted in the registry.

    Raises:
        RegistryError: the registry cannot be read or written.
    """
    manifest = registry.publish(folder)
    name = manifest.definition.name
    pointer = registry.pointer(name)
    if pointer is not None and pointer.version == manifest.version:
        # Promoting it would say that something changed, and wipe out that it drifts or is paused.
        same = Verdict(False, SAME)
        registry.set_outcome(name, Outcome(manifest.version, now_ms, promoted=False, reason=same.reason))
        return Promoted(manifest.version, pointer.version, same)
    other = pointer.version if pointer is not None else None
    if manifest.definition.task == "maintain":
        verdict = _maintains(registry, manifest, other, gate)
    elif test is None:
        verdict = _detects(registry, manifest, other, gate.margin)
    else:
        verdict = _forecasts(registry, folder, manifest, test, gate=gate, other=other, scratch=scratch)
    if verdict.passed and not gate.promote:
        verdict = Verdict(False, f"it passed the gate and waits for a person to promote it: {verdict.reason}")
    if verdict.passed:
        registry.promote(name, manifest.version, at_ms=now_ms, by=by, reason=verdict.reason)
    registry.set_outcome(name, Outcome(manifest.version, now_ms, promoted=verdict.passed, reason=verdict.reason))
    return Promoted(manifest.version, pointer.version if pointer else None, verdict)


def _forecasts(
    registry: Registry, folder: Path, manifest: Manifest, test: Samples, *, gate: Gate, other: str | None, scratch: Path
) -> Verdict:
    overall: dict[str, Any] = manifest.metrics["overall"]
    name = manifest.definition.name
    return judge(
        gate,
        skill=overall["skill"],
        coverage=overall["coverage"],
        nominal=manifest.definition.coverage,
        mae=mae(folder, test) or overall["mae"],
        mae_of_serving=None if other is None else mae(registry.fetch(name, other, scratch), test),
    )


def _detects(registry: Registry, manifest: Manifest, other: str | None, margin: float) -> Verdict:
    """By its card and that of what serves: their test plants are of one kind, and rows of faults are not kept. What
    reads other inputs was tested on plants of its time, which were others: it is no comparison."""
    metrics, serving = manifest.metrics, None
    if other is not None:
        served = registry.manifest(manifest.definition.name, other)
        serving = served.metrics.get("f1") if served.inputs == manifest.inputs else None
    return judge_detector(
        f1=metrics["f1"], false_alarm_rate=metrics["falseAlarmRate"], f1_of_serving=serving, margin=margin
    )


def _maintains(registry: Registry, manifest: Manifest, other: str | None, gate: Gate) -> Verdict:
    """By its card and that of what serves; a part at which it is no better than the trend is left to that."""
    metrics = manifest.metrics
    serving = None if other is None else registry.manifest(manifest.definition.name, other).metrics
    mine = [found["model"] for found in metrics["parts"].values() if found["serves"]]
    return judge_maintainer(
        gate,
        parts=len(mine),
        episodes=sum(found["episodes"] for found in mine),
        coverage=metrics["serving"]["modelCoverage"],
        nominal=manifest.definition.coverage,
        f1=metrics["serving"]["f1"],
        f1_of_serving=None if serving is None else serving.get("serving", {}).get("f1"),
    )


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
