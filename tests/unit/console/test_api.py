"""What the page is told."""

from __future__ import annotations

import json

import pytest
from starlette.websockets import WebSocketDisconnect
from tests.unit.console.conftest import NOW, thing

from console.history import HistoryError, HistoryUnavailable, Window
from console.live import Hub
from console.questions import Unanswerable
from racktwin.ditto_protocol import Envelope

SITE = "/api/v1/sites/berlin"


def test_sites_and_their_rooms(console):
    (site,) = console.client("viewer").get("/api/v1/sites").json()
    assert (site["display_name"], site["ashrae_class"]) == ("Berlin", "A1")
    assert site["kept_days"] == [14, 90, 1825]
    assert site["rooms"] == [{"name": "hall-a", "width": 12, "depth": 9, "height": 3, "racks": 1, "cooling_units": 1}]


def test_things_of_a_room_and_one_thing(console):
    client = console.client("viewer")
    console.fleet.put(thing("rack", "r9", location="hall-b"))
    answer = client.get(f"{SITE}/things", params={"room": "hall-a"}).json()
    assert answer["at"] == NOW
    assert {each["name"] for each in answer["things"]} == {"hall-a", "r1", "crah-1"}
    one = client.get(f"{SITE}/things/racktwin.berlin:rack-r1").json()
    assert one["features"]["environment.top"]["properties"]["temperature"] == 23.4
    assert client.get(f"{SITE}/things/racktwin.berlin:rack-none").status_code == 404


def test_search_finds_by_name_and_serial(console):
    client = console.client("viewer")
    assert [hit["name"] for hit in client.get(f"{SITE}/search", params={"q": "sn-7"}).json()] == ["r1"]
    assert [hit["name"] for hit in client.get(f"{SITE}/search", params={"q": "CRAH"}).json()] == ["crah-1"]
    assert client.get(f"{SITE}/search", params={"q": "nothing"}).json() == []


def test_changes_are_pushed_to_those_who_watch_the_site(console):
    client = console.client("viewer")
    with client.websocket_connect(f"{SITE}/live") as socket:
        assert socket.receive_json() == {"type": "hello", "at": NOW, "state": "live"}
        console.fleet.drain()
        console.fleet.apply(
            Envelope(
                topic="racktwin.berlin/rack-r1/things/twin/events/modified",
                path="/features/environment.top/properties/temperature",
                value=31.0,
                revision=6,
            )
        )
        console.services.hub.push()
        assert socket.receive_json() == {"type": "feed", "state": "live"}
        delta = socket.receive_json()
    assert delta["things"]["racktwin.berlin:rack-r1"]["environment.top"]["properties"]["temperature"] == 31.0


def test_who_watches_a_site_where_nothing_changes_hears_every_five_seconds_that_the_connection_lives(console):
    now = [NOW]
    hub = Hub(console.feed, 0.05, lambda: now[0])
    console.services.hub = hub
    console.fleet.drain()
    client = console.client("viewer")
    told = []
    with client.websocket_connect(f"{SITE}/live") as socket:
        socket.receive_json()
        for _ in range(150):
            now[0] += 100
            hub.push()
        # The clock was set back by an hour: what was told "later" does not keep it silent.
        now[0] -= 3_600_000
        hub.push()
        console.feed.state = "lost"
        hub.push()
        told = [socket.receive_json() for _ in range(5)]
    assert told == [{"type": "feed", "state": "live"}] * 4 + [{"type": "feed", "state": "lost"}]


def test_a_watcher_whose_user_is_gone_is_let_go(console):
    client = console.client("viewer")
    with client.websocket_connect(f"{SITE}/live") as socket:
        socket.receive_json()
        console.users_file.write_text("[]")
        console.services.hub.push()
        assert socket.receive()["type"] == "websocket.close"


def test_series_are_asked_for_in_steps_of_the_screen(console):
    console.history.answer = {"temperature": [[NOW, 23.0]]}
    answer = console.client("viewer").get(
        f"{SITE}/things/racktwin.berlin:rack-r1/series",
        params={
            "feature": "environment.top",
            "property": "temperature",
            "from": NOW - 3_600_000,
            "to": NOW,
            "points": 60,
        },
    )
    assert answer.json() == {"step_s": 60, "series": {"temperature": [[NOW, 23.0]]}}
    thing_id, feature, properties, window, now = console.history.asked[0]
    assert (thing_id, feature, properties) == ("racktwin.berlin:rack-r1", "environment.top", ["temperature"])
    assert (window, now) == (Window(NOW - 3_600_000, NOW, 60), NOW)


@pytest.mark.parametrize(
    ("answer", "status"),
    [(HistoryError("feature: a rack has no soul"), 422), (HistoryUnavailable("InfluxDB: refused"), 503)],
)
def test_history_that_cannot_answer_says_why(console, answer, status):
    console.history.answer = answer
    got = console.client("viewer").get(f"{SITE}/states", params={"room": "hall-a", "from": 1, "to": 2000, "step_s": 1})
    assert (got.status_code, got.json()["detail"]) == (status, str(answer))


