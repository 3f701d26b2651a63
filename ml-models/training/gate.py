"""Whether a newly trained version may serve: better than what serves, better than persistence, honest intervals. Pure.

The two are compared on the same rows, those of the new version's test part: scores of other times and seasons are no
comparison. Next: `training.promotion`.
"""

from __future__ import annotations

from dataclasses import dataclass

COVERAGE_TOLERANCE = 0.05


@dataclass(frozen=True)
class Verdict:
    """Whether it may serve, and why (not)."""

    passed: bool
    reason: str


def judge(
    *, skill: float, coverage: float, nominal: float, mae: float, mae_of_serving: float | None, margin: float = 0.0
) -> Verdict:
    """`mae_of_serving`: of the version that serves, on the same rows; None where none serves or it cannot be compared.
    `margin`: by which share it must be better."""
    if not skill > 0:
        return Verdict(False, f"no better than persistence (skill {skill:.2f})")
    if abs(coverage - nominal) > COVERAGE_TOLERANCE:
        return Verdict(False, f"badly calibrated: its {nominal:.0%} interval holds {coverage:.0%} of the truths")
    if mae_of_serving is not None and not mae < mae_of_serving * (1.0 - margin):
        return Verdict(False, f"not better than what serves (MAE {mae:.3f}, it has {mae_of_serving:.3f})")
    beside = "" if mae_of_serving is None else f", {mae_of_serving:.3f} of what served"
    return Verdict(True, f"skill {skill:.2f}, coverage {coverage:.1%}, MAE {mae:.3f}{beside}")
