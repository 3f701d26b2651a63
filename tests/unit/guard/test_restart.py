"""A guard that was killed and started anew goes on where it was: interlock, pace, cold air; or says so."""

from __future__ import annotations

from typing import Any

from tests.unit.guard.rooms import NOW, A, B, rack, unit, usual, wish
from tests.unit.guard.stage import Stage, request

from guard.case import Verdict
from guard.ledger import Ledger
from guard.recent import Recent
from racktwin.commands import Audit, Request, Wish, decode_audit, encode_audit
from racktwin.ditto_client import DittoError

C = "racktwin.t:cooling-c"


def three() -> Stage:
    return Stage(unit(A), unit(B), unit(C), *(rack(f"r{n}") for n in range(4)))


def ask(stage: Stage, thing: str, name: str, **values: Any) -> dict[str, object]:
    """A person asks now; what the twin tells of it."""
    stage.ask(thing, Request(id=name, origin="cli", who="ann", at=stage.clock.ms), **values)
    if stage.last(thing).get("state") == "requested":
        stage.answer(thing, name, applied=values)
    return stage.last(thing)


def fail(stage: Stage, thing: str) -> None:
    stage.twins.things[thing]["features"]["air"]["properties"]["airflow"] = 0.0


def test_two_units_are_not_lessened_while_one_has_failed() -> None:
    stage = three()
    assert ask(stage, A, "w1", setpoint=20.5)["state"] == "accepted"
    stage.later(60)
    fail(stage, C)
    stage.again()
    last = ask(stage, B, "w2", setpoint=20.5)
    assert (last["state"], last["rule"]) == ("refused", "interlock")
    assert "cooling-a was lessened already" in str(last["detail"])


def test_what_was_told_and_never_sent_is_judged_anew() -> None:
    """The twin shows it as requested, the audit does not have it: it is no command that is on its way."""
    stage = three()
    ask(stage, A, "w1", setpoint=20.5)
    stage.ask(B, request("w2"), setpoint=20.5)
    assert stage.last(B)["state"] == "requested"
    stage.producer.journal = [line for line in stage.producer.journal if decode_audit(line).id != "w2"]
    stage.producer.records.clear()
    fail(stage, C)
    stage.again()
    stage.later(1)
    assert stage.commands() == [] and (stage.last(B)["state"], stage.last(B)["rule"]) == ("refused", "interlock")


def test_small_steps_still_add_up() -> None:
    stage = Stage(*usual())
    assert ask(stage, A, "w1", setpoint=21.5)["state"] == "accepted"
    stage.later(60)
    stage.again()
    last = ask(stage, A, "w2", setpoint=23.0)
    assert (last["rule"], last["by"]) == ("slew", 0.5)
    stage.later(60)
    stage.again()
    assert ask(stage, A, "w3", setpoint=23.0)["state"] == "accepted"


def test_commands_a_minute_are_still_counted() -> None:
    stage = Stage(*usual())
    for n in range(6):
        stage.again()
        assert ask(stage, A, f"w{n}", setpoint=20.1 + 0.1 * n)["state"] == "accepted"
        stage.later(2)
    stage.again()
    assert ask(stage, A, "w6", setpoint=20.8)["rule"] == "rate-limit"
    stage.later(60)
    assert ask(stage, A, "w7", setpoint=20.8)["state"] == "accepted"


def test_cold_air_of_the_last_hour_is_not_forgotten() -> None:
    stage = Stage(unit(A, setpoint=16.0, supply=16.0), unit(B), *(rack(f"r{n}", 27.8) for n in range(4)))
    stage.event(A, "/features/air/properties", {"supplyTemperature": 16.0})
    assert ask(stage, A, "w1", setpoint=18.0)["state"] == "accepted"
    stage.later(600)
    # Supply has followed; what inlets have still to feel of it is known from the audit alone.
    stage.twins.things[A]["features"]["air"]["properties"]["supplyTemperature"] = 18.0
    stage.again()
    last = ask(stage, A, "w2", setpoint=20.0)
    assert (last["rule"], "would reach 31.8" in str(last["detail"])) == ("plausibility", True)


def test_without_the_audit_nothing_is_lessened_for_an_hour() -> None:
    stage = Stage(*usual())
    stage.again()
    stage.producer.journal_away = "racktwin.audit.t is not there"
    last = ask(stage, A, "w1", setpoint=20.5)
    assert (last["state"], last["rule"], last["by"]) == ("refused", "past-unknown", 3600.0)
    assert "racktwin.audit.t is not there" in str(last["detail"]) and "until 09:00 UTC" in str(last["detail"])
    assert ask(stage, A, "w2", setpoint=19.0)["state"] == "accepted"
    stage.later(1800)
    assert ask(stage, A, "w3", setpoint=19.5)["by"] == 1800.0
    stage.later(1801)
    assert ask(stage, A, "w4", setpoint=19.5)["state"] == "accepted"


def test_the_audit_is_read_as_soon_as_it_can_be() -> None:
    stage = Stage(*usual())
    stage.producer.journal_away = "Kafka did not answer"
    assert ask(stage, A, "w1", setpoint=20.5)["rule"] == "past-unknown"
    stage.producer.journal_away = ""
    stage.later(16)
    assert ask(stage, A, "w2", setpoint=20.5)["state"] == "accepted"


def test_an_open_command_waits_for_the_twins_and_is_not_sent_unjudged() -> None:
    stage = three()
    stage.ask(A, request(), setpoint=20.5)
    stage.producer.records.clear()
    stage.again()
    get = stage.twins.get_thing

    def away(thing: str, fields: str | None = None) -> dict[str, object] | None:
        raise DittoError(0, "unreachable", "away")

    stage.twins.get_thing = away  # type: ignore[method-assign]
    stage.later(1)
    stage.later(2)
    assert stage.commands() == []
    stage.twins.get_thing = get  # type: ignore[method-assign]
    stage.later(2)
    assert [body["id"] for _, body, _ in stage.commands()] == ["w1"]


def approval(name: str, at: int = NOW, **more: object) -> Audit:
    return Audit(thing=A, at=at, event="approved", id=name, origin="cli", who="ann", kind="cooling", v=1, **more)  # type: ignore[arg-type]


def test_an_approval_that_tells_no_amounts_counts_as_all_of_them() -> None:
    recent = Recent()
    own = Audit(thing=A, at=NOW, event="approved", id="l", origin="guard", who="stale", kind="cooling", v=1)
    recent.recall([approval("old"), own], NOW)
    [past] = recent.past([A], _wish(), NOW)
    assert past.less and past.setpoint_up_k is None
    stage = Stage(*usual())
    stage.producer.journal = [encode_audit(approval("old"))]
    stage.again()
    assert ask(stage, A, "w1", setpoint=20.5)["rule"] == "slew"
    stage.later(61)
    assert ask(stage, A, "w2", setpoint=20.5)["state"] == "accepted"


def test_reading_the_audit_twice_counts_once() -> None:
    recent = Recent()
    lines: list[Audit] = []
    for n in range(3):
        wanted = _wish(f"w{n}")
        pace = recent.let_through(wanted, Verdict("approved", less=True, setpoint_up_k=0.5), NOW + n)
        effects = Ledger().approved(wanted, "hall", NOW + n, pace)
        lines += [e for e in effects if isinstance(e, Audit)]
    before = recent.past([A], _wish("other"), NOW + 9)
    recent.recall(lines, NOW + 9)
    assert recent.past([A], _wish("other"), NOW + 9) == before and len(before) == 3


def _wish(name: str = "w1") -> Wish:
    return wish(A, request(name), setpoint=20.5)
