"""Scores into Kafka records: a merge per thing, and a reading per model, target and horizon for the history. Pure.

Of a model as a whole the same goes onto the site's twin and into its history (feature ``model.<name>``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from racktwin import site_verdicts
from racktwin.ditto_protocol import merge_features
from racktwin.messages import Reading, Value, encode
from racktwin.names import own_topic, site_of
from scorecard.judge import Verdict
from scorecard.ledger import Scored
from scorecard.tallies import Tally

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


def model_records(
    sites: Iterable[str], served: tuple[str, str], tally: Tally, verdict: Verdict, now_ms: int
) -> Iterator[tuple[str, str, bytes]]:
    """(topic, key, value) of how one model (name, version) does, for each site it serves."""
    model, version = served
    state = "paused" if verdict.paused else "drifting" if verdict.drifting else "well"
    values: dict[str, Value] = {
        "version": version,
        "state": state,
        "reason": verdict.reason,
        "skill": round(tally.skill, 4),
        "coverage": round(tally.coverage, 4),
        "mae": round(tally.mae, 4),
        "count": float(tally.count),
    }
    feature = f"model.{model}"
    for site in sorted(sites):
        yield from site_verdicts.records(site, feature, values, now_ms, by="scorecard")
