"""InfluxDB's answers onto the grid; what is enough to train on."""

from __future__ import annotations

import numpy as np
import pytest

from models.influx import Row, cells, parse
from training.history import History, HistoryError
from training.recorded import Recorder, on_grid
from training.settings import TrainingSettings
from training.sources import gather, shortfall, trimmed

CSV = """\
#datatype,string,long,dateTime:RFC3339,double,string,string
#group,false,false,false,false,true,true
#default,_result,,,,,
,result,table,_time,_value,room,thing
,,0,2026-01-01T00:00:10Z,21.5,hall-a,racktwin.berlin:rack-1
,,0,2026-01-01T00:00:20Z,21.75,hall-a,racktwin.berlin:rack-1

#datatype,string,long,dateTime:RFC3339,double,string
#group,false,false,false,false,true
#default,_result,,,,
,result,table,_time,_value,thing
,,1,2026-01-01T00:00:00Z,19,racktwin.berlin:rack-2

"""
START = 1_767_225_600  # 2026-01-01T00:00:00Z


def test_annotated_csv_with_tables_of_different_columns():
    assert list(parse(CSV.splitlines(keepends=True))) == [
        Row("racktwin.berlin:rack-1", "hall-a", "", (START + 10) * 1000, "21.5"),
        Row("racktwin.berlin:rack-1", "hall-a", "", (START + 20) * 1000, "21.75"),
        Row("racktwin.berlin:rack-2", "", "", START * 1000, "19"),
    ]


def test_error_table_is_no_data():
    assert list(parse(["#datatype,string,string\n", ",error,reference\n", ",boom,897\n"])) == []


def test_rows_land_in_their_cells_and_bad_quality_clears_them(short):
    rows = [*parse(CSV.splitlines(keepends=True)), Row("racktwin.berlin:rack-1", "hall-a", "", (START + 20) * 1000, "")]
    h = on_grid(
        [(0, rows), (2, [Row("racktwin.berlin:rack-2", "b", "", START * 1000, "5000")])], short, START, START + 60, {}
    )
    assert h.things == ["racktwin.berlin:rack-1", "racktwin.berlin:rack-2"]
    assert h.rooms == ["hall-a", "b"]
    assert h.values.shape == (6, 2, 3)
    assert h.values[1, 0, 0] == 21.5
    assert np.isnan(h.values[2, 0, 0])
    assert (h.values[0, 1, 0], h.values[0, 1, 2]) == (19.0, 5000.0)
    assert np.isfinite(h.values).sum() == 3


def test_rows_outside_the_range_are_left_out(short):
    h = on_grid(
        [(0, [Row("t", "", "", (START - 10) * 1000, "1"), Row("t", "", "", (START + 60) * 1000, "2")])],
        short,
        START,
        START + 60,
        {},
    )
    assert not np.isfinite(h.values).any()


def test_query_asks_for_one_field_of_one_feature_per_cell(model):
    definition = model.definition
    channel = definition.channels[0]
    query = cells("berlin", definition.kinds, channel.feature, "temperature", begin=START, end=START + 3600, every=10)
    assert 'from(bucket: "berlin")' in query
    assert "start: 2026-01-01T00:00:00Z, stop: 2026-01-01T01:00:00Z" in query
    assert 'r._measurement == "environment" and r._field == "temperature" and r.feature == "environment.top"' in query
    assert "every: 10s" in query


def test_query_refuses_a_site_that_could_be_anything_else(model):
    with pytest.raises(ValueError, match="site"):
        cells('x") |> drop(', ["rack"], "power", "power", begin=0, end=1, every=10)


def filled(cells: int, things: int) -> History:
    values = np.ones((cells, things, 3), dtype=np.float32)
    return History(0, 10, [str(i) for i in range(things)], ["r"] * things, ["a", "b", "c"], values, {"site": "berlin"})


def test_what_is_enough():
    assert shortfall(filled(17300, 12)) == ""
    assert "11 things" in shortfall(filled(17300, 11))
    assert "1.0 h" in shortfall(filled(360, 12))
    sparse = filled(17300, 12)
    sparse.values[::3] = sparse.values[1::3] = np.nan
    assert "filled" in shortfall(sparse)
    sparse.values[:, :, 1] = np.nan
    assert shortfall(sparse).endswith(f"nothing of {sparse.channels[1]} was recorded")


def test_an_empty_history_says_what_is_missing(model, monkeypatch):
    empty = filled(17300, 0)
    monkeypatch.setattr(Recorder, "__init__", lambda self, settings: None)
    monkeypatch.setattr(Recorder, "__exit__", lambda self, *error: None)
    monkeypatch.setattr(Recorder, "history", lambda self, site, *rest: empty)
    asked = {"sites": ["berlin"], "hours": 168.0, "seed": 0, "now_s": START, "note": print}
    with pytest.raises(HistoryError, match=r"not enough recorded history: .*: 0 things, at least 12 needed"):
        gather("influx", model.definition, TrainingSettings(), **asked)


def test_empty_time_before_the_first_reading_does_not_count():
    h = filled(17300, 12)
    h.values[:16900] = np.nan
    assert trimmed(h).cells == 400
    assert trimmed(h).start_ms == 169_000_000
    assert trimmed(filled(10, 0)).cells == 10


def test_influx_asked_for_and_away_is_an_error_with_its_address(model, monkeypatch):
    monkeypatch.setenv("RACKTWIN_INFLUX_URL", "http://127.0.0.1:1")
    with pytest.raises(HistoryError, match=r"InfluxDB at http://127\.0\.0\.1:1"):
        gather(
            "influx", model.definition, TrainingSettings(), sites=["berlin"], hours=1, seed=0, now_s=START, note=print
        )