def test_a_past_state_is_asked_of_the_sites_own_things_judged_by_their_own_class(console):
    console.fleet.put(thing("rack", "r2", location="hall-a", ashraeClass="A3"))
    console.history.answer = {"step_s": 60, "times": [NOW], "texts": {}, "values": {}}
    params = {"room": "hall-a", "from": NOW, "to": NOW + 60_000, "step_s": 60}
    client = console.client("viewer")
    assert client.get(f"{SITE}/states", params=params).json() == console.history.answer
    things = ["racktwin.berlin:rack-r1", "racktwin.paris:rack-p1"]
    assert client.get(f"{SITE}/states", params=params | {"thing": things}).status_code == 200
    (room, window, now), (single, _, _) = console.history.asked
    assert room.classes == {"racktwin.berlin:rack-r1": "A2", "racktwin.berlin:rack-r2": "A3"}
    assert (room.site, room.room, room.things) == ("berlin", "hall-a", None)
    assert (window, now) == (Window(NOW, NOW + 60_000, 60), NOW)
    assert single.things == {"racktwin.berlin:rack-r1": ["environment.top"]}
    elsewhere = client.get(f"{SITE}/states", params=params | {"thing": things[1:]})
    assert (elsewhere.status_code, elsewhere.json()["detail"]) == (422, f"thing: berlin has no {things[1]}")
    long = client.get(f"{SITE}/states", params=params | {"to": NOW + 61 * 60_000})
    assert (long.status_code, "at most 60 steps" in long.json()["detail"]) == (422, True)


def test_a_window_that_ends_before_it_begins_is_named():
    with pytest.raises(HistoryError, match="to: expected a time after"):
        Window.of(5, 5, 10, 10)
    with pytest.raises(HistoryError, match="points"):
        Window.of(5, 6, 11, 10)


def test_answers_let_no_other_site_in_and_are_not_kept(console):
    answer = console.client("viewer").get("/api/v1/sites")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_api_is_documented(console):
    document = console.client().get("/api/openapi.json").json()
    paths = document["paths"]
    assert "/api/v1/sites/{site}/units/{unit}/wish" in paths
    undocumented = [
        f"{method} {path}" for path, ways in paths.items() for method, way in ways.items() if not way.get("description")
    ]
    assert undocumented == []
    assert json.dumps(document)


def test_deep_links_give_the_page(console, tmp_path):
    from console.app import build

    web = tmp_path / "web"
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_text("<title>Racktwin</title>")
    console.services.settings = console.services.settings.model_copy(update={"console_web_dir": str(web)})
    console.app = build(console.services)
    client = console.client()
    for path in ("/", "/room", "/replay/berlin/hall-a?thing=x"):
        assert "Racktwin" in client.get(path).text
    assert client.get("/api/v1/nothing").status_code == 404


def test_places_for_a_new_rack_are_asked_of_the_rooms_things(console):
    place = {
        **{"row": "a", "x": 1.2, "y": 3.0, "own_inlet_c": 22.1, "hottest_c": 24.0, "hottest_one_lost_c": 29.5},
        **{"worst_loss": "crah-1", "fits": True, "why": "inlets stay within recommended"},
    }
    left = {
        "power_w": 9000.0,
        "cooling_w": 20000.0,
        "cooling_one_lost_w": 4000.0,
        "limit": "cooling with one unit lost",
    }
    console.questions.answers = {"placement": {"powerW": 5000, "places": [place]}, "capacity": left}
    path = f"{SITE}/rooms/hall-a/placement"
    answer = console.client("engineer").post(path, json={"power_w": 5000})
    assert answer.json() == {"room": "hall-a", "power_w": 5000, "places": [place], "left": left}
    question, room, things, now, more = console.questions.asked[0]
    assert (question, room, now, more) == ("placement", "hall-a", NOW, {"powerW": 5000})
    assert {each["thingId"].partition(":")[2] for each in things} == {"room-hall-a", "rack-r1", "cooling-crah-1"}


@pytest.mark.parametrize("power", [True, "5000", None])
def test_the_power_of_a_new_rack_is_a_number(console, power):
    answer = console.client("engineer").post(f"{SITE}/rooms/hall-a/placement", json={"power_w": power})
    assert answer.status_code == 422
    assert "power_w" in str(answer.json()["detail"])
    assert console.questions.asked == []


@pytest.mark.parametrize(("busy", "status"), [(True, 503), (False, 409)])
def test_a_room_that_cannot_be_computed_says_why(console, busy, status):
    console.questions.answers = {"placement": Unanswerable("crah-1 does not report", busy=busy)}
    answer = console.client("engineer").post(f"{SITE}/rooms/hall-a/placement", json={"power_w": 5000})
    assert (answer.status_code, answer.json()["detail"]) == (status, "placement: crah-1 does not report")


def test_cases_of_a_what_if_side_by_side(console):
    console.history.answer = {
        "start": NOW,
        "times": [0, 30],
        "cases": {"a": {"inlets": {"r": [20, 21]}, "power": [1, 2]}},
    }
    answer = console.client("viewer").get(f"{SITE}/scenarios/s-1/series", params={"case": ["baseline", "a"]})
    assert answer.json()["cases"]["a"]["inlets"] == {"r": [20, 21]}
    assert console.history.asked == [("berlin", "s-1", ["baseline", "a"], 121)]


def test_a_user_has_only_so_many_live_connections(console):
    console.services.settings = console.services.settings.model_copy(update={"console_live_per_user": 1})
    client = console.client("viewer")
    with client.websocket_connect(f"{SITE}/live") as socket:
        socket.receive_json()
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"{SITE}/live"):
            pass
