"""Findings out of what the graph says, and out of the plain trend where that serves. Pure.

A part whose score is beyond the limit is told of: due when it may be done for within a week, or has lost its quarter;
planned when it is expected to be within ninety days. Both numbers, and the share that is a loss too much, are the
definition's (`limits`).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.definition import Definition
from models.maintenance import features
from models.wear import Finding, window
from models.windows import FloatArray

LIMIT: Final = 0.5
_SAID: Final = ("loss", "slope", "slope30", "slope7", "step", "span")


def finding(
    definition: Definition,
    thing: str,
    number: int,
    *,
    score: float,
    life: FloatArray,
    inputs: FloatArray,
    version: str,
    end_ms: int,
    begin_hour: int,
) -> Finding | None:
    """What is to be said of one part of one thing; None where nothing is. `number` of the part in the definition,
    `life` its hours expected, soonest, latest; `inputs` [inputs] what the graph was given."""
    state = state_of(definition, score, life)
    if state == "none":
        return None
    part = definition.findings[number]
    expected, soonest, latest = (round(float(hours), 1) for hours in life)
    return Finding(
        thing,
        features.CALLED[part.name],
        state,
        part.cause,
        round(min(1.0, max(0.5, score)), 4),
        expected,
        soonest,
        latest,
        evidence(definition, number, inputs) | {"model": definition.name, "modelVersion": version},
        window(end_ms, begin_hour, soonest),
    )


def state_of(definition: Definition, score: float, life: FloatArray) -> str:
    """none, planned or due."""
    expected, soonest = float(life[0]), float(life[1])
    if not score >= LIMIT or not np.isfinite(life).all():
        return "none"
    limits = definition.limits
    if soonest < limits["dueH"]:
        return "due"
    # Beyond the span in which it is to be told, a part that scores high is planned all the same at the soonest.
    return "planned" if min(expected, soonest) < limits["plannedH"] else "none"


def evidence(definition: Definition, number: int, inputs: FloatArray) -> dict[str, Any]:
    """What it rests on, in shares and days."""
    begin = number * len(features.OF_PART)
    own = dict(zip(features.OF_PART, inputs[begin : begin + len(features.OF_PART)].tolist(), strict=True))
    known = {name: value for name in _SAID if np.isfinite(value := own[name])}
    said: dict[str, Any] = {"limitLoss": definition.limits["loss"]}
    if "loss" in known:
        said["loss"] = round(1.0 - float(np.exp(-known["loss"])), 4)
    for name, key in (("slope30", "lossPerDay"), ("slope7", "lossPerDayThisWeek")):
        if name in known:
            said[key] = round(-known[name] / 30.0, 5)
    if known.get("step", 0.0) > 0.0:
        said["largestStep"] = round(1.0 - float(np.exp(-known["step"])), 4)
    if "span" in known:
        said["hours"] = round(float(np.expm1(known["span"])) * 24.0, 1)
    return said
