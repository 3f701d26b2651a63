"""Promise: a what-if begins at what was measured, does what is asked, and says when limits are left."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from tests.unit.scenarios.rooms import BASE_MS, SITE, Past, question

from physics import calibration
from physics.parameters import Parameters
from scenarios import findings, parameters, report, start, whatif
from scenarios.findings import CaseFinding
from scenarios.question import ScenarioError
from scenarios.store import PART, result_lines, series_lines
from scenarios.whatif import Run


@lru_cache
def begun(minutes: int = 90) -> start.Start:
    asked = question({})
    past: Any = Past(asked, minutes=minutes)
    return start.load(past, asked.layout(), Parameters(), site=SITE, base_ms=BASE_MS, now_ms=BASE_MS)


def run_of(what_if: dict[str, Any]) -> tuple[Run, list[CaseFinding]]:
    made = whatif.run(question(what_if), begun(), duration_s=float(what_if.get("durationS", 900)))
    return made, findings.findings(made)


def one(change: dict[str, Any]) -> tuple[Run, list[CaseFinding]]:
    return run_of({"changes": [change]})


@pytest.fixture(scope="module")
def outage() -> tuple[Run, list[CaseFinding]]:
    return run_of(
        {
            "durationS": 3600,
            "eachUnitFails": True,
            "changes": [
                {"coolingUnit": {"name": "cu-1", "fails": True}},
                {"coolingUnit": {"name": "cu-2", "fails": True}},
            ],
        }
    )


def test_it_begins_at_what_was_measured_and_the_baseline_stays_there(outage: tuple[Run, list[CaseFinding]]) -> None:
    made, _ = outage
    assert made.inlet[0, :, 1] == pytest.approx(np.full((4, 6), 23.0), abs=0.2)
    assert made.inlet[0, :, 0] == pytest.approx(np.full((4, 6), 21.0), abs=0.2)
    assert np.abs(made.inlet[:, 0] - made.inlet[0, 0]).max() < 0.5


def test_without_cooling_racks_leave_their_limits_and_mass_buys_time(outage: tuple[Run, list[CaseFinding]]) -> None:
    _, found = outage
    assert [case.name for case in found] == ["baseline", "trial", "cu-1-fails", "cu-2-fails"]
    base, both, *_ = found
    assert base.first("recommended_s") == (None, "")
    recommended, _ = both.first("recommended_s")
    allowable, _ = both.first("allowable_s")
    air, _ = both.first("allowable_air_s")
    assert recommended is not None
    assert allowable is not None
    assert air is not None
    assert 30 < air < allowable
    assert recommended < allowable < 3600
    assert both.count("allowable_s") == 6
    assert both.peak_c > 35
    assert both.rci_hi is not None
    assert both.rci_hi < 90
    assert both.cooling_kwh < base.cooling_kwh


def test_a_unit_more_is_not_as_bad_as_both(outage: tuple[Run, list[CaseFinding]]) -> None:
    _, (_, both, first, second) = outage
    assert max(first.peak_c, second.peak_c) < both.peak_c - 5
    summary = both.summary()
    assert summary["racksOutOfAllowable"] == 6
    assert "allowable range" in findings.headline([outage[1][0], both], 3600)


def test_changes_act_at_their_time() -> None:
    made, _ = one({"atS": 300, "load": {"addPercent": 60}})
    before, after = made.time_s <= 300, made.time_s >= 600
    assert np.abs(made.rack_power[before, 1] / made.rack_power[0, 1] - 1.0).max() < 0.02
    assert (made.rack_power[after, 1] / made.rack_power[0, 1] > 1.4).all()


@pytest.mark.parametrize(
    ("change", "rack", "watts"),
    [
        ({"load": {"racks": ["k1"], "addW": 2000}}, 1, 7000),
        ({"load": {"racks": ["k1"], "capW": 3000}}, 1, 3000),
        ({"move": {"from": "k0", "to": "k1", "powerW": 1500}}, 1, 6500),
        ({"move": {"from": "k0", "to": "k1"}}, 0, 0),
    ],
)
def test_loads_are_what_was_asked_for(change: dict[str, Any], rack: int, watts: float) -> None:
    made, _ = one(change)
    # Server fans follow the load, so the sum is a little off.
    assert made.rack_power[-1, 1, rack] == pytest.approx(watts, abs=350)


def test_a_moved_load_is_neither_lost_nor_doubled() -> None:
    made, _ = one({"move": {"from": "k0", "to": "k5"}})
    assert made.rack_power[-1, 1].sum() == pytest.approx(made.rack_power[-1, 0].sum(), rel=0.05)


def test_a_warmer_setpoint_saves_energy_and_warms_inlets() -> None:
    changes = [{"coolingUnit": {"name": name, "setpointC": 22}} for name in ("cu-1", "cu-2")]
    made, found = run_of({"durationS": 3600, "changes": changes})
    assert found[1].versus_percent is not None
    assert found[1].versus_percent < -3
    assert made.inlet[-1, 1].mean() > made.inlet[-1, 0].mean() + 1.5


def test_a_rack_is_added_in_its_case_alone() -> None:
    new = {"rack": {"name": "k9", "position": {"xM": 6.6, "yM": 3.0}, "powerW": 8000}}
    made, found = run_of(
        {"cases": [{"name": "more", "changes": [new]}, {"name": "same", "changes": [{"load": {"addPercent": 0}}]}]}
    )
    assert made.rack_power[-1, 0, 6] < 50
    assert made.rack_power[-1, 1, 6] == pytest.approx(8000, rel=0.1)
    assert [len(case.racks) for case in found] == [6, 7, 6]
    assert made.unit_power[-1, 1].sum() > made.unit_power[-1, 0].sum() + 300
    assert np.abs(made.inlet[:, 0, :, :6] - made.inlet[0, 0, :, :6]).max() < 0.6


def test_racks_that_lose_both_feeds_go_dark_and_are_not_called_too_warm() -> None:
    _, found = run_of(
        {
            "durationS": 1800,
            "changes": [
                {"atS": 60, "feed": {"pdu": "pdu-a"}},
                {"atS": 300, "feed": {"rack": "k2", "feed": "B"}},
                {"atS": 400, "coolingUnit": {"name": "cu-1", "capacityPercent": 50}},
            ],
        }
    )
    case = found[1]
    assert [r.rack for r in case.racks if r.dark] == ["k2"]
    assert case.summary()["darkRacks"] == 1
    assert any("last feed" in note for note in case.notes)
    assert any("dark: k2" in note for note in case.notes)
    # 5 kW on a feed of 230 V x 16 A.
    assert any("breaker may trip" in note for note in case.notes)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"coolingUnit": {"name": "cu-1", "setpointC": 30}}, r"case trial: cooling unit cu-1: setpointC 30.*16 to 25"),
        ({"coolingUnit": {"name": "cu-1", "fanPercent": 10}}, "fanPercent 10: its limits are 30 to 100"),
        ({"coolingUnit": {"name": "cu-9", "fails": True}}, "no cooling 'cu-9'"),
        ({"coolingUnit": {"name": "cu-1"}}, "nothing is changed"),
        ({"load": {"racks": ["k99"], "addW": 5}}, "no rack 'k99'"),
        ({"move": {"from": "k0", "to": "k0"}}, "from and to are both k0"),
        ({"move": {"from": "k0", "to": "k1", "powerW": 90_000}}, "90000 W cannot leave it"),
        ({"containment": {"openPercent": 50}}, "room hall has none"),
        ({"feed": {"pdu": "pdu-z"}}, "pdu 'pdu-z'"),
        ({"feed": {"rack": "k1", "feed": "C"}}, "k1: no feed C"),
        ({"rack": {"name": "k1", "position": {"xM": 1, "yM": 1}, "powerW": 1}}, "k1 is in the room already"),
        ({"rack": {"name": "k9", "position": {"xM": 50, "yM": 1}, "powerW": 1}}, "outside room"),
    ],
)
def test_what_cannot_be_is_refused_by_name(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        one(change)


def test_two_cases_of_one_name_are_refused() -> None:
    case = {"name": "a", "changes": [{"load": {"addW": 1}}]}
    with pytest.raises(ScenarioError, match="case 'a'"):
        run_of({"cases": [case, case]})


def test_a_room_of_which_nothing_is_known_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no rack's temperature was recorded between"):
        begun(minutes=0)


def test_limits_are_left_between_samples_where_the_line_crosses() -> None:
    time_s = np.array([0.0, 10.0, 20.0])
    inlet = np.array([[20.0, 26.0], [20.0, 26.5], [20.0, 28.5]])
    assert findings.leaves(time_s, inlet, 18.0, 27.0) == pytest.approx(12.5)
    assert findings.leaves(time_s, inlet, 21.0, 40.0) == 0.0
    assert findings.leaves(time_s, inlet, 10.0, 40.0) is None


def test_the_report_needs_nothing_else(outage: tuple[Run, list[CaseFinding]]) -> None:
    made, found = outage
    head = report.Head("trial <1>", SITE, "hall", "now", findings.headline(found, 3600), ["a note"], "usual")
    page = report.render(made, found, head)
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") >= 4
    assert "trial &lt;1&gt;" in page
    for outside in ("http://", "https://", "<script", "<link", "@import", "url("):
        assert outside not in page.replace("http://www.w3.org/2000/svg", "")


def test_series_carry_the_scenarios_tag_and_no_live_bucket_is_named(outage: tuple[Run, list[CaseFinding]]) -> None:
    made, _ = outage
    lines = list(series_lines(made, "trial", SITE, BASE_MS))
    assert all(",scenario=trial,case=" in line for line in lines)
    assert {line.partition(",")[0] for line in lines} == {"environment", "power", "cooling"}
    times = {int(line.rpartition(" ")[2]) for line in lines}
    assert min(times) == BASE_MS
    assert max(times) == BASE_MS + 3_600_000


def test_a_result_is_written_in_parts_and_its_summary_last() -> None:
    page = random.Random(1).randbytes(60_000).hex()
    lines = list(result_lines("trial", "u", 5, {"headline": 'it "works"'}, page))
    assert max(map(len, lines)) < 65_536
    assert sum(len(line) > PART for line in lines) >= 1
    assert lines[-1].startswith('scenario_result,scenario=trial,uid=u summary="{')
    assert r"\"headline\":\"it \\\"works\\\"\"" in lines[-1]


def test_calibrated_parameters_are_used_where_they_fit() -> None:
    layout = question({}).layout()
    made = calibration.Calibration(
        room="hall",
        parameters=Parameters().with_(recirculation_top=0.21),
        rmse_k=0.2,
        bias_k=0.0,
        from_s=0.0,
        to_s=1.0,
        samples=9,
        racks=tuple(layout.rack_ids),
        units=tuple(layout.unit_ids),
    )
    found, words = parameters.choose(made.as_dict(), layout)
    assert found.recirculation_top == 0.21
    assert made.version in words
    other = {**made.as_dict(), "racks": ["another"]}
    assert parameters.choose(other, layout)[0] == Parameters()
    assert "usual" in parameters.choose(None, layout)[1]
