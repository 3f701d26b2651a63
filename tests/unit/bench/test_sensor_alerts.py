"""What is tallied of faults and alerts: each alert belongs to the fault it fired in or shortly after, or is false."""

from __future__ import annotations

from bench.sensor_alerts import Alert, Tally
from physics.faults import Fault

HOUR = 3600.0
UNTIL = 20 * HOUR


def fault(start_h: float, end_h: float) -> Fault:
    return Fault("sensor-sticks", "rack-1", 1.0, start_h * HOUR, end_h * HOUR)


def tallied(faults: list[Fault], *alerts: tuple[float, float | None]) -> Tally:
    tally = Tally()
    hours = [Alert(fired * HOUR, None if cleared is None else cleared * HOUR) for fired, cleared in alerts]
    tally.add(faults, hours, UNTIL)
    return tally


def test_a_fault_that_is_told_of_once_and_to_its_end() -> None:
    tally = tallied([fault(2, 4)], (2.5, 4.5))
    assert (tally.faults, tally.told, tally.repeated, tally.ended_early, tally.false) == (1, 1, 0, 0, 0)
    figures = tally.figures()
    assert (figures["fired_after_min_p50"], figures["ended_after_min_max"]) == (30.0, 30.0)


def test_an_alert_that_ends_while_the_fault_lasts_and_comes_again() -> None:
    tally = tallied([fault(2, 4)], (2.5, 3.0), (3.5, 4.5))
    assert (tally.told, tally.repeated, tally.ended_early) == (1, 1, 1)
    assert tally.ended_after == [0.5 * HOUR]


def test_an_alert_that_ended_too_soon_and_for_good_has_no_time_after_the_end() -> None:
    tally = tallied([fault(2, 4)], (2.5, 3.0))
    assert (tally.told, tally.ended_early, tally.ended_after) == (1, 1, [])


def test_a_fault_that_nobody_tells_of_and_an_alert_without_a_fault() -> None:
    tally = tallied([fault(2, 4)], (8.0, 9.0))
    assert (tally.faults, tally.told, tally.false) == (1, 0, 1)
    assert tally.figures()["fired_after_min_p50"] is None
    assert tallied([], (1.0, 2.0)).false == 1


def test_an_alert_belongs_to_the_fault_that_is_there_when_it_fires() -> None:
    tally = tallied([fault(2, 4), fault(5, 6)], (5.2, 6.5))
    assert (tally.faults, tally.told, tally.false) == (2, 1, 0)
    assert tally.fired_after == [0.2 * HOUR]


def test_what_is_open_at_the_end_is_told_and_a_fault_too_late_to_be_seen_does_not_count() -> None:
    assert tallied([fault(2, 4)], (2.5, None)).open_at_end == 1
    late = tallied([fault(18, 19.5)], (18.5, None))
    assert (late.faults, late.told, late.false) == (0, 0, 0)
