"""Each cause gives its own verdict, at the hop where the reading stops, and nothing else is blamed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from racktwin_cli.doctor.diagnosis import diagnose
from racktwin_cli.doctor.evidence import (
    BEFORE,
    Connection,
    Evidence,
    Group,
    Hop,
    Influx,
    Rejected,
    Runner,
    Sent,
    Sighting,
    expected,
)

THING = "racktwin.berlin:rack-r1"
RUNS = Group(members=1, behind=0)
GONE = Group(members=0)
TOPICS = frozenset(
    [
        "hono.telemetry.berlin",
        *(f"racktwin.{what}.berlin" for what in ("readings", "twin", "models", "rejects", "predictions", "events")),
    ]
)
RUNNER = Runner("inlet", 1, 1, RUNS)


def evidence(*passed, **changes):
    """All is well, but for the hops that are not passed and what is changed."""
    basis = Evidence(
        site="berlin",
        thing=THING,
        feature="environment.top",
        login=THING,
        sent=Sent(),
        tenant_known=True,
        device_known=True,
        sightings={hop: Sighting(1000 + i, "somewhere") for i, hop in enumerate(passed)},
        topics=TOPICS,
        bridge=RUNS,
        ingest=RUNS,
        historian=RUNS,
        ditto_group=RUNS,
        twin_found=True,
        connection=Connection(True, "open", "open"),
        may_write=True,
        influx=Influx(200),
        runners=(RUNNER,),
    )
    return replace(basis, **changes)


def all_but(*missing):
    """Every hop but these, and but those behind them."""

    def reached(hop):
        return hop not in missing and (hop not in BEFORE or reached(BEFORE[hop]))

    return [hop for hop in Hop if reached(hop)]


def codes(e):
    return [(verdict.hop, verdict.code) for verdict in diagnose(e)]


def test_all_passed_is_healthy():
    assert diagnose(evidence(*Hop)) == []


def test_without_a_model_predictions_are_not_expected():
    e = evidence(*all_but(Hop.PREDICTION), runners=())
    assert diagnose(e) == []
    assert Hop.PREDICTION not in expected(e)


ADAPTER = [
    ("wrong_credentials", {"sent": Sent("credentials", "Not authorized")}),
    ("wrong_credentials", {"sent": Sent("credentials", "401"), "device_known": None, "tenant_known": None}),
    ("tenant_unknown", {"sent": Sent("credentials", "401"), "tenant_known": False, "device_known": False}),
    ("device_unknown", {"sent": Sent("credentials", "401"), "device_known": False}),
    ("device_unknown", {"sent": None, "secret_problem": "there is no Secret", "device_known": False}),
    ("no_secret", {"sent": None, "secret_problem": "there is no Secret"}),
    ("device_disabled", {"sent": Sent("credentials", "401"), "device_enabled": False}),
    ("adapter_unreachable", {"sent": Sent("unreachable", "refused"), "device_known": None}),
    ("hono_cannot_forward", {"sent": Sent("unavailable", "503")}),
    ("adapter_refused", {"sent": Sent("other", "413")}),
]


@pytest.mark.parametrize(("code", "changes"), ADAPTER, ids=[f"{i}-{code}" for i, (code, _) in enumerate(ADAPTER)])
def test_nothing_was_taken(code, changes):
    assert codes(evidence(**changes)) == [(Hop.ADAPTER, code)]


HONO = [
    ("topic_missing", {"topics": TOPICS - {"hono.telemetry.berlin"}}),
    ("bridge_down", {"bridge": GONE}),
    ("bridge_down", {"unready": {"hono-bridge": "AMQP broker: connection lost"}}),
    ("bridge_down", {"bridge": None, "unready": {"hono-bridge": "does not answer (ConnectionError)"}}),
    ("not_forwarded", {}),
    ("not_forwarded", {"bridge": None}),
]


@pytest.mark.parametrize(("code", "changes"), HONO, ids=[f"{i}-{code}" for i, (code, _) in enumerate(HONO)])
def test_taken_and_not_on_kafka(code, changes):
    assert codes(evidence(Hop.ADAPTER, **changes)) == [(Hop.HONO, code)]


INGEST = [
    ("topic_missing", {"topics": TOPICS - {"racktwin.readings.berlin"}}),
    ("rejected", {"rejected": Rejected("unit_mismatch", "temperature: W")}),
    ("ingest_down", {"ingest": GONE}),
    ("ditto_unreachable", {"ditto_problem": "Ditto unreachable"}),
    ("ingest_stuck", {"ingest": Group(1, 5000)}),
]


@pytest.mark.parametrize(("code", "changes"), INGEST, ids=[code for code, _ in INGEST])
def test_on_kafka_and_no_reading(code, changes):
    assert codes(evidence(Hop.ADAPTER, Hop.HONO, **changes)) == [(Hop.INGEST, code)]


def test_a_reject_tells_its_reason():
    (verdict,) = diagnose(evidence(Hop.ADAPTER, Hop.HONO, rejected=Rejected("out_of_range", "500 Cel")))
    assert "out_of_range" in verdict.cause
    assert "500 Cel" in verdict.cause


TWIN = [
    ("ditto_unreachable", {"ditto_problem": "Ditto unreachable", "connection": None, "may_write": None}),
    ("twin_unknown", {"twin_found": False}),
    ("connection_missing", {"connection": Connection(found=False)}),
    ("connection_closed", {"connection": Connection(True, "closed", "closed")}),
    ("connection_failed", {"connection": Connection(True, "open", "failed", "no broker")}),
    ("policy_forbids", {"may_write": False}),
    ("ditto_behind", {"ditto_group": Group(1, 4000)}),
    ("ditto_refused", {}),
    ("ditto_refused", {"connection": None, "may_write": None, "ditto_group": None}),
]


@pytest.mark.parametrize(("code", "changes"), TWIN, ids=[f"{i}-{code}" for i, (code, _) in enumerate(TWIN)])
def test_merged_and_not_on_the_twin(code, changes):
    passed = [*all_but(Hop.TWIN, Hop.PREDICTED_TWIN)]
    # The prediction's merge goes the same way: what stops both is said once.
    assert codes(evidence(*passed, **changes)) == [(Hop.TWIN, code)]


HISTORY = [
    ("influx_unreachable", {"influx": Influx(0, "refused")}),
    ("influx_token", {"influx": Influx(401, "Unauthorized")}),
    ("historian_token", {"unready": {"historian": "InfluxDB 401: unauthorized access"}}),
    ("rejected", {"rejected": Rejected("field_type_conflict", "is integer")}),
    ("historian_down", {"historian": GONE}),
    ("bucket_missing", {"influx": Influx(404, "Not Found")}),
    ("historian_stuck", {"historian": Group(1, 12)}),
]


@pytest.mark.parametrize(("code", "changes"), HISTORY, ids=[code for code, _ in HISTORY])
def test_a_reading_without_a_point(code, changes):
    assert codes(evidence(*all_but(Hop.HISTORY), **changes)) == [(Hop.HISTORY, code)]


PREDICTION = [
    ("topic_missing", {"topics": TOPICS - {"racktwin.predictions.berlin"}}),
    ("model_paused", {"runners": (Runner("inlet", 0, 0, GONE),)}),
    ("no_runner", {"runners": (Runner("inlet", 1, None),)}),
    ("no_runner", {"runners": (Runner("inlet", 1, 0),)}),
    ("no_runner", {"runners": (Runner("inlet", 1, 1, GONE),)}),
    ("not_predicting", {}),
]


@pytest.mark.parametrize(("code", "changes"), PREDICTION, ids=[f"{i}-{code}" for i, (code, _) in enumerate(PREDICTION)])
def test_a_reading_without_a_prediction(code, changes):
    assert codes(evidence(*all_but(Hop.PREDICTION), **changes)) == [(Hop.PREDICTION, code)]


def test_a_prediction_that_the_twin_does_not_show():
    assert codes(evidence(*all_but(Hop.PREDICTED_TWIN))) == [(Hop.PREDICTED_TWIN, "prediction_not_on_twin")]
    without = evidence(*all_but(Hop.PREDICTED_TWIN), topics=TOPICS - {"racktwin.models.berlin"})
    assert codes(without) == [(Hop.PREDICTED_TWIN, "topic_missing")]


def test_a_merge_that_did_not_come():
    assert codes(evidence(*all_but(Hop.MERGE))) == [(Hop.MERGE, "not_merged")]


def test_what_a_later_hop_shows_has_passed():
    assert diagnose(evidence(*(hop for hop in Hop if hop is not Hop.MERGE))) == []


def test_branches_break_apart_from_each_other():
    e = evidence(*all_but(Hop.TWIN, Hop.HISTORY, Hop.PREDICTED_TWIN), may_write=False, historian=GONE)
    assert codes(e) == [(Hop.TWIN, "policy_forbids"), (Hop.HISTORY, "historian_down")]


@pytest.mark.parametrize("missing", list(Hop))
def test_every_verdict_names_cause_and_next_step(missing):
    for verdict in diagnose(evidence(*all_but(missing))):
        assert verdict.hop is missing
        assert verdict.cause
        assert verdict.look
