"""Findings into Kafka records: a merge for the twin's feature `maintenance`, a reading for its history. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from models.wear import Finding
from racktwin.ditto_protocol import merge_features
from racktwin.messages import Reading, encode
from racktwin.names import own_topic, site_of
from upkeep.series import Thing

FEATURE: Final = "maintenance"
# What history has of a finding beside what the feature's properties hold: it cannot keep the object `evidence`.
HISTORY: Final = ("remainingUsefulLifeLow", "remainingUsefulLifeHigh", "windowFrom", "windowTo", "because")
Record = tuple[str, str, bytes]


def records(name: str, thing: Thing, finding: Finding | None, now_ms: int, lives_ms: int) -> Iterator[Record]:
    """(topic, key, value) of every record of one thing; without a finding it says that nothing is to be done. What it
    says holds for `lives_ms`."""
    site = site_of(name)
    properties: dict[str, Any] = {"score": 0.0, "state": "none", "cause": ""}
    properties |= {"remainingUsefulLife": None, "evidence": {}}
    if finding is not None:
        properties = {
            "score": finding.score,
            "state": finding.state,
            "cause": f"{finding.part}: {finding.cause}",
            "remainingUsefulLife": finding.remaining_h,
            "evidence": {
                **finding.evidence,
                "lo": finding.remaining_lo_h,
                "hi": finding.remaining_hi_h,
                "window": finding.window,
            },
        }
    properties["evidence"]["judgedAt"] = now_ms
    properties["expiresAt"] = now_ms + lives_ms
    merge = merge_features(name, {FEATURE: properties}, f"upkeep-{now_ms}")
    yield own_topic("twin", site), name, merge
    values = {key: properties[key] for key in ("score", "state", "cause", "remainingUsefulLife", "expiresAt")}
    values |= _flat(finding) if finding is not None else {}
    reading = Reading(
        v=1,
        thing=name,
        feature=FEATURE,
        observed_at=now_ms,
        received_at=now_ms,
        values={key: value for key, value in values.items() if value is not None},
        quality="good",
        device="upkeep",
        kind=thing.kind,
        room=thing.room,
        row=thing.row,
    )
    yield own_topic("readings", site), name, encode(reading)


def _flat(finding: Finding) -> dict[str, float | str | None]:
    """A finding's interval (h), window (ISO 8601) and evidence, one value for each of `HISTORY`."""
    window = finding.window or {}
    plain = ((name, said) for name, said in finding.evidence.items() if isinstance(said, int | float | str))
    because = ", ".join(f"{name} {said:.4g}" if isinstance(said, float) else f"{name} {said}" for name, said in plain)
    flat = (finding.remaining_lo_h, finding.remaining_hi_h, window.get("from"), window.get("to"), because or None)
    return dict(zip(HISTORY, flat, strict=True))
