"""The artefact: graph, manifest and card, checked against the native model before anything is written."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime as ort

from models.definition import CARD_FILE, GRAPH_FILE, MANIFEST_FILE, MANIFEST_FORMAT, Graph, Manifest, version_of
from models.samples import Fitted, Samples
from training.registry import Model

# Largest difference between the native model and its graph, in the target's unit.
PARITY_LIMIT = 0.01
# Travels in a ConfigMap, whose limit is 1 MiB with everything base64-encoded.
SIZE_LIMIT = 700_000
OUTPUTS = {"forecast": ["value", "lo", "hi"], "detect": ["score", "share"], "maintain": ["score", "life"]}


class ArtefactError(Exception):
    """A trained model that must not be published: what is wrong with it."""


def parity(graph: bytes, fitted: Fitted, test: Samples) -> float:
    """Largest difference between the graph and the native model over the usable rows of `test`.

    Raises:
        ArtefactError: it is beyond `PARITY_LIMIT`, or the graph gives no number where the model gives one.
    """
    names = OUTPUTS["forecast"]
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    served = session.run(names, {"inputs": test.inputs})
    worst = 0.0
    for name, native, onnx_value in zip(names, fitted.predict(test.inputs), served, strict=True):
        difference = np.abs(native - onnx_value)[test.usable]
        if not np.isfinite(difference).all():
            raise ArtefactError(f"output {name!r} of the graph is not a number where the native model's is")
        worst = max(worst, float(difference.max()))
    if worst > PARITY_LIMIT:
        raise ArtefactError(f"graph and native model differ by {worst:.4f}, at most {PARITY_LIMIT} allowed")
    return worst


def manifest(
    model: Model, graph: bytes, training: dict[str, Any], metrics: dict[str, Any], created_ms: int
) -> Manifest:
    """The manifest of a graph."""
    opset = next(
        item.version for item in onnx.load_model_from_string(graph).opset_import if item.domain in ("", "ai.onnx")
    )
    return Manifest(
        format=MANIFEST_FORMAT,
        version=version_of(graph),
        created=created_ms,
        definition=model.definition,
        inputs=model.inputs(),
        graph=Graph(
            file=GRAPH_FILE,
            sha256=hashlib.sha256(graph).hexdigest(),
            opset=opset,
            input="inputs",
            outputs=OUTPUTS[model.definition.task],
        ),
        training=training,
        metrics=metrics,
    )


def card(model: Model, made: Manifest) -> str:
    """The card, from the model's template and the manifest."""
    definition = model.definition
    return model.card.substitute(
        _common(made),
        targets=" and ".join(target.name for target in definition.targets),
        horizon_min=", ".join(str(horizon // 60) for horizon in definition.horizons),
        window_min=definition.window_s // 60,
        coverage_percent=round(definition.coverage * 100),
        split=made.training["split"],
        scores=_table(made.metrics),
        physics=_against_physics(made.metrics.get("physics")),
        bar=_against_bar(made.metrics.get("bar")),
        expiry_s=definition.expiry_s,
    )


def detector_card(model: Model, made: Manifest) -> str:
    """The card of a model that detects."""
    definition, metrics = model.definition, made.metrics
    table = [
        "| | share of windows | reported | named rightly |",
        "|---|---|---|---|",
        f"| normal | {1 - metrics['share']:.3f} | {metrics['falseAlarmRate']:.5f} | |",
    ]
    for name, found in metrics["byFinding"].items():
        share = found["windows"] / metrics["windows"]
        table.append(f"| {name} | {share:.3f} | {found['recall']:.3f} | {found['named']:.3f} |")
    table.append("")
    table.append(
        f"F1 {metrics['f1']:.3f}, precision {metrics['precision']:.3f}, recall {metrics['recall']:.3f}, "
        f"false alarm rate {metrics['falseAlarmRate']:.5f}, over {metrics['windows']} windows."
    )
    return model.card.substitute(
        _common(made),
        findings="; ".join(f"{finding.name} ({finding.cause})" for finding in definition.findings),
        window_min=definition.window_s // 60,
        scores="\n".join(table),
    )


_COMPARED = (
    ("episodes (and unit-years of parts that are well)", "episodes", "unitYears"),
    ("precision", "precision", ""),
    ("recall", "recall", ""),
    ("recall of breaks", "brokenRecall", ""),
    ("false alarms in 1,000 unit-years", "falsePer1000UnitYears", ""),
    ("days ahead, median (tenth)", "daysAheadMedian", "daysAheadTenth"),
    ("coverage of the remaining life's interval", "lifeCoverage", ""),
    ("error of the remaining life, median, days (share)", "lifeErrorDays", "lifeErrorShare"),
    ("width of its interval, median, days", "lifeWidthDays", ""),
)


def maintainer_card(model: Model, made: Manifest) -> str:
    """The card of the model that judges what wears."""
    definition, parts = made.definition, made.metrics["parts"]
    head = [f"{name} {who}" for name in parts for who in ("model", "trend")]
    table = ["| | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for label, key, second in _COMPARED:
        cells = [_beside(found[who], key, second) for found in parts.values() for who in ("model", "trend")]
        table.append(f"| {label} | " + " | ".join(cells) + " |")
    serves = [name for name, found in parts.items() if found["serves"]]
    left = [name for name in parts if name not in serves]
    return model.card.substitute(
        _common(made),
        findings="; ".join(f"{finding.name} ({finding.cause})" for finding in definition.findings),
        window_days=definition.window_s // 86_400,
        coverage_percent=round(definition.coverage * 100),
        loss_percent=round(100 * definition.limits["loss"]),
        due_days=round(definition.limits["dueH"] / 24),
        planned_days=round(definition.limits["plannedH"] / 24),
        scores="\n".join(table),
        serves=f"The model serves for: {', '.join(serves) or 'nothing'}. "
        f"The plain trend is no worse, and serves, for: {', '.join(left) or 'nothing'}.",
    )


def _common(made: Manifest) -> dict[str, object]:
    """What every card says."""
    return {
        "title": made.definition.title,
        "name": made.definition.name,
        "version": made.version,
        "created": datetime.fromtimestamp(made.created / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "inputs": len(made.inputs),
        "data": made.training["description"],
        "rows": ", ".join(f"{part} {count}" for part, count in made.training["rows"].items()),
        "parity": f"{made.metrics['parity']:.1e}",
        "limits": "\n".join(f"- {limit}" for limit in made.training["limits"]),
    }


def _beside(found: dict[str, Any], key: str, second: str) -> str:
    said = ["-" if found[name] is None else f"{found[name]:g}" for name in (key, second) if name]
    return said[0] if len(said) == 1 else f"{said[0]} ({said[1]})"


def write(folder: Path, graph: bytes, made: Manifest, text: str) -> int:
    """Write the artefact; returns its size in bytes. The manifest comes last, so a half-written folder is refused by
    its checksum.

    Raises:
        ArtefactError: it is too large to travel, or the folder cannot be written.
    """
    files = {
        GRAPH_FILE: graph,
        CARD_FILE: text.encode(),
        MANIFEST_FILE: msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n",
    }
    size = sum(len(content) for content in files.values())
    if size > SIZE_LIMIT:
        raise ArtefactError(f"{size} bytes, at most {SIZE_LIMIT} fit where it has to travel")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            part = folder / f".{name}.part"
            part.write_bytes(content)
            os.replace(part, folder / name)  # noqa: PTH105 - same as Path.replace, but says that it is atomic
    except OSError as error:
        raise ArtefactError(f"{error.filename or folder}: {error.strerror}") from error
    return size


def _against_physics(compared: dict[str, Any] | None) -> str:
    """A model beside the room's physics by itself, in a sentence."""
    if not compared:
        return (
            "Skill against the room's physics alone: not known, as no room of this history was followed by its physics."
        )
    mine, alone = compared["model"], compared["alone"]
    return (
        f"Skill against the room's physics alone (1 - MSE / MSE of physics), on the {mine['count']} forecasts of which "
        f"it is known:\n{mine['skill_physics']:.3f}; were it not known, {alone['skill_physics']:.3f}."
    )


def _against_bar(bar: dict[str, Any] | None) -> str:
    """A forecast of power beside the bar (`models.power_law`), each way in a row, and in a sentence who is better."""
    if not bar:
        return "The bar could not be judged: no row had both a forecast of it and a truth."
    labels = {
        "held": "law, the load stays as it is",
        "mean": "law, the load is the window's mean",
        "lagged": "law from the load one horizon before",
        "returns": "return to the window's mean power",
    }
    rows = bar["ways"] | {"returns": bar["returns"]}
    lines = ["| beside it | RMSE | skill | the model's skill against it |", "|---|---|---|---|"]
    lines += [f"| {labels[way]} | {s['rmse']:.2f} | {s['skill']:.3f} | {s['lead']:.3f} |" for way, s in rows.items()]
    beats = "beats" if bar["lead"] > 0 else "does not beat"
    return "\n".join(
        [*lines, "", f"On {bar['count']} forecasts the model {beats} the bar, which is the law's best way here: "
         f"{labels[bar['way']]}."]
    )  # fmt: skip


def _table(metrics: dict[str, Any]) -> str:
    rows = [("all", metrics["overall"])]
    rows += [(f"target {name}", scores) for name, scores in metrics["byTarget"].items()]
    rows += [(f"{int(horizon) // 60} min ahead", scores) for horizon, scores in metrics["byHorizon"].items()]
    rows += [(f"with {span.replace('-', ' to ')} s of past", scores) for span, scores in metrics["byPast"].items()]
    rows += [("whole windows", metrics["wholeWindows"])]
    compared = metrics.get("physics", {})
    labels = {"model": "physics known", "alone": "the same, without it", "pure": "the same, physics alone"}
    rows += [(labels[name], scores) for name, scores in compared.items()]
    lines = [
        "| forecasts | count | MAE | RMSE | bias | MAE of persistence | skill | coverage | mean width |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, s in rows:
        interval = f"{s['coverage']:.3f} | {s['width']:.2f}" if "coverage" in s else "- | -"
        lines.append(
            f"| {name} | {s['count']} | {s['mae']:.3f} | {s['rmse']:.3f} | {s['bias']:+.3f} "
            f"| {s['mae_persistence']:.3f} | {s['skill']:.3f} | {interval} |"
        )
    return "\n".join(lines)
