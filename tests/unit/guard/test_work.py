"""The guard's loop with fakes for Ditto and Kafka: events to commands, gaps, kills, the way back to local control."""

from __future__ import annotations

from tests.unit.guard.rooms import NOW, A, B, optimised, rack, unit, usual
from tests.unit.guard.stage import Stage, request

from guard.ledger import DELIVERY_FAILURE
from racktwin.commands import Request


def test_from_wish_to_command_to_answer() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=21.5)
    [(device, body, headers)] = stage.commands()
    assert (device, body["setpoint"], body["id"], body["setpointKPerMin"]) == (A, 21.5, "w1", 0.5)
    assert headers["response-required"] == "true" and headers["correlation-id"] == "w1"
    assert headers["subject"] == "set" and headers["device_id"] == A
    assert stage.last()["state"] == "requested"
    stage.answer(A, "w1", applied={"setpoint": 21.5, "mode": "manual"})
    assert stage.last()["state"] == "accepted" and stage.last()["who"] == "ann"
    assert stage.twins.things[A]["features"]["control"]["properties"]["setpoint"] == 21.5
    assert stage.audit() == ["requested", "approved", "sent", "accepted"]


def test_a_refused_wish_never_reaches_hono() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=29.0)
    assert stage.commands() == []
    assert (stage.last()["state"], stage.last()["rule"], stage.last()["by"]) == ("refused", "setpoint-limit", 1.5)
    assert stage.audit() == ["requested", "refused"]


def test_events_that_come_twice_command_once() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=21.0)
    stage.ask(A, request(), setpoint=21.0)
    stage.answer(A, "w1")
    stage.ask(A, request(), setpoint=21.0)
    stage.answer(A, "w1")
    assert len(stage.commands()) == 1


def test_an_id_that_is_used_again_does_not_hide_a_command() -> None:
    stage = Stage(*usual())
    stage.ask(A, request("same"), setpoint=21.9)
    stage.answer(A, "same", applied={"setpoint": 21.9})
    stage.ask(A, request("same"), setpoint=23.5)
    assert [body["setpoint"] for _, body, _ in stage.commands()] == [21.9]
    assert stage.last()["rule"] == "slew"


def test_a_lost_event_is_made_up_for_by_reading_again() -> None:
    stage = Stage(*usual())
    stage.work.tick()
    stage.twins.wish(A, request(), setpoint=21.0)
    stage.later(16)
    assert [body["setpoint"] for _, body, _ in stage.commands()] == [21.0]


def test_killed_after_telling_and_before_sending() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=21.0)
    stage.producer.records.clear()
    stage.again()
    stage.later(1)
    [(_, body, _)] = stage.commands()
    assert body["id"] == "w1"
    stage.answer(A, "w1")
    assert stage.last()["state"] == "accepted"


def test_killed_after_the_answer_does_nothing_again() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=21.0)
    stage.answer(A, "w1")
    stage.producer.records.clear()
    stage.again()
    stage.later(1)
    assert stage.producer.records == []


def test_a_wish_of_unknown_age_is_not_carried_out_after_a_start() -> None:
    stage = Stage(*usual())
    stage.twins.wish(A, None, setpoint=21.0)
    stage.work.tick()
    assert stage.commands() == [] and stage.last()["rule"] == "age-unknown"


def test_a_plain_write_over_dittos_api_is_a_wish() -> None:
    stage = Stage(*usual())
    stage.work.tick()
    stage.twins.wish(A, None, setpoint=21.0)
    stage.event(A, "/features/control/desiredProperties/setpoint", 21.0)
    stage.work.tick()
    [(_, body, _)] = stage.commands()
    assert body["setpoint"] == 21.0 and body["id"].startswith("w-")


def test_without_ditto_nothing_is_decided_and_nothing_forgotten() -> None:
    stage = Stage(*usual())
    stage.twins.away = True
    stage.ask(A, request(), setpoint=21.0)
    assert stage.commands() == [] and not stage.health.ready()[0]
    stage.twins.away = False
    stage.work.tick()
    assert len(stage.commands()) == 1


def test_an_absent_unit_is_judged_anew_when_it_is_back() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=22.0)
    stage.answer(A, "w1", 503, DELIVERY_FAILURE, error="not connected")
    assert stage.last()["state"] == "offline"
    # While it was away the room grew too hot for it.
    for thing in stage.twins.things.values():
        if "environment.top" in thing["features"]:
            thing["features"]["environment.top"]["properties"]["temperature"] = 31.0
    stage.later(2)
    stage.event(A, "/features/air/properties", {"supplyTemperature": 20.0})
    assert len(stage.commands()) == 1
    assert (stage.last()["state"], stage.last()["rule"]) == ("refused", "plausibility")


def test_an_absent_unit_is_commanded_when_it_is_back() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(), setpoint=22.0)
    stage.answer(A, "w1", 503, DELIVERY_FAILURE, error="not connected")
    stage.later(2)
    stage.event(A, "/features/air/properties", {"supplyTemperature": 20.0})
    assert [body["id"] for _, body, _ in stage.commands()] == ["w1", "w1"]
    stage.answer(A, "w1")
    assert stage.last()["state"] == "accepted"


def test_a_one_way_command_asks_for_no_answer_and_is_done_by_report() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(one_way=True), setpoint=21.0)
    [(_, _, headers)] = stage.commands()
    assert "response-required" not in headers and "correlation-id" not in headers
    assert 0 < int(headers["ttl"]) <= 600_000
    stage.event(A, "/features/control/properties", {"setpoint": 21.0, "observedAt": NOW + 900})
    assert stage.last()["state"] == "accepted" and "report" in stage.last()["detail"]


def test_an_absent_unit_is_not_told_what_has_expired() -> None:
    stage = Stage(*usual())
    stage.ask(A, request(valid_until=NOW + 20_000), setpoint=21.0)
    stage.answer(A, "w1", 503, DELIVERY_FAILURE, error="not connected")
    stage.later(25)
    assert stage.last()["state"] == "expired"
    stage.event(A, "/features/air/properties", {"supplyTemperature": 20.0})
    assert len(stage.commands()) == 1 and stage.audit()[-1] == "expired"


def test_two_optimisers_and_only_one_commands() -> None:
    stage = Stage(*usual(), optimised(instance="one"))
    for name, instance in (("o1", "one"), ("o2", "two")):
        asked = Request(id=name, origin="optimiser", instance=instance, at=NOW)
        stage.ask(A if instance == "one" else B, asked, setpoint=20.5, mode="mpc")
    assert [body["id"] for _, body, _ in stage.commands()] == ["o1"]
    assert stage.last(B)["rule"] == "one-optimiser"


def test_local_control_when_the_optimiser_is_gone() -> None:
    stage = Stage(unit(A, mode="mpc"), unit(B), rack("r1"), optimised())
    stage.later(60)
    assert stage.commands() == []
    stage.later(61)
    [(device, body, _)] = stage.commands()
    assert (device, body["mode"]) == (A, "auto")
    assert stage.last()["origin"] == "guard" and stage.last()["who"] == "optimiser stale"
    stage.answer(A, stage.last()["id"], applied={"mode": "auto"})
    stage.later(120)
    assert len(stage.commands()) == 1
