"""How good the models are on plants, seeds and faults that no training saw: what `bench.models` prints. Deterministic.

Forecasts are judged on other rooms than those of training (more racks in a room, other sizes, a cooling unit that
hunts more, faults of racks and of a unit's fan while it runs), detection on plants of other seeds. Each room's twin
follows it, and is calibrated on its first hours, as serving has it; how a model does without that, how physics does by
itself, and how both do in a hall that keeps other laws, is said beside. A model is trained first where there is none
yet; what is judged is its ONNX graph.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort

from models import power_law
from models.change.scores import against_physics
from models.definition import Definition, Manifest, ModelError, read_manifest
from models.detecting.fit import LabelledRows
from models.metrics import score
from models.samples import Samples
from models.statistics import InputPlan
from models.windows import FloatArray
from physics import layout
from physics.faults import Fault
from physics.hidden import Nature
from physics.plant import Plant
from training import detecting, expected, faulty, maintaining, other_hall, registry
from training.history import History
from training.job import train
from training.samples import Part, build
from training.simulated import START_S, Recorded, history_of, simulate, watch

SEED: Final = 424_242
_RACKS: Final = 12
_ROOMS: Final = 5
_HOURS: Final = 24.0
_CAPACITIES_W: Final = (5000.0, 7000.0, 10_000.0)
_ROWS: Final = 12_000
_DETECT_PLANTS: Final = 2
_DETECT_ROOMS: Final = 8


def evaluate(models_dir: Path, note: Callable[[str], None], created_ms: int) -> dict[str, Any]:
    """The figures, by the names that `bench.models` prints."""
    figures: dict[str, Any] = {}
    manifest, session = _served("inlet-temperature", models_dir, note, created_ms)
    rows = _rows(manifest, plant_history(manifest.definition, SEED))
    s = _forecasts(manifest, session, rows)
    figures |= {
        "onnx_parity_K": manifest.metrics["parity"],
        "forecast_15min_mae_K": s["mae"],
        "forecast_15min_skill": s["skill"],
        "interval_coverage": s["coverage"],
    }
    note(f"inlet-temperature on unseen plants: {s}")
    figures |= _by_physics(manifest, session, rows, note)
    for name, prefix in (("rack-power", "power"), ("server-power", "server_power")):
        manifest, session = _served(name, models_dir, note, created_ms)
        rows = _rows(manifest, plant_history(manifest.definition, SEED))
        s, bar = _forecasts(manifest, session, rows), _bar(manifest, session, rows)
        figures |= {
            f"{prefix}_15min_skill": s["skill"],
            f"{prefix}_15min_bar_skill": bar["skill"],
            f"{prefix}_15min_skill_vs_bar": bar["lead"],
            f"{prefix}_15min_mean_return_skill": bar["returns"]["skill"],
        }
        note(f"{name} on unseen plants: {s}; the bar on the same rows: {bar}")
    d = _detections("anomaly", models_dir, note, created_ms)
    note(f"anomaly on unseen plants: {d}")
    figures |= {"anomaly_f1": d["f1"], "anomaly_false_alarm_rate": d["falseAlarmRate"]}
    folder = _trained("maintenance", models_dir, note, created_ms)
    return figures | maintaining.unseen(folder, note)


def plant_history(definition: Definition, seed: int) -> History:
    """A history of plants as described above."""
    rng = np.random.default_rng(seed)
    place = layout.assumed(
        "unseen", [(f"u-{k}", f"row-{k % 2}", 0.6 * (k // 2), float(rng.choice(_CAPACITIES_W))) for k in range(_RACKS)]
    )
    hour = 3600.0
    faults = [
        Fault("rack-fan-degrades", "u-1", 0.4, START_S + 6 * hour, START_S + 9 * hour, ramp_s=900.0),
        Fault("blanking-missing", "u-4", 0.3, START_S + 10 * hour, START_S + 13 * hour),
        Fault("unit-fan-degrades", place.unit_ids[0], 0.3, START_S + 15 * hour, START_S + 18 * hour, ramp_s=3600.0),
    ]
    nature = Nature(hunting=0.4, supply_drift=0.4, temperature_noise=0.06)
    seeds = [seed + room for room in range(_ROOMS)]
    plant = Plant(place, seeds, start_s=START_S, nature=nature, faults=faults)
    servers = np.random.default_rng([seed, 22]) if definition.kinds == ["server"] else None
    readings, found = watch(plant, _HOURS, definition.resolution_s, servers)
    history = history_of(Recorded(0, seed, definition.resolution_s, place, readings, faults, found), definition)
    if expected.columns(definition):
        for room in sorted(set(history.rooms)):
            expected.fill(history, definition, room, 0, history.cells)
    return history


def _served(
    name: str, models_dir: Path, note: Callable[[str], None], created_ms: int
) -> tuple[Manifest, ort.InferenceSession]:
    """The trained model, trained now where there is none."""
    folder = _trained(name, models_dir, note, created_ms)
    manifest = read_manifest(folder)
    session = ort.InferenceSession((folder / manifest.graph.file).read_bytes(), providers=["CPUExecutionProvider"])
    return manifest, session


def _trained(name: str, models_dir: Path, note: Callable[[str], None], created_ms: int) -> Path:
    """The folder of the trained model, trained now where there is none."""
    model = registry.load(name)
    folder = models_dir / name
    try:
        manifest = read_manifest(folder)
        fits = manifest.definition == model.definition and manifest.inputs == model.inputs()
    except ModelError:
        fits = False
    if not fits:
        note(f"training {name} first")
        if model.definition.task == "detect":
            detecting.train(model, folder, seed=0, created_ms=created_ms, note=note)
        elif model.definition.task == "maintain":
            maintaining.train(model, folder, seed=0, created_ms=created_ms, note=note)
        else:
            train(model, simulate(model.definition, 0), folder, seed=0, created_ms=created_ms, note=note)
    return folder


def _rows(manifest: Manifest, history: History) -> Samples:
    """Rows of a history, with the wear that serving meets."""
    definition = manifest.definition
    plan = InputPlan.of(manifest.inputs, definition)
    whole = Part(list(range(len(history.things))), 0, history.cells)
    rng, rivals = np.random.default_rng(SEED), registry.load(definition.name).rivals
    return build([(history, whole)], definition, plan, _ROWS, rng, rivals=rivals)


def _by_physics(
    manifest: Manifest, session: ort.InferenceSession, rows: Samples, note: Callable[[str], None]
) -> dict[str, Any]:
    """What the room's physics brings at 15 minutes: the model, the model without it, and physics by itself, on the same
    forecasts; the same in a hall of other laws."""
    definition = manifest.definition
    physics = registry.load(definition.name).features.layout(definition).physics
    columns = [column for of_target in physics for column in of_target]

    def predict(inputs: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        value, lo, hi = session.run(["value", "lo", "hi"], {manifest.graph.input: inputs})
        return value, lo, hi

    figures: dict[str, Any] = {}
    cases = (("", rows), ("other_laws_", _rows(manifest, other_hall.history(definition, SEED))))
    for prefix, mine in cases:
        found = against_physics(definition, predict, mine, columns)
        note(f"inlet-temperature with and without physics, {prefix or 'unseen plants'}: {found}")
        if not found:
            continue
        figures[f"{prefix}persistence_mae_K"] = found["pure"]["mae_persistence"]
        figures[f"{prefix}forecast_15min_skill_vs_physics"] = found["model"]["skill_physics"]
        for who, name in (("model", "with_physics"), ("alone", "without_physics"), ("pure", "physics_alone")):
            figures[f"{prefix}{name}_mae_K"] = found[who]["mae"]
            figures[f"{prefix}{name}_skill"] = found[who]["skill"]
            if "coverage" in found[who]:
                figures[f"{prefix}{name}_coverage"] = found[who]["coverage"]
    return figures


def _forecasts(manifest: Manifest, session: ort.InferenceSession, rows: Samples) -> dict[str, float | int]:
    """Scores at 15 minutes."""
    definition = manifest.definition
    value, lo, hi = session.run(["value", "lo", "hi"], {manifest.graph.input: rows.inputs})
    columns = [k for k, output in enumerate(definition.outputs()) if output.horizon_s == 900]
    chosen = np.zeros_like(rows.usable)
    chosen[:, columns] = rows.usable[:, columns]
    return score(rows.truth[chosen], value[chosen], lo[chosen], hi[chosen], rows.persistence[chosen]).rounded()


def _bar(manifest: Manifest, session: ort.InferenceSession, rows: Samples) -> dict[str, Any]:
    """A model of power beside the bar, on the same rows."""
    value = session.run(["value"], {manifest.graph.input: rows.inputs})[0]
    return power_law.compare(manifest.definition, value, rows, manifest.inputs.index("power.mean[0:3600]"))


class _Graph:
    """A detector's graph as the model it came from: what is judged is what serves."""

    def __init__(self, manifest: Manifest, session: ort.InferenceSession) -> None:
        self._input, self._session = manifest.graph.input, session

    def predict(self, inputs: Any) -> tuple[Any, Any]:
        score_, share = self._session.run(["score", "share"], {self._input: inputs})
        return score_, share


def _detections(name: str, models_dir: Path, note: Callable[[str], None], created_ms: int) -> dict[str, Any]:
    manifest, session = _served(name, models_dir, note, created_ms)
    model, definition = registry.load(name), manifest.definition
    plan = InputPlan.of(manifest.inputs, definition)
    found = faulty.simulate(
        definition, SEED % 97 + 10, model.train.FAULTS, plants=_DETECT_PLANTS, rooms=_DETECT_ROOMS, hours=_HOURS
    )
    rows: LabelledRows = detecting.draw(found, definition, plan, _ROWS, np.random.default_rng(SEED), wrong_share=None)
    result: dict[str, Any] = model.evaluation.evaluate(definition, _Graph(manifest, session), rows)
    return result
