"""Which sites are bridged: those whose telemetry topic exists."""

from __future__ import annotations

from hono_bridge.service import sites_in

TOPICS = {
    "hono.telemetry.berlin",
    "hono.event.berlin",
    "hono.telemetry.oslo",
    "racktwin.readings.bonn",
    "hono.telemetry.Bad_Name",
}


def test_every_site_with_a_topic() -> None:
    assert sites_in(TOPICS, None) == {"berlin", "oslo"}


def test_only_the_chosen_ones_and_only_when_their_topic_exists() -> None:
    assert sites_in(TOPICS, ["oslo", "rome"]) == {"oslo"}
