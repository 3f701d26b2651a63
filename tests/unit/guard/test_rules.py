"""Which wishes pass, and what a refusal says."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.guard.rooms import NOW, A, B, case, optimised, rack, room, unit, usual, wish

from guard.case import Past
from guard.rules import decide
from racktwin.commands import Request


def confirmed(**more: Any) -> Request:
    return Request(id="w1", origin="cli", who="ann", at=NOW, confirm=True, **more)


def refused(wanted: Any, where: Any = None, past: tuple[Past, ...] = (), now: int = NOW) -> tuple[str, float | None]:
    verdict = decide(case(wanted, where, past, now))
    assert verdict.outcome == "refused", verdict
    assert verdict.refusal is not None and verdict.refusal.detail
    return verdict.refusal.rule, verdict.refusal.by


def passes(wanted: Any, where: Any = None, past: tuple[Past, ...] = (), now: int = NOW) -> None:
    verdict = decide(case(wanted, where, past, now))
    assert verdict.outcome == "approved", verdict


def test_a_small_step_passes() -> None:
    passes(wish(setpoint=21.5))
    passes(wish(setpoint=19.0, fanSpeed=90))
    passes(wish(mode="auto"))


def test_the_units_limits_hold_confirmed_or_not() -> None:
    assert refused(wish(setpoint=28.0, request=confirmed())) == ("setpoint-limit", 0.5)
    assert refused(wish(fanSpeed=20)) == ("fanSpeed-limit", 10.0)


def test_a_large_step_needs_a_person() -> None:
    assert refused(wish(setpoint=22.5)) == ("confirm-step", 0.5)
    passes(wish(setpoint=22.5, request=confirmed()))
    assert refused(wish(setpoint=17.5)) == ("confirm-step", 0.5)


def test_a_program_cannot_confirm() -> None:
    request = Request(id="w1", origin="optimiser", at=NOW, confirm=True, instance="one")
    where = room(*usual(), optimised())
    assert refused(wish(setpoint=23.0, request=request), where) == ("confirm-step", 1.0)


def test_an_unusual_set_point_needs_a_person() -> None:
    where = room(unit(A, setpoint=26.5, supply=26.5), unit(B), *(rack(f"r{n}", 27.0) for n in range(4)))
    assert refused(wish(setpoint=27.4), where) == ("confirm-range", 0.4)
    passes(wish(setpoint=27.4, request=confirmed()), where)


def test_small_steps_must_not_add_up() -> None:
    past = (Past(A, "p1", NOW - 60_000, True, setpoint_up_k=1.5),)
    where = room(unit(A, setpoint=21.5), unit(B), *(rack(f"r{n}") for n in range(4)))
    assert refused(wish(setpoint=23.0), where, past) == ("slew", 0.5)
    passes(wish(setpoint=22.5), where, past)
    passes(wish(setpoint=20.0), where, past)


def test_fans_come_down_at_their_rate_and_up_at_once() -> None:
    assert refused(wish(fanSpeed=45)) == ("slew", 5.0)
    passes(wish(fanSpeed=100), room(unit(A, fan=30), unit(B), *(rack(f"r{n}") for n in range(4))))


def test_old_and_misdated_wishes() -> None:
    old = Request(id="w1", at=NOW - 700_000)
    assert refused(wish(setpoint=21, request=old)) == ("expired", 100.0)
    assert refused(wish(setpoint=21, request=Request(id="w1", at=NOW, valid_until=NOW))) == ("expired", 0.0)
    assert refused(wish(setpoint=21, request=Request(id="w1", at=NOW + 90_000))) == ("clock", 90.0)


@pytest.mark.parametrize("values", [{"setpoint": "x"}, {"fanSpeed": True}, {"mode": "off"}, {"power": 3}])
def test_what_is_no_command(values: dict[str, Any]) -> None:
    assert refused(wish(**values))[0] == "format"


def test_an_id_that_hono_cannot_carry() -> None:
    assert refused(wish(setpoint=21, request=Request(id="a/b", at=NOW)))[0] == "format"


def test_maintenance() -> None:
    window = {"start": "2020-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z", "reason": "filter"}
    where = room(unit(A, attributes={"maintenanceWindows": [window]}), unit(B), rack("r1"))
    assert refused(wish(setpoint=19), where)[0] == "maintenance"
    broken = room(unit(A, attributes={"maintenanceWindows": [{"start": "soon"}]}), unit(B), rack("r1"))
    assert refused(wish(setpoint=19), broken)[0] == "maintenance"


def test_pace() -> None:
    past = tuple(Past(A, f"p{n}", NOW - 1000 * n, True) for n in range(6))
    assert refused(wish(setpoint=20.1), None, past) == ("rate-limit", 1.0)
    passes(wish(setpoint=19.0), None, past)


def test_two_units_are_not_lessened_while_one_has_failed() -> None:
    c = "racktwin.t:cooling-c"
    racks = [rack(f"r{n}") for n in range(4)]
    where = room(unit(A), unit(B), unit(c, at=NOW - 300_000), *racks)
    past = (Past(B, "p1", NOW - 60_000, True, setpoint_up_k=1.0),)
    assert refused(wish(setpoint=20.5), where, past) == ("interlock", 1.0)
    passes(wish(setpoint=20.5), where)
    passes(wish(setpoint=19.0), where, past)
    passes(wish(setpoint=20.5), room(unit(A), unit(B), unit(c), *racks), past)


def test_nothing_is_lessened_while_an_inlet_is_beyond_its_class() -> None:
    where = room(unit(A), unit(B), rack("r1"), rack("r2", 33.5))
    assert refused(wish(setpoint=20.1), where) == ("too-hot", 1.5)
    assert refused(wish(fanSpeed=79), where) == ("too-hot", 1.5)
    passes(wish(setpoint=19.0, fanSpeed=90), where)


def test_cooling_is_lessened_in_sight_alone() -> None:
    blind = room(unit(A), unit(B), rack("r1"), rack("r2", at=NOW - 200_000))
    assert refused(wish(setpoint=20.5), blind) == ("stale-data", 0.4)
    passes(wish(setpoint=19.5), blind)
    assert refused(wish(setpoint=20.5), room(unit(A, at=NOW - 130_000), unit(B), rack("r1")))[0] == "stale-data"
    assert refused(wish(setpoint=20.5), room(unit(A), unit(B)))[0] == "stale-data"


def test_no_inlet_may_leave_its_class() -> None:
    hot = room(unit(A), unit(B), rack("r1"), rack("r2", 30.0))
    rule, by = refused(wish(setpoint=22.0), hot)
    assert (rule, by) == ("plausibility", 0.5)
    passes(wish(setpoint=21.4), hot)


def test_what_is_hot_anyway_does_not_forbid_more_cooling() -> None:
    passes(wish(setpoint=19.0, fanSpeed=100), room(unit(A), unit(B), rack("r1", 40.0)))


def test_fewer_turns_where_air_is_short() -> None:
    hot = room(unit(A, fan=60), unit(B, fan=60), rack("r1"), rack("r2", 28.0))
    assert refused(wish(fanSpeed=30), hot)[0] == "plausibility"


def test_optimisers() -> None:
    request = Request(id="w1", origin="optimiser", at=NOW, instance="one")
    wanted = wish(setpoint=20.5, mode="mpc", request=request)
    passes(wanted, room(*usual(), optimised()))
    assert refused(wanted, room(*usual(), optimised(instance="two")))[0] == "one-optimiser"
    assert refused(wanted, room(*usual(), optimised(at=NOW - 150_000))) == ("optimiser-stale", 30.0)
    assert refused(wanted)[0] == "optimiser-stale"


def test_a_second_person() -> None:
    where = room(unit(A, attributes={"secondApprover": True}), unit(B), *(rack(f"r{n}") for n in range(4)))
    assert decide(case(wish(setpoint=21), where)).outcome == "awaiting approval"
    same = Request(id="w1", who="ann", at=NOW, approved_by="ann")
    assert decide(case(wish(setpoint=21, request=same), where)).outcome == "awaiting approval"
    other = Request(id="w1", who="ann", at=NOW, approved_by="bob")
    assert decide(case(wish(setpoint=21, request=other), where)).outcome == "approved"
