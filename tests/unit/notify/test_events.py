"""Twin events become CloudEvents that another's library reads; the filter takes what was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat

from notify.events import CONTENT_TYPE, Filter, cloud_event, touched
from notify.signing import headers, valid
from racktwin.ditto_protocol import Envelope, parse_topic

NOW = 1_790_000_000_000
TOPIC = "racktwin.berlin/rack-r1/things/twin/events/"


def event(action: str = "merged", path: str = "/features", value: Any = None, **more: Any) -> Envelope:
    return Envelope(topic=TOPIC + action, path=path, value={"alerts": {}} if value is None else value, **more)


def test_a_cloud_event_is_one_to_others() -> None:
    identity, body = cloud_event(
        event(value={"alerts": {"properties": {"open": {}}}}, revision=7, timestamp="2026-11-21T08:00:00.5Z"), "x", NOW
    )
    read = from_structured(HTTPMessage({"content-type": CONTENT_TYPE}, body), JSONFormat())
    assert read.get_id() == identity == "racktwin.berlin:rack-r1/7"
    assert read.get_type() == "io.racktwin.twin.merged" and read.get_source() == "/racktwin/berlin"
    assert read.get_subject() == "racktwin.berlin:rack-r1" and read.get_time().isoformat().startswith(
        "2026-11-21T08:00"
    )
    data = read.get_data()
    assert (
        data["path"] == "/features" and data["action"] == "merged" and data["revision"] == 7 and data["kind"] == "rack"
    )


def test_without_revision_or_time() -> None:
    identity, body = cloud_event(event("deleted", "/", None), "topic/0/5", NOW)
    assert identity == "topic/0/5" and json.loads(body)["time"].startswith("2026-")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (event(value={"alerts": {}, "power": {}}), {"alerts", "power"}),
        (event(path="/features/control/desiredProperties", value={}), {"control"}),
        (event(path="/attributes/serial", value="x"), {"@attributes"}),
        (event("created", "/", {"attributes": {}}), {"@life"}),
        (event("deleted", "/"), {"@life"}),
        (event("modified", "/", {"attributes": {}, "features": {"air": {}}}), {"@attributes", "air"}),
        (event(path="/policyId", value="x"), {"@attributes"}),
    ],
)
def test_what_an_event_touches(given: Envelope, found: set[str]) -> None:
    assert touched(parse_topic(given.topic), given) == found


def test_the_filter() -> None:
    def wants(features: str, kinds: str = "*") -> bool:
        given = event(value={"environment.top": {}})
        return Filter(features, kinds).wants(parse_topic(given.topic), given)

    assert wants("environment.*") and wants("*") and wants("alerts, environment.top", "server,rack")
    assert not wants("alerts,@life") and not wants("*", "server") and not wants("")


def test_signatures() -> None:
    given = headers("secret secret secret", "id", NOW // 1000, b"{}")
    assert valid("secret secret secret", given, b"{}", NOW // 1000 + 10)
    assert not valid("another secret", given, b"{}", NOW // 1000)
    assert not valid("secret secret secret", given, b"{ }", NOW // 1000)
    assert not valid("secret secret secret", given, b"{}", NOW // 1000 + 1000)
    assert not valid("secret secret secret", {}, b"{}", NOW // 1000)
    # What the specification's own libraries make of this.
    known = headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert known["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
