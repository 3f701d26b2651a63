"""What a page shows of a panel decides whether it is drawn."""

from __future__ import annotations

import json

import pytest

from dashboards import generate
from dashboards.grafana import browser, drawn
from dashboards.grafana.drawn import Panel, Seen

BOARDS = [json.loads(text) for name, text in generate.files().items() if name.endswith(".json")]
GRAPH = Panel("Power", "timeseries", "nothing reported of late")
TABLE = Panel("Rooms", "table")
HISTORY = Panel("Heat map", "status-history")


@pytest.mark.parametrize(
    ("panel", "seen"),
    [
        (GRAPH, Seen("Power", "power 8.1 kW", shapes=1)),
        (GRAPH, Seen("Power", "nothing reported\nof late")),
        (Panel("Top", "stat"), Seen("Top", "22.8\n°C")),
        (TABLE, Seen("Rooms", "Room\nhall-a\nNo data since noon, they say", shapes=3)),
        (HISTORY, Seen("Heat map", "", shapes=1)),
        (Panel("Now", "row"), Seen("Now")),
    ],
)
def test_pictures_numbers_and_our_own_words_are_drawn(panel: Panel, seen: Seen) -> None:
    assert drawn.problem(panel, seen, 5) == ""


@pytest.mark.parametrize(
    ("panel", "seen", "said"),
    [
        (GRAPH, Seen("Power", "No data"), "says: No data"),
        (GRAPH, Seen("Power", "Data is missing a number field"), "missing a number"),
        (HISTORY, Seen("Heat map", "Too many points to visualize properly.\nUpdate the query"), "Too many points"),
        (HISTORY, Seen("Heat map", "Data does not have a time field"), "time field"),
        (TABLE, Seen("Rooms", "Room\nRacks\nNo data", shapes=1), "No data"),
        (GRAPH, Seen("Power", "8 kW", shapes=1, error="the sign\nbeside its title"), "shows an error: the sign beside"),
        (GRAPH, Seen("Power", "8 kW", shapes=1, loading=True), "still loading"),
        (GRAPH, Seen("Power"), "draws nothing"),
        (GRAPH, Seen("Energy", "8 kW", shapes=1), "in its place is 'Energy'"),
        (Panel("Now", "row"), Seen("Then"), "in its place"),
    ],
)
def test_refusals_errors_and_blanks_are_not(panel: Panel, seen: Seen, said: str) -> None:
    assert said in drawn.problem(panel, seen, 5)


def test_timelines_may_say_that_there_is_no_time_where_there_is_nothing() -> None:
    for text in ("Data does not have a time field", "No data in response"):
        assert drawn.problem(HISTORY, Seen("Heat map", text), 0) == ""
        assert drawn.problem(GRAPH, Seen("Power", text), 0)
    assert drawn.problem(HISTORY, Seen("Heat map", "Too many points to visualize properly."), 0)


def test_panels_are_told_apart_by_their_places_and_rows_by_titles() -> None:
    def panel(title: str, kind: str, x: int, y: int) -> dict[str, object]:
        return {"title": title, "type": kind, "gridPos": {"x": x, "y": y, "w": 12, "h": 8}}

    board = {"panels": [panel("B", "timeseries", 12, 1), panel("A", "state-timeline", 0, 1), panel("R", "row", 0, 0)]}
    assert [each.title for each in drawn.of_board(board)] == ["R", "A", "B"]
    page = [Seen("R"), Seen("A", "Data does not have a time field"), Seen("B", "No data")]
    assert list(drawn.problems(board, page, {"B": 3})) == [("B", "says: No data")]
    assert [title for title, _ in drawn.problems(board, page, {"A": 3, "B": 3})] == ["A", "B"]
    assert list(drawn.problems(board, page[:2], {})) == [("", "shows 2 panels of 3")]
    assert drawn.height(board) > 9 * 38


def test_a_page_is_opened_with_what_was_chosen_of_each_variable() -> None:
    board = next(board for board in BOARDS if board["uid"] == "racktwin-room")
    url = browser.address("https://a.example", board, {"site": "berlin", "room": ".*"})
    assert url.startswith("https://a.example/d/racktwin-room?kiosk&")
    assert "var-site=berlin" in url and "var-room=%24__all" in url
