"""A second person agrees, and nobody under another name: who may approve a wish, and how the guard knows them."""

from __future__ import annotations

from tests.unit.guard.rooms import NOW, A, B, rack, unit
from tests.unit.guard.stage import Stage, request

from racktwin.commands import Request


def second() -> Stage:
    return Stage(unit(A, attributes={"secondApprover": True}), unit(B), *(rack(f"r{n}") for n in range(4)))


def test_a_second_person_must_be_another_and_must_have_seen_it_waiting() -> None:
    stage = second()
    stage.ask(A, request(approved_by="bob"), setpoint=21.0)
    assert stage.last()["state"] == "awaiting approval"
    stage.ask(A, request(approved_by="bob"), setpoint=21.5)
    assert stage.last()["state"] == "awaiting approval"
    stage.ask(A, request(approved_by="ann"), setpoint=21.5)
    assert stage.commands() == []
    stage.ask(A, request(approved_by="carl"), setpoint=21.5)
    assert [body["setpoint"] for _, body, _ in stage.commands()] == [21.5]
    assert stage.last()["approvedBy"] == "carl" and stage.last()["who"] == "ann"
    assert stage.audit()[-4:] == ["awaiting", "requested", "approved", "sent"]


def test_nobody_approves_under_another_name() -> None:
    stage = second()
    stage.ask(A, request(), "nginx:mallory", setpoint=21.0)
    # The same subject, which says that it is somebody else.
    stage.ask(A, request(approved_by="bob"), "nginx:mallory", setpoint=21.0)
    assert stage.commands() == [] and stage.last()["state"] == "awaiting approval"
    assert "nginx:mallory asked for it" in stage.last()["detail"]
    # A program approves nothing.
    stage.ask(A, request(approved_by="carl"), "integration:racktwin-t-commands", setpoint=21.0)
    assert stage.commands() == []
    stage.ask(A, request(approved_by="anyone"), "nginx:bob", setpoint=21.0)
    assert len(stage.commands()) == 1
    assert (stage.last()["who"], stage.last()["approvedBy"]) == ("nginx:mallory", "nginx:bob")


def test_nobody_asks_in_the_guards_name_and_no_program_confirms() -> None:
    stage = second()
    stage.ask(A, Request(id="g1", origin="guard", who="guard", at=NOW), "nginx:mallory", setpoint=21.0)
    assert stage.commands() == [] and stage.last()["state"] == "awaiting approval"
    stage.ask(B, request(confirm=True), "integration:racktwin-t-commands", setpoint=25.0)
    assert stage.last(B)["rule"] == "confirm-step"


def test_the_console_approves_with_a_wish_of_its_own() -> None:
    stage = second()
    stage.ask(A, request(confirm=True), setpoint=23.0)
    assert stage.last()["state"] == "awaiting approval"
    approval = Request(id="c2", origin="console", who="bob", approval_of="w1", at=NOW)
    stage.ask(A, approval, setpoint=23.0)
    [(_, body, _)] = stage.commands()
    assert (body["id"], stage.last()["who"], stage.last()["approvedBy"]) == ("c2", "ann", "bob")


def test_another_guard_knows_what_waits_for_approval() -> None:
    stage = second()
    stage.ask(A, request(), setpoint=21.0)
    stage.again()
    stage.ask(A, request(approved_by="bob"), setpoint=21.0)
    assert len(stage.commands()) == 1 and stage.last()["approvedBy"] == "bob"


def test_an_approval_that_nobody_saw_being_made_counts_for_nothing() -> None:
    stage = second()
    stage.ask(A, request(), setpoint=21.0)
    stage.twins.wish(A, request(approved_by="bob"), setpoint=21.0)
    stage.later(16)
    assert stage.commands() == [] and stage.last()["state"] == "awaiting approval"
