"""Verdicts of models that detect, into Kafka records: a merge for the twin, a reading for the history. Pure.

The verdict is the finding with the highest score. It names the inputs that contribute most, as people wrote them in the
model's `features.py`, so that a person sees what it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from models.definition import Manifest
from racktwin.ditto_protocol import merge_features
from racktwin.messages import Reading, encode
from racktwin.names import own_topic, site_of
from runner.forecaster import Made
from runner.intake import Thing
from runner.outbox import Record

SUSPECT, ANOMALOUS = 0.5, 0.75
_NAMED_INPUTS: Final = 4
_DECIMALS = 4


def state_of(score: float) -> str:
    """The verdict of a score: 0.5 is the model's limit."""
    if score >= ANOMALOUS:
        return "anomalous"
    return "suspect" if score >= SUSPECT else "normal"


class DetectOutbox:
    """Writes the records of one detecting model."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._definition = manifest.definition
        self._expiry_ms = manifest.definition.expiry_s * 1000

    def records(self, made: Made) -> Iterator[Record]:
        """(topic, key, value) of every record."""
        score, share = made.outputs
        best = np.argmax(score, axis=1)
        order = np.argsort(-share, axis=1)[:, :_NAMED_INPUTS]
        any_made = np.asarray(made.made.any(axis=1)).tolist()
        for row, thing in enumerate(made.things):
            if not any_made[row]:
                continue
            site = site_of(thing.id)
            findings = {
                finding.name: round(float(score[row, column]), _DECIMALS)
                for column, finding in enumerate(self._definition.findings)
            }
            top = float(score[row, best[row]])
            state = state_of(top)
            found = self._definition.findings[int(best[row])]
            properties: dict[str, Any] = {
                "score": round(min(max(top, 0.0), 1.0), _DECIMALS),
                "state": state,
                "cause": found.cause if state != "normal" else "",
                "evidence": {
                    "finding": found.name if state != "normal" else "",
                    "findings": findings,
                    "inputs": {
                        self._manifest.inputs[column]: round(float(share[row, column]), _DECIMALS)
                        for column in order[row].tolist()
                    },
                    "modelVersion": self._manifest.version,
                    "issuedAt": made.issued_at,
                    "basedOn": int(made.based_on[row].max()),
                },
                "expiresAt": made.issued_at + self._expiry_ms,
            }
            feature = self._definition.feature
            yield (
                own_topic("models", site),
                thing.id,
                merge_features(thing.id, {feature: properties}, self._correlation(made.issued_at)),
            )
            yield own_topic("readings", site), thing.id, encode(self._reading(thing, properties, made.issued_at))

    def withdrawal(self, thing: Thing, now_ms: int) -> Record:
        """The merge that takes the verdict off a twin; that it is over stays."""
        nothing = {"score": None, "state": None, "cause": None, "evidence": None, "expiresAt": now_ms}
        merge = merge_features(thing.id, {self._definition.feature: nothing}, self._correlation(now_ms))
        return own_topic("models", site_of(thing.id)), thing.id, merge

    def _correlation(self, at_ms: int) -> str:
        return f"{self._definition.name}-{self._manifest.version}-{at_ms}"

    def _reading(self, thing: Thing, properties: dict[str, Any], at_ms: int) -> Reading:
        return Reading(
            v=1,
            thing=thing.id,
            feature=self._definition.feature,
            observed_at=at_ms,
            received_at=at_ms,
            values={name: properties[name] for name in ("score", "state", "cause", "expiresAt")},
            quality="good",
            device=f"model:{self._definition.name}",
            kind=thing.kind,
            room=thing.room,
            row=thing.row,
        )
