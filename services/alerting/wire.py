"""A change of an alert as the twin and history get it. Pure."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from alerting.board import Change
from racktwin.ditto_protocol import merge_features
from racktwin.messages import Reading
from racktwin.names import ThingId

_encoder = msgspec.json.Encoder()


def twin_command(change: Change, correlation: str) -> bytes | None:
    """The merge that puts the alert on its twin or takes it off; None where there is nothing to change on a twin."""
    if change.what == "acknowledged" or change.history_only:
        return None
    entry: dict[str, Any] | None = None
    if change.what == "firing":
        entry = {
            "severity": change.rule.severity,
            "title": change.rule.title,
            "text": change.finding.text,
            "action": change.rule.action,
            "since": change.since,
            "value": round(change.finding.value, 3),
            "limit": change.finding.limit,
        }
    return merge_features(change.thing["thingId"], {"alerts": {"open": {change.rule.name: entry}}}, correlation)


def history_record(change: Change) -> bytes:
    """The reading that the historian stores as a point of the measurement ``alert``."""
    parsed = ThingId.parse(change.thing["thingId"])
    attributes = change.thing.get("attributes") or {}
    values: dict[str, Any] = {
        "state": change.what,
        "severity": change.rule.severity,
        "text": change.finding.text if change.what == "firing" else f"{change.what}: {change.finding.text}",
    }
    measured = {"value": float(change.finding.value), "limit": float(change.finding.limit)}
    values |= {name: number for name, number in measured.items() if math.isfinite(number)}
    if change.what != "acknowledged":
        values["firing"] = 1.0 if change.what == "firing" else 0.0
    if change.who:
        values["who"] = change.who
    return _encoder.encode(
        Reading(
            thing=str(parsed),
            feature=f"alert.{change.rule.name}",
            observed_at=change.at,
            received_at=change.at,
            values=values,
            quality="good",
            device=str(parsed),
            kind=parsed.kind,
            room=attributes.get("location"),
            row=attributes.get("row"),
            v=1,
        )
    )
