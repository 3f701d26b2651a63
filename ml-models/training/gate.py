"""Whether a newly trained version may serve: better than what serves, better than persistence, honest intervals. Pure.

The two are compared on the same rows, those of the new version's test part: scores of other times and seasons are no
comparison. Next: `training.promotion`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Normal windows that a detector may report, and how much of what is wrong it must find, to serve.
_FALSE_ALARMS = 0.02
_LEAST_F1 = 0.5


@dataclass(frozen=True)
class Gate:
    """What is asked of a version. `margin`: by which share its error must be smaller than that of what serves."""

    least_skill: float = 0.0
    coverage_tolerance: float = 0.05
    margin: float = 0.0
    promote: bool = True


USUAL = Gate()


@dataclass(frozen=True)
class Verdict:
    """Whether it may serve, and why (not)."""

    passed: bool
    reason: str


def judge(
    gate: Gate, *, skill: float, coverage: float, nominal: float, mae: float, mae_of_serving: float | None
) -> Verdict:
    """`mae_of_serving`: of the version that serves, on the same rows; None where none serves that can be compared."""
    if not skill > gate.least_skill:
        beaten = "persistence" if gate.least_skill == 0 else f"the {gate.least_skill:.2f} asked for"
        return Verdict(False, f"no better than {beaten} (skill {skill:.2f})")
    if abs(coverage - nominal) > gate.coverage_tolerance:
        return Verdict(False, f"badly calibrated: its {nominal:.0%} interval holds {coverage:.0%} of the truths")
    if mae_of_serving is not None and not mae < mae_of_serving * (1.0 - gate.margin):
        return Verdict(False, f"not better than what serves (MAE {mae:.3f}, it has {mae_of_serving:.3f})")
    beside = "" if mae_of_serving is None else f", {mae_of_serving:.3f} of what served"
    return Verdict(True, f"skill {skill:.2f}, coverage {coverage:.1%}, MAE {mae:.3f}{beside}")


def judge_detector(*, f1: float, false_alarm_rate: float, f1_of_serving: float | None, margin: float = 0.0) -> Verdict:
    """Of a model that detects. `f1_of_serving`: of the version that serves, on plants like these, if one does; what
    either lacks of 1 is its error, of which `margin` is a share as in `Gate`."""
    if false_alarm_rate > _FALSE_ALARMS:
        return Verdict(False, f"too many false alarms: {false_alarm_rate:.2%} of normal windows")
    if f1 < _LEAST_F1:
        return Verdict(False, f"finds too little (F1 {f1:.2f})")
    if not _better(f1, f1_of_serving, margin):
        return Verdict(False, f"not better than what serves (F1 {f1:.3f}, it has {f1_of_serving:.3f})")
    return Verdict(True, f"F1 {f1:.2f}, false alarms {false_alarm_rate:.2%}")


def judge_maintainer(
    gate: Gate,
    *,
    parts: int,
    episodes: int,
    coverage: float | None,
    nominal: float,
    f1: float,
    f1_of_serving: float | None,
) -> Verdict:
    """Of a model that judges what wears. `parts`: at how many it beats the plain trend; `episodes`: wearing parts that
    `coverage` was found on, of which few say little; `f1_of_serving`: of the version that serves, on lives like these.
    What either lacks of 1 is its error, of which the gate's `margin` is a share.
    """
    if not parts:
        return Verdict(False, "no better than the plain trend at any part")
    tolerance = gate.coverage_tolerance + 1.64 * math.sqrt(nominal * (1.0 - nominal) / max(1, episodes))
    if coverage is None or abs(coverage - nominal) > tolerance:
        held = "none" if coverage is None else f"{coverage:.0%}"
        return Verdict(False, f"badly calibrated: its {nominal:.0%} interval of the remaining life holds {held}")
    if not _better(f1, f1_of_serving, gate.margin):
        return Verdict(False, f"not better than what serves (F1 {f1:.3f}, it has {f1_of_serving:.3f})")
    return Verdict(True, f"F1 {f1:.2f}, better than the trend at {parts} parts, remaining life within {coverage:.0%}")


def _better(f1: float, f1_of_serving: float | None, margin: float) -> bool:
    return f1_of_serving is None or 1.0 - f1 < (1.0 - f1_of_serving) * (1.0 - margin)
