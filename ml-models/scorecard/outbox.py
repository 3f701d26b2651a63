"""Scores into Kafka records: a merge per thing, and a reading per model, target and horizon for the history. Pure.

Of a model as a whole the same goes onto the site's twin and into its history (feature ``model.<name>``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from racktwin import site_verdicts
from racktwin.ditto_protocol import merge_features
from racktwin.messages import Reading, Value, encode
from racktwin.names import own_topic, site_of
from scorecard.judge import Verdict
from scorecard.ledger import Scored
from scorecard.tallies import Tally

FEATURE = "scorecard"


def records(
    newest: Scored, tallies: Mapping[tuple[str, str, int], Tally], now_ms: int
) -> Iterator[tuple[str, str, bytes]]:
    """(topic, key, value) of every record of one thing. `tallies`: by model, target and horizon (s)."""
    thing = newest.thing
    site = site_of(thing)
    models: dict[str, Any] = {}
    for (model, target, horizon), tally in tallies.items():
        models.setdefault(model, {}).setdefault(target, {})[str(horizon)] = tally.as_dict()
    properties = {"models": models, "scoredAt": newest.at_ms}
    yield own_topic("twin", site), thing, merge_features(thing, {FEATURE: properties}, f"scorecard-{now_ms}")
    for (model, target, horizon), tally in tallies.items():
        reading = Reading(
            v=1,
            thing=thing,
            feature=f"{FEATURE}.{model}.{target.partition('/')[0]}.{horizon}",
            observed_at=newest.at_ms,
            received_at=now_ms,
            values=dict(tally.as_history()),
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
