"""Scores into Kafka records: a merge per thing, and a reading per model, target and horizon for the history. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from racktwin.ditto_protocol import merge_features
from racktwin.messages import Reading, encode
from racktwin.names import own_topic, site_of
from scorecard.ledger import Scored

FEATURE = "scorecard"


def records(newest: Scored, models: dict[str, Any], now_ms: int) -> Iterator[tuple[str, str, bytes]]:
    """(topic, key, value) of every record of one thing. `models`: model -> target -> horizon -> scores."""
    thing = newest.thing
    site = site_of(thing)
    properties = {"models": models, "scoredAt": newest.at_ms}
    yield own_topic("twin", site), thing, merge_features(thing, {FEATURE: properties}, f"scorecard-{now_ms}")
    for model, targets in models.items():
        for target, horizons in targets.items():
            for horizon, scores in horizons.items():
                feature = f"{FEATURE}.{model}.{target.partition('/')[0]}.{horizon}"
                reading = Reading(
                    v=1,
                    thing=thing,
                    feature=feature,
                    observed_at=newest.at_ms,
                    received_at=now_ms,
                    values=dict(scores),
                    quality="good",
                    device="scorecard",
                    kind=newest.kind,
                    room=newest.room,
                    row=newest.row,
                )
                yield own_topic("readings", site), thing, encode(reading)
