"""A model of one server, fitted on one part of an experiment and judged on the other. Pure.

* Processors: utilisation is what the machine does anyway, plus what each load adds by its level, up to 100 %.
* Power: ``P = idle + (busy - idle)(2u - u^r)``; Fan, Weber, Barroso, "Power provisioning for a warehouse-sized
  computer", ISCA 2007.
* Temperature: ``tau dT/dt = T0 + R x - T``, where x is the power, or the utilisation where no power is measured.

What the machine does not measure has no model, and the result says so. Errors are ASHRAE Guideline 14's NMBE and
CV(RMSE) for power and utilisation, MAE, RMSE and bias for all, and skill against what was measured a minute before.
Next: `servertwin.analysis.command`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.optimize import least_squares, nnls

from physics import fidelity
from physics_files.power_fit import curve
from servertwin.analysis.changes import Booleans, Floats
from servertwin.config import KINDS
from servertwin.experiment.annotations import Annotation
from servertwin.failures import Failure
from servertwin.recording import Recording

PERSISTENCE_S: Final = 60.0
# Where a machine's power may stand, the whole server's first.
_POWER: Final = ("power/power", "power/package")
_TEMPERATURE: Final = "thermal/cpuTemperature"
_LEAST: Final = 10
# Beyond so many points (%) an error counts in proportion, not squared: other work comes and goes.
_HUBER: Final = 5.0


@dataclass(frozen=True, slots=True)
class Part:
    """One model: parameters, errors on the part that it did not see, and what it said there beside the truth."""

    parameters: dict[str, float]
    errors: dict[str, float]
    time: Floats
    said: Floats
    measured: Floats
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The model of a server; None where the machine measures no such thing."""

    cut: float
    cpu: Part
    power: Part | None
    temperature: Part | None


def fit(recording: Recording, annotations: Sequence[Annotation], split: float = 0.5) -> Fitted:
    """Fit on what came before the split of the record, validate on the rest.

    Raises:
        Failure: the record is too short, or does not tell utilisation.
    """
    measured = recording.column("cpu/utilization")
    if measured is None:
        raise Failure("log: no column cpu/utilization", "log this machine by racktwin logger")
    cut = _cut(recording, annotations, split)
    early = recording.time < cut
    if int(early.sum()) < _LEAST or int((~early).sum()) < _LEAST:
        raise Failure(
            f"log: {int(early.sum())} samples to fit and {int((~early).sum())} to validate",
            f"record at least {2 * _LEAST} samples, of an experiment with loads in both halves",
        )
    power_name = next((name for name in _POWER if recording.column(name) is not None), None)
    power = recording.column(power_name) if power_name is not None else None
    cpu = _cpu(recording.time, measured, loads(recording.time, annotations), early)
    return Fitted(
        cut,
        cpu,
        _power(recording.time, measured / 100.0, power, early) if power is not None else None,
        _thermal(recording, power if power is not None else measured, early),
    )


def _cut(recording: Recording, annotations: Sequence[Annotation], split: float) -> float:
    """The split's moment, moved to the middle of the rest that is nearest to it, so that no load is cut in two."""
    first, last = float(recording.time[0]), float(recording.time[-1])
    wanted = first + split * (last - first)
    ends = sorted(each.stopped_at / 1000.0 for each in annotations)
    starts = sorted(each.started_at / 1000.0 for each in annotations)
    rests = []
    for end in ends:
        later = [start for start in starts if start > end]
        running = any(a.started_at / 1000.0 < end < a.stopped_at / 1000.0 for a in annotations)
        if later and not running:
            rests.append((end + later[0]) / 2.0)
    return min(rests, key=lambda rest: abs(rest - wanted), default=wanted)


def loads(time: Floats, annotations: Sequence[Annotation]) -> dict[str, Floats]:
    """Kind -> its level (0..1) over the time that each sample tells of, which is the time since the one before."""
    begin = np.concatenate(([time[0] - float(np.median(np.diff(time)))], time[:-1]))
    length = np.maximum(time - begin, 1e-9)
    found: dict[str, Floats] = {}
    for each in annotations:
        start, end = each.started_at / 1000.0, each.stopped_at / 1000.0
        overlap = np.clip(np.minimum(time, end) - np.maximum(begin, start), 0.0, None) / length
        found[each.stressor] = found.get(each.stressor, np.zeros_like(time)) + overlap * each.level / 100.0
    return found


def _cpu(time: Floats, measured: Floats, by_kind: dict[str, Floats], early: Booleans) -> Part:
    kinds = [kind for kind in KINDS if kind in by_kind]
    matrix = np.column_stack([np.ones_like(time), *(by_kind[kind] for kind in kinds)])
    good = early & np.isfinite(measured)
    # A sample at 100 % says only that the load was at least that much.
    rows, target = matrix[good], measured[good]
    weights = np.ones(target.size)
    parameters = np.zeros(matrix.shape[1])
    for _ in range(20):
        parameters, _rest = nnls(rows * weights[:, None], target * weights)
        error = np.abs(np.minimum(rows @ parameters, 100.0) - target)
        weights = np.sqrt(_HUBER / np.maximum(error, _HUBER))
    said = np.minimum(matrix @ parameters, 100.0)
    late = ~early & np.isfinite(measured)
    unseen = [kind for kind in kinds if not bool((by_kind[kind][early] > 0).any())]
    return Part(
        {
            "idle": float(parameters[0]),
            **{kind: float(value) for kind, value in zip(kinds, parameters[1:], strict=True)},
        },
        errors(time, said, measured, late, normalised=True),
        time[late],
        said[late],
        measured[late],
        f"no {' and no '.join(unseen)} load in the part that was fitted" if unseen else "",
    )


