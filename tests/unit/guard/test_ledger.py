"""The life of a command: sent, repeated, answered, refused, late, absent, expired; each told on twin and audit."""

from __future__ import annotations

from typing import Any

from tests.unit.guard.rooms import NOW, A, wish

from guard.case import Refusal
from guard.ledger import DELIVERY_FAILURE, Answer, Effect, Ledger, Reconsider, Send, Tell
from racktwin.commands import Audit, Request


def answer(status: int = 200, content_type: str = "application/json", command: str = "w1", **body: Any) -> Answer:
    return Answer(A, command, status, content_type, body)


def sends(effects: list[Effect]) -> list[str]:
    return [e.command.wish.id for e in effects if isinstance(e, Send)]


def states(effects: list[Effect]) -> list[str]:
    return [e.last.state for e in effects if isinstance(e, Tell)]


def events(effects: list[Effect]) -> list[str]:
    return [e.event for e in effects if isinstance(e, Audit)]


def test_accepted() -> None:
    ledger = Ledger()
    effects = ledger.approved(wish(setpoint=21), "hall", NOW)
    assert (states(effects), sends(effects), events(effects)) == (["requested"], ["w1"], ["approved", "sent"])
    assert isinstance(effects[0], Tell)
    done = ledger.answered(answer(applied={"setpoint": 21.0, "mode": "manual"}), NOW + 50)
    assert (states(done), events(done)) == (["accepted"], ["accepted"])
    told = done[0]
    assert isinstance(told, Tell) and told.applied == {"setpoint": 21.0, "mode": "manual"}
    assert ledger.answered(answer(), NOW + 60) == []
    assert ledger.knows(wish(setpoint=21)) and not ledger.knows(wish(setpoint=22))


def test_the_device_refuses() -> None:
    ledger = Ledger()
    ledger.approved(wish(setpoint=21), "hall", NOW)
    done = ledger.answered(answer(422, error="setpoint 21: this unit allows 14 to 20"), NOW + 50)
    assert states(done) == ["refused"]
    assert isinstance(done[0], Tell)
    assert done[0].last.rule == "device" and "allows 14 to 20" in (done[0].last.detail or "")


def test_the_device_never_answers() -> None:
    ledger = Ledger()
    ledger.approved(wish(setpoint=21), "hall", NOW)
    assert ledger.tick(NOW + 9_000) == []
    assert sends(ledger.tick(NOW + 10_000)) == ["w1"]
    assert sends(ledger.tick(NOW + 20_000)) == ["w1"]
    over = ledger.tick(NOW + 30_000)
    assert (states(over), events(over), sends(over)) == (["timed out"], ["timed out"], [])
    assert ledger.open() == []


def test_a_late_answer_is_still_the_truth() -> None:
    ledger = Ledger()
    ledger.approved(wish(setpoint=21), "hall", NOW)
    for second in (10, 20, 30):
        ledger.tick(NOW + second * 1000)
    late = ledger.answered(answer(applied={"setpoint": 21}), NOW + 60_000)
    assert states(late) == ["accepted"]
    assert isinstance(late[0], Tell) and late[0].last.detail == "the answer came late"


def test_an_answer_to_another_command_changes_nothing() -> None:
    ledger = Ledger()
    ledger.approved(wish(setpoint=21), "hall", NOW)
    assert ledger.answered(answer(command="other"), NOW + 5) == []


def test_an_absent_unit_is_asked_again_when_it_lives() -> None:
    ledger = Ledger()
    wanted = wish(setpoint=21)
    ledger.approved(wanted, "hall", NOW)
    gone = ledger.answered(answer(503, DELIVERY_FAILURE, error="not connected"), NOW + 100)
    assert (states(gone), events(gone)) == (["offline"], ["offline"])
    assert ledger.answered(answer(503, DELIVERY_FAILURE), NOW + 200) == []
    assert ledger.reported(A, {}, NOW + 5_000) == [Reconsider(wanted)]
    again = ledger.approved(wanted, "hall", NOW + 5_000)
    assert sends(again) == ["w1"] and events(again) == ["approved", "sent"]
    assert states(ledger.answered(answer(), NOW + 5_100)) == ["accepted"]


def test_an_absent_unit_is_given_up_when_the_wish_is_too_old() -> None:
    ledger = Ledger()
    ledger.approved(wish(setpoint=21, request=Request(id="w1", at=NOW, valid_until=NOW + 60_000)), "hall", NOW)
    ledger.answered(answer(503, DELIVERY_FAILURE), NOW + 100)
    assert [type(e) for e in ledger.tick(NOW + 40_000)] == [Reconsider]
    over = ledger.tick(NOW + 60_001)
    assert states(over) == ["expired"] and sends(over) == []


def test_one_way_is_done_when_reports_show_it() -> None:
    ledger = Ledger()
    ledger.approved(wish(setpoint=21, request=Request(id="w1", at=NOW, one_way=True)), "hall", NOW)
    assert ledger.reported(A, {"setpoint": 20.0}, NOW + 1000) == []
    assert states(ledger.reported(A, {"setpoint": 21.0}, NOW + 2000)) == ["accepted"]


def test_one_way_without_effect_times_out_and_is_not_repeated() -> None:
    ledger = Ledger()
    ledger.approved(wish(setpoint=21, request=Request(id="w1", at=NOW, one_way=True)), "hall", NOW)
    assert ledger.tick(NOW + 30_000) == []
    assert states(ledger.tick(NOW + 60_000)) == ["timed out"]


def test_a_refusal_says_rule_and_by_how_much() -> None:
    effects = Ledger().refused(wish(setpoint=30), "hall", Refusal("setpoint-limit", "too warm", 2.5), NOW)
    told = effects[0]
    assert isinstance(told, Tell)
    assert (told.last.state, told.last.rule, told.last.by) == ("refused", "setpoint-limit", 2.5)
    assert sends(effects) == [] and events(effects) == ["refused"]


def test_a_new_wish_replaces_the_open_one_and_the_audit_says_so() -> None:
    ledger = Ledger()
    ledger.approved(wish(setpoint=21), "hall", NOW)
    effects = ledger.approved(wish(setpoint=19, request=Request(id="w2", at=NOW)), "hall", NOW + 10)
    assert events(effects) == ["expired", "approved", "sent"]
    assert sends(effects) == ["w2"]
    assert ledger.answered(answer(), NOW + 20) == []


def test_another_guard_goes_on_where_one_was_killed() -> None:
    wanted = wish(setpoint=21)
    last = {"id": "w1", "state": "requested", "at": NOW, "validUntil": NOW + 600_000, "digest": wanted.digest}
    assert Ledger().resume(wanted, last, "hall", NOW + 9_000) == [Reconsider(wanted)]
    ledger = Ledger()
    over = ledger.resume(wanted, last, "hall", NOW + 700_000)
    assert states(over) == ["timed out"] and sends(over) == []
    done = Ledger()
    assert done.resume(wanted, {**last, "state": "accepted"}, "hall", NOW) == []
    assert done.knows(wanted)
