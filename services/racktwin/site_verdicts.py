"""What one of our processes says of a site as a whole: onto the site's twin, and into its history. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from racktwin import names
from racktwin.ditto_protocol import merge_features
from racktwin.messages import Reading, Value, encode


def records(
    site: str,
    feature: str,
    values: Mapping[str, Value],
    now_ms: int,
    *,
    by: str,
    only_on_twin: Mapping[str, object] | None = None,
) -> Iterator[tuple[str, str, bytes]]:
    """(topic, key, value) of a verdict: a merge for the twin, with `only_on_twin` beside the values, and a reading.

    `by` is the process that says so.
    """
    thing = names.thing_id(site, "site", site)
    told = {feature: {**values, **(only_on_twin or {})}}
    yield names.own_topic("twin", site), thing, merge_features(thing, told, f"{by}-{now_ms}")
    reading = Reading(
        v=1,
        thing=thing,
        feature=feature,
        observed_at=now_ms,
        received_at=now_ms,
        values=dict(values),
        quality="good",
        device=by,
        kind="site",
    )
    yield names.own_topic("readings", site), thing, encode(reading)