def _power(time: Floats, utilisation: Floats, power: Floats, early: Booleans) -> Part | None:
    good = np.isfinite(utilisation) & np.isfinite(power)
    now, late = early & good, ~early & good
    if int(now.sum()) < _LEAST or not bool(late.any()):
        return None
    u, p = utilisation[now], power[now]
    scale = max(1.0, 0.05 * float(np.median(p)))
    top = 3.0 * float(np.max(p)) + 10.0
    idle, busy = float(np.quantile(p, 0.05)), float(np.quantile(p, 0.95))
    start = [idle, max(busy, idle + 0.1), 1.4]
    found = least_squares(
        lambda c: (curve(c, u) - p) / scale, start, bounds=([0.0, 0.0, 1.0], [top, top, 3.0]), loss="soft_l1",
        x_scale=[scale, scale, 0.5],
    ).x  # fmt: skip
    said = curve(np.asarray(found), np.nan_to_num(utilisation))
    return Part(
        {"idleW": float(found[0]), "busyW": float(found[1]), "exponent": float(found[2])},
        errors(time, said, power, late, normalised=True),
        time[late],
        said[late],
        power[late],
    )


def _thermal(recording: Recording, cause: Floats, early: Booleans) -> Part | None:
    heat = recording.column(_TEMPERATURE)
    if heat is None:
        return None
    good = np.isfinite(heat) & np.isfinite(cause)
    time, heat, cause, early = recording.time[good], heat[good], cause[good], early[good]
    if int(early.sum()) < _LEAST or not bool((~early).any()):
        return None
    t, h, x = time[early], heat[early], cause[early]

    def solve(tau: float) -> tuple[float, Floats]:
        fade = np.exp(-(t - t[0]) / tau)
        matrix = np.column_stack([np.ones_like(t), response(t, x, tau), fade])
        found, *_ = np.linalg.lstsq(matrix, h, rcond=None)
        return float(np.sum((matrix @ found - h) ** 2)), found

    longest = max(5.0, float(t[-1] - t[0]))
    taus = np.geomspace(max(0.5, recording.interval), longest, 40)
    for _ in range(3):
        best = int(np.argmin([solve(float(tau))[0] for tau in taus]))
        taus = np.linspace(taus[max(0, best - 1)], taus[min(len(taus) - 1, best + 1)], 15)
    tau = float(taus[len(taus) // 2])
    ambient, gain, _ = solve(tau)[1]
    late = ~early
    whole = np.full_like(heat, np.nan)
    tv, hv = time[late], heat[late]
    steady = ambient + gain * response(tv, cause[late], tau)
    # It runs free from the first sample that it is judged on.
    whole[late] = steady + (hv[0] - steady[0]) * np.exp(-(tv - tv[0]) / tau)
    parameters = {"ambientC": float(ambient), "gain": float(gain), "tauS": tau}
    return Part(parameters, errors(time, whole, heat, late, normalised=False), tv, whole[late], hv)


def response(time: Floats, cause: Floats, tau: float) -> Floats:
    """What a first-order body has followed of a cause, exactly for a cause that is level over each sample's time."""
    found = np.empty_like(cause)
    level = float(cause[0])
    for place in range(cause.size):
        if place:
            level += (float(cause[place]) - level) * (1.0 - math.exp(-float(time[place] - time[place - 1]) / tau))
        found[place] = level
    return found


def errors(time: Floats, said: Floats, measured: Floats, judged: Booleans, *, normalised: bool) -> dict[str, float]:
    """Of what was said over the judged part of a record: MAE, RMSE, bias (in the quantity's unit), skill against what
    had been measured :data:`PERSISTENCE_S` before; NMBE and CV(RMSE) (%) where a mean means something, which it does
    not for degrees Celsius. What cannot be told is absent."""
    behind = np.searchsorted(time, time - PERSISTENCE_S, side="right") - 1
    past = np.where(behind >= 0, measured[np.maximum(behind, 0)], np.nan)
    known = judged & np.isfinite(said) & np.isfinite(measured)
    said, measured, past = said[known], measured[known], past[known]
    error, persistence = said - measured, past - measured
    found: dict[str, float | None] = {
        "mae": float(np.mean(np.abs(error))),
        "rmse": fidelity.rmse(error),
        "bias": fidelity.bias(error),
        "skill": fidelity.skill(error, persistence),
    }
    if normalised:
        found |= {"nmbe": fidelity.nmbe(said, measured), "cvrmse": fidelity.cvrmse(said, measured)}
    return {name: value for name, value in found.items() if value is not None}


def document(fitted: Fitted, recording: Recording) -> dict[str, Any]:
    """As JSON has it; a part that this machine cannot have says why."""

    def part(found: Part | None, absent: str) -> dict[str, Any]:
        if found is None:
            return {"absent": absent}
        return {
            "parameters": {name: round(value, 4) for name, value in found.parameters.items()},
            "errors": {name: round(value, 4) for name, value in found.errors.items()},
            "samples": int(found.time.size),
        } | ({"note": found.note} if found.note else {})

    return {
        "fittedFrom": round(float(recording.time[0]), 3),
        "validatedFrom": round(fitted.cut, 3),
        "to": round(float(recording.time[-1]), 3),
        "cpu": part(fitted.cpu, ""),
        "power": part(fitted.power, "this machine has no power meter that we may read"),
        "temperature": part(fitted.temperature, "this machine has no temperature sensor that we may read"),
    }
