"""How good a detector is on windows it has not seen: what it finds, what it finds wrongly, what it takes for what."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.definition import Definition
from models.detecting.fit import LabelledRows
from models.detecting.graph import Detector

LIMIT = 0.5


def evaluate(definition: Definition, fitted: Detector, test: LabelledRows) -> dict[str, Any]:
    """`f1`, `precision`, `recall` of "something is wrong", `falseAlarmRate` (share of normal windows that are
    reported), and by finding its recall, and how often what was found is that."""
    score, _ = fitted.predict(test.inputs)
    names = [finding.name for finding in definition.findings]
    said = np.where(score.max(axis=1) >= LIMIT, np.array(names)[score.argmax(axis=1)], "")
    wrong, reported = test.labels != "", said != ""
    hits = int(np.count_nonzero(wrong & reported))
    precision = hits / max(1, int(np.count_nonzero(reported)))
    recall = hits / max(1, int(np.count_nonzero(wrong)))
    by_finding = {}
    for name in names:
        mine = test.labels == name
        if mine.any():
            by_finding[name] = {
                "windows": int(np.count_nonzero(mine)),
                "recall": round(float(np.mean(reported[mine])), 4),
                "named": round(float(np.mean(said[mine] == name)), 4),
            }
    return {
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "falseAlarmRate": round(float(np.mean(reported[~wrong])), 5),
        "windows": len(test.labels),
        "share": round(float(np.mean(wrong)), 4),
        "byFinding": by_finding,
    }
