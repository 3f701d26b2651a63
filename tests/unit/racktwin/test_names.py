"""Identifiers: what is built can be read back, and nothing that is not an identifier passes for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from racktwin import names

SITES = st.from_regex(names.SITE_PATTERN, fullmatch=True).filter(lambda site: len(site) <= names.SITE_LENGTH)
LABELS = st.from_regex(names.NAME_PATTERN, fullmatch=True)
KINDS = st.sampled_from(names.KINDS)


@given(SITES, KINDS, LABELS)
def test_a_thing_id_reads_back_as_it_was_built(site: str, kind: names.Kind, name: str) -> None:
    text = names.thing_id(site, kind, name)
    assert names.ThingId.parse(text) == names.ThingId(site, kind, name)
    assert str(names.ThingId.parse(text)) == text
    assert names.site_of(text) == site
    assert text == f"{names.namespace(site)}:{kind}-{name}"


@given(SITES, KINDS, LABELS)
def test_an_auth_id_stands_for_one_device_alone(site: str, kind: names.Kind, name: str) -> None:
    device = names.thing_id(site, kind, name)
    auth = names.auth_id(device)
    # HTTP basic auth splits at the first colon, MQTT user names at the last @.
    assert ":" not in auth
    assert "@" not in auth
    # No identifier holds an underscore of its own, so the colon can be told again.
    assert auth.replace("_", ":") == device


@pytest.mark.parametrize(
    "text",
    [
        "",
        "racktwin.berlin",
        "racktwin.berlin:",
        "racktwin.berlin:rack",
        "racktwin.berlin:rack-",
        "racktwin.berlin:crac-1",
        "racktwin.:rack-1",
        "racktwin.1berlin:rack-1",
        "racktwin.berlin-:rack-1",
        "racktwin.berlin:rack-A",
        "racktwin.berlin:rack-a_b",
        "racktwin.berlin:rack-a:b",
        "racktwin.berlin:rack--a",
        "racktwin.berlin:rack-a-",
        "racktwin.berlin:rack-a\n",
        "racktwin.berlin:rack-" + "a" * 64,
        "racktwin." + "b" * 41 + ":rack-1",
        "other.berlin:rack-1",
        " racktwin.berlin:rack-1",
    ],
)
def test_what_is_no_thing_id_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"thing id|site"):
        names.ThingId.parse(text)


@given(st.text(max_size=60))
def test_parsing_any_text_either_reads_back_or_is_refused(text: str) -> None:
    try:
        parsed = names.ThingId.parse(text)
    except ValueError:
        return
    assert str(parsed) == text


@pytest.mark.parametrize(
    ("site", "kind", "name", "says"),
    [("Berlin", "rack", "a", "site"), ("berlin", "crac", "a", "kind"), ("berlin", "rack", "a b", "name")],
)
def test_building_a_bad_thing_id_names_the_part(site: str, kind: names.Kind, name: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        names.thing_id(site, kind, name)


@pytest.mark.parametrize("site", ["a", "berlin", "eu-central", "dc2-b3", "b" * 40])
def test_good_sites_pass_unchanged(site: str) -> None:
    assert names.check_site(site) == site


@pytest.mark.parametrize(
    "site", ["", "1a", "eu-central-1", "a--b", "-a", "a-", "A", "a.b", "a_b", "a b", "é", "b" * 41, "berlin\n"]
)
def test_bad_sites_are_refused(site: str) -> None:
    with pytest.raises(ValueError, match="DNS label"):
        names.check_site(site)


@given(SITES)
def test_a_topic_knows_its_site_and_only_its_family_matches(site: str) -> None:
    for what in names.OWN_TOPICS:
        topic = names.own_topic(what, site)  # type: ignore[arg-type]
        assert names.site_of_topic(topic) == site
        assert re.match(names.topic_pattern("racktwin", (what,)), topic)
        assert not re.match(names.topic_pattern("hono", (what,)), topic)
    for what in names.HONO_TOPICS:
        topic = names.hono_topic(what, site)  # type: ignore[arg-type]
        assert names.site_of_topic(topic) == site
        assert re.match(names.topic_pattern("hono", (what,)), topic)


def test_a_topic_pattern_takes_no_topic_of_another_name() -> None:
    pattern = names.topic_pattern("hono", ("telemetry", "event"))
    # librdkafka takes a subscription for a pattern when it begins so.
    assert pattern.startswith("^")
    assert re.match(pattern, "hono.event.berlin")
    for other in (
        "hono.command.berlin",
        "hono.command_response.berlin",
        "hono.telemetry.",
        "hono.telemetry.a.b",
        "xhono.event.a",
    ):
        assert not re.match(pattern, other)


@pytest.mark.parametrize(
    "topic", ["", "hono.telemetry", "kafka.telemetry.berlin", "hono.telemetry.Berlin", "hono..berlin"]
)
def test_a_foreign_topic_has_no_site(topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        names.site_of_topic(topic)


@pytest.mark.parametrize("text", ["", "berlin", "racktwin.berlin", "demo.rack:r-01", ":x"])
def test_a_foreign_id_has_no_site(text: str) -> None:
    with pytest.raises(ValueError, match="thing id"):
        names.site_of(text)


@given(SITES, SITES)
def test_names_of_two_sites_never_meet(one: str, other: str) -> None:
    assume(one != other)
    for make in (
        names.namespace,
        names.base_policy,
        names.twin_connection,
        names.models_connection,
        names.events_connection,
        names.pipeline_subject,
        names.models_subject,
        names.events_subject,
    ):
        assert make(one) != make(other)


def test_the_names_that_others_rely_on() -> None:
    assert names.thing_id("berlin", "rack", "r01-01") == "racktwin.berlin:rack-r01-01"
    assert names.auth_id("racktwin.berlin:rack-r01-01") == "racktwin.berlin_rack-r01-01"
    assert names.own_topic("twin", "berlin") == "racktwin.twin.berlin"
    assert names.hono_topic("command_response", "berlin") == "hono.command_response.berlin"
    assert names.base_policy("berlin") == "racktwin.berlin:base"
    assert names.twin_connection("berlin") == "racktwin-berlin-twin"
    assert names.own_topic("models", "berlin") == "racktwin.models.berlin"
    assert names.models_connection("berlin") == "racktwin-berlin-models"
    assert names.models_subject("berlin") == "integration:racktwin-berlin-models"
    assert names.events_connection("berlin") == "racktwin-berlin-events"
    assert names.pipeline_subject("berlin") == "integration:racktwin-berlin-pipeline"
    assert names.events_subject("berlin") == "integration:racktwin-berlin-events"
    assert names.device_secret("rack", "r01-01") == "rack-r01-01-device"
