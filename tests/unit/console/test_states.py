"""What replay shows of a past moment, from InfluxDB's rows."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from console.history import History, HistoryError, Window
from console.states import Asked, read_rows
from racktwin.history import Retention
from racktwin.names import KINDS
from racktwin.settings import InfluxSettings

START = 1_780_000_020_000  # a minute that is whole
STEP = 60
DAY = 86_400_000
RACK, UNIT = "racktwin.berlin:rack-r1", "racktwin.berlin:cooling-crah-1"
ASKED = Asked("berlin", "hall-a", {RACK: "A1"})


def stamp(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")


class Influx:
    """Rows by what a query asks for: lookback, last, mean or prediction."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.rows: dict[str, list[str]] = {}

    def lines(self, flux: str) -> list[str]:
        self.asked.append(flux)
        what = "predicted" if '"prediction"' in flux else "mean" if "fn: mean" in flux else "last"
        what = "before" if "|> last()" in flux else what
        return self.rows.get(what, [])

    def put(self, what: str, feature: str, name: str, *values: tuple[int, object], thing=RACK, model="") -> None:
        """Values by the step of 60 s that they lie in, counted from START."""
        rows = self.rows.setdefault(what, [])
        rows.append(",result,table,_field,_time,_value,feature,thing" + (",model" if model else ""))
        for step, value in values:
            at = stamp(START + step * STEP * 1000)
            rows.append(f",_result,0,{name},{at},{value},{feature},{thing}" + (f",{model}" if model else ""))
        rows.append("")


@pytest.fixture
def influx(monkeypatch) -> Influx:
    made = Influx()
    monkeypatch.setattr(History, "_lines", lambda _self, flux: made.lines(flux))
    return made


@pytest.fixture
def states(influx):
    history = History(InfluxSettings())

    def ask(steps: int, asked: Asked = ASKED):
        window = Window(START, START + steps * STEP * 1000, STEP)
        return history.states(asked, window, START + DAY)

    yield ask
    history.close()


def told(found, key, thing=RACK):
    row = found["values"][thing][key]
    texts = found["texts"].get(key)
    return row if texts is None else [None if each is None else texts[int(each)] for each in row]


def test_a_state_is_what_had_been_measured_by_then_and_nothing_later(influx, states):
    # The step that begins a minute before START ends at START.
    influx.put("mean", "power", "power", (-1, 1000.0), (0, 2000.0), (1, 3000.0))
    found = states(3)
    assert found["times"] == [START, START + 60_000, START + 120_000]
    assert told(found, "power/power") == [1000.0, 2000.0, 3000.0]


def test_what_fell_silent_is_known_for_two_minutes_and_then_no_more(influx, states):
    influx.put("mean", "environment.top", "temperature", (-1, 23.0))
    assert told(states(5), "environment.top/temperature") == [23.0, 23.0, 23.0, None, None]


def test_what_changes_seldom_holds_from_its_last_word_on(influx, states):
    influx.put("before", "control", "mode", (-300, "auto"), thing=UNIT)
    influx.put("last", "control", "mode", (1, "manual"), thing=UNIT)
    influx.put("before", "control", "fanSpeed", (-300, 60.0), thing=UNIT)
    found = states(4)
    assert told(found, "control/mode", UNIT) == ["auto", "auto", "manual", "manual"]
    assert told(found, "control/fanSpeed", UNIT) == [60.0] * 4


def test_a_prediction_is_the_one_that_had_been_made(influx, states):
    influx.put("predicted", "environment.top", "value", (0, 26.5), model="inlet-temperature")
    assert told(states(2), "prediction.inlet-temperature.top/value") == [None, 26.5]


def test_a_recorded_verdict_stands_and_one_that_is_not_is_judged_by_the_racks_own_class(influx, states):
    influx.put("last", "indices", "ashraeState", (-1, "recommended"))
    influx.put("mean", "environment.bottom", "temperature", (-1, 34.0), (3, 34.0), (4, 20.0))
    # Held for three minutes after its own; then what the air was.
    for name, verdict in (("A1", "out"), ("A2", "allowable")):
        found = told(states(6, Asked("berlin", "hall-a", {RACK: name})), "indices/ashraeState")
        assert found == ["recommended"] * 4 + [verdict, "recommended"]


def test_air_that_is_too_humid_is_not_recommended(influx, states):
    influx.put("mean", "environment.top", "temperature", (-1, 22.0))
    influx.put("mean", "environment.top", "relativeHumidity", (-1, 65.0))
    assert told(states(1), "indices/ashraeState") == ["allowable"]


def test_a_room_costs_four_queries_however_many_racks_it_has(influx, states):
    states(24)
    assert len(influx.asked) == 4
    # Thinned history has no texts, so what may be one is read as it came.
    assert [flux.count('"berlin"') for flux in influx.asked] == [1, 1, 0, 0]
    assert all('r.room == "hall-a"' in flux for flux in influx.asked)
    # What storage cannot filter by itself would be read whole.
    assert not any(re.search(r"=~|contains|strings\.", flux) for flux in influx.asked)


def test_of_things_everything_is_asked_that_their_kind_may_tell(influx, states):
    influx.put("mean", "environment.door", "temperature", (-1, 21.0))
    found = states(1, Asked("berlin", "hall-a", {}, {RACK: ["environment.door"], "racktwin.berlin:server-s1": []}))
    assert told(found, "environment.door/temperature") == [21.0]
    means = next(flux for flux in influx.asked if "fn: mean" in flux)
    assert 'r.thing == "racktwin.berlin:rack-r1" or r.thing == "racktwin.berlin:server-s1"' in means
    assert 'r.feature == "cpu"' in means
    assert 'r.feature == "environment.door"' in means


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_thing_makes_a_query_that_filters_by_nothing(influx, states, kind):
    states(1, Asked("berlin", "hall-a", {}, {f"racktwin.berlin:{kind}-x": []}))
    assert not [flux for flux in influx.asked if "()" in flux.replace("last()", "")]


def test_thin_history_is_read_from_the_beginning_of_its_cells(influx):
    history = History(InfluxSettings())
    # Half a year ago there are quarters of an hour alone; this piece begins five minutes after one.
    long_ago = START - START % 900_000 + 300_000
    window = Window(long_ago, long_ago + 15_000 * 10, 15)
    history.states(ASKED, window, long_ago + 180 * DAY)
    history.close()
    means = next(flux for flux in influx.asked if "fn: mean" in flux)
    assert "berlin_15m" in means
    (begin,) = re.findall(r"range\(start: ([^,]+),", means)
    assert datetime.fromisoformat(begin).timestamp() * 1000 <= long_ago - 300_000


def test_a_site_says_itself_how_long_it_keeps_what(influx):
    history = History(InfluxSettings(), lambda site: Retention(full_days=2))
    window = Window(START, START + STEP * 1000, STEP)
    history.states(ASKED, window, START + 3 * DAY)
    history.close()
    assert not [flux for flux in influx.asked if "fn: mean" in flux and '"berlin")' in flux]


def test_a_time_without_the_end_of_a_step_is_refused(states, influx):
    history = History(InfluxSettings())
    with pytest.raises(HistoryError, match="at least a step of 60 s"):
        history.states(ASKED, Window(START + 1, START + 2, STEP), START)
    history.close()
    assert influx.asked == []


def test_csv_may_change_its_columns():
    rows = list(read_rows([",a,b", ",1,2", "", ",a,c", ',3,"x, y"']))
    assert rows == [{"": "", "a": "1", "b": "2"}, {"": "", "a": "3", "c": "x, y"}]
