"""Pages are asked as a browser asks, and links are followed to where they lead."""

from __future__ import annotations

import json

import pytest

from dashboards import generate
from dashboards.grafana import health, links
from dashboards.grafana.screen import Screen, interpolate, rows, step_s

BOARDS = {
    board["uid"]: {"dashboard": board, "meta": {"provisioned": True}}
    for board in (json.loads(text) for name, text in generate.files().items() if name.endswith(".json"))
}
PLACES = links.Places("@grafana@", "@console@", "@ditto-ui@")
VALUES = {
    "site": "berlin", "history": "berlin", "room": "hall-a", "rack": "a-r01-03", "server": "web-1", "unit": ".*",
    "model": ".*", "scenario": "one",
}  # fmt: skip


def frame(**columns):
    """One data frame as Grafana answers it."""
    return {"schema": {"fields": [{"name": name} for name in columns]}, "data": {"values": list(columns.values())}}


class Grafana:
    """Answers queries by what they hold."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def query(self, body):
        (query,) = body["queries"]
        self.asked.append(body)
        for part, answer in self.answers.items():
            if part in query["query"]:
                return {query["refId"]: answer}
        return {query["refId"]: {"frames": []}}


def board(**more):
    source = {"type": "influxdb", "uid": "racktwin"}
    return {
        "title": "A page",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {"name": "site", "query": "sites", "datasource": source},
                {"name": "rack", "query": "racks of ${site}", "datasource": source},
                {"name": "unit", "query": "units", "datasource": source, "includeAll": True},
            ]
        },
        "panels": [
            {"title": "A row", "panels": []},
            {
                "title": "Inlet",
                "fieldConfig": {"defaults": {"noValue": "no sensor"}},
                "targets": [{"refId": "A", "query": "inlet of ${rack}", "datasource": source}],
            },
        ],
        "annotations": {
            "list": [{"name": "Alerts", "datasource": source, "target": {"refId": "Anno", "query": "alerts"}}]
        },
        **more,
    }


KNOWN = {
    "sites": {"frames": [frame(_value=["berlin", "oslo"])]},
    "racks of berlin": {"frames": [frame(_value=["r2", "r1"])]},
    "inlet of r1": {"frames": [frame(_time=[1, 2], _value=[20.0, 21.0])]},
    "alerts": {"frames": [frame(_time=[1], text=["too hot"])]},
}


def test_a_page_is_asked_variable_by_variable_then_panel_by_panel():
    grafana = Grafana(**KNOWN)
    screen = Screen(grafana, board(), "berlin", frozenset())
    found = {each.panel: (each.rows, each.problem) for each in screen.answers()}
    assert found == {
        "variable site": (2, ""),
        "variable rack": (2, ""),
        "variable unit": (0, ""),
        "Inlet": (2, ""),
        "annotation Alerts": (1, ""),
    }
    assert screen.values == {"site": "berlin", "rack": "r1", "unit": ".*"}
    assert {(each["from"], each["to"]) for each in grafana.asked} == {("now-3h", "now")}
    assert {each["queries"][0]["intervalMs"] for each in grafana.asked} == {15_000}
    assert list(Screen(grafana, board(), "berlin", frozenset({"r2"})).answers())[3].rows == 0


def test_a_step_without_anything_is_no_row():
    empty = {
        "schema": {"fields": [{"name": "_time", "type": "time"}, {"name": "_value", "type": "number"}]},
        "data": {"values": [[1, 2, 3], [None, 20.0, None]]},
    }
    assert rows([empty]) == [{"_time": 2, "_value": 20.0}]


def test_curves_are_drawn_over_the_time_of_their_values():
    times = [{"name": name, "type": "time"} for name in ("_start", "_time")]
    wrong = {
        "schema": {"fields": [*times, {"name": "_value", "type": "number"}]},
        "data": {"values": [[0], [1], [2.0]]},
    }
    source = {"type": "influxdb", "uid": "racktwin"}
    curve = {
        "title": "Age", "type": "timeseries", "fieldConfig": {},
        "targets": [{"refId": "A", "query": "age", "datasource": source}],
    }  # fmt: skip
    grafana = Grafana(**KNOWN, age={"frames": [wrong]})
    found = {each.panel: each for each in Screen(grafana, board(panels=[curve]), "berlin", frozenset()).answers()}
    assert found["Age"].problem == "drawn over _start, not over _time: _start, _time are times"
    wrong["schema"]["fields"].pop(0)
    wrong["data"]["values"].pop(0)
    found = {each.panel: each for each in Screen(grafana, board(panels=[curve]), "berlin", frozenset()).answers()}
    assert (found["Age"].rows, found["Age"].problem) == (1, "")


def test_a_panel_with_few_cells_is_asked_for_as_many():
    source = {"type": "influxdb", "uid": "racktwin"}
    grid = {
        "title": "Grid", "maxDataPoints": 48, "fieldConfig": {},
        "targets": [{"refId": "A", "query": "inlet of ${rack}", "datasource": source}],
    }  # fmt: skip
    grafana = Grafana(**KNOWN)
    list(Screen(grafana, board(panels=[grid]), "berlin", frozenset()).answers())
    (asked,) = [each["queries"][0] for each in grafana.asked if "inlet" in each["queries"][0]["query"]]
    assert (asked["maxDataPoints"], asked["intervalMs"]) == (48, 300_000)


def test_a_bucket_that_is_no_site_a_failing_query_and_an_annotation_without_one_are_found():
    answers = {**KNOWN, "sites": {"frames": [frame(_value=["berlin", "berlin_log"])]}, "inlet": {"error": "unknown"}}
    answers.pop("inlet of r1")
    page = board(annotations={"list": [{"name": "Alerts", "datasource": {}, "expr": "alerts"}]})
    found = {each.panel: each.problem for each in Screen(Grafana(**answers), page, "berlin", frozenset()).answers()}
    assert found["variable site"] == "no sites: berlin_log"
    assert found["Inlet"] == "unknown"
    assert "nothing is ever asked" in found["annotation Alerts"]
    wrong = {**KNOWN, "alerts": {"frames": [frame(time=[1], _value=["too hot"])]}}
    assert (
        "expected _time and text"
        in list(Screen(Grafana(**wrong), board(), "berlin", frozenset()).answers())[-1].problem
    )


def test_labels_are_columns_of_a_record():
    one = {
        "schema": {"fields": [{"name": "_time"}, {"name": "_value", "labels": {"thing": "a"}}]},
        "data": {"values": [[1], [2.0]]},
    }
    assert rows([one]) == [{"thing": "a", "_time": 1, "_value": 2.0}]


def test_steps_are_those_that_flux_can_say():
    assert [step_s("now-3h", "now"), step_s("now-1h", "now+2h"), step_s("now-24h", "now")] == [15, 15, 120]
    assert step_s("now-15m", "now") == 10


def test_an_undefined_variable_is_an_error():
    assert interpolate('from(bucket: "${site}") // ${room:regex}', VALUES) == 'from(bucket: "berlin") // hall-a'
    with pytest.raises(KeyError, match="rock"):
        interpolate("${rock}", VALUES)


@pytest.mark.parametrize("uid", BOARDS)
def test_every_link_of_a_page_leads_somewhere(uid):
    page = BOARDS[uid]["dashboard"]
    values = {each["name"]: VALUES[each["name"]] for each in page["templating"]["list"]}
    leads = list(links.of_board(page, values))
    assert {each.where.split(": ", 1)[1] for each in leads} >= {"Console", "Ditto UI"}
    for each in leads:
        assert "$" not in each.filled, each
        assert links.problem(each, PLACES, BOARDS) == "", each
    assert [tags for _, tags in links.groups(page)] == [("racktwin",)]


def test_the_ditto_ui_is_asked_for_the_thing_that_is_looked_at():
    (link,) = [
        each
        for each in links.of_board(BOARDS["racktwin-rack"]["dashboard"], VALUES)
        if each.filled.startswith("@ditto-ui@")
    ]
    assert link.filled == "@ditto-ui@/?filter=racktwin.berlin:rack-a-r01-03"


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("@grafana@/d/racktwin-rack?var-site=berlin&var-rack=r1&from=1&to=2", ""),
        ("/d/racktwin-rack?var-site=berlin&var-room=", "var-room without a value"),
        ("/d/racktwin-rack?var-unit=crah-a1", "has no var-unit"),
        ("/d/racktwin-cellar", "there is no dashboard racktwin-cellar"),
        ("https://elsewhere.example/d/racktwin-rack", "neither the console nor the Ditto UI"),
        ("@ditto-ui@/?filter=racktwin.berlin%3Arack-r1", ""),
        ("@ditto-ui@/?thingId=racktwin.berlin%3Arack-r1", "the Ditto UI does not read thingId"),
        ("@console@/room/berlin", ""),
    ],
)
def test_a_link_that_leads_nowhere_is_said(address, problem):
    said = links.problem(links.Link("somewhere", address, address), PLACES, BOARDS)
    assert said.endswith(problem) if problem else said == ""


def test_a_link_by_a_variable_that_the_page_lacks_is_said():
    page = {**BOARDS["racktwin-site"]["dashboard"], "panels": []}
    page["links"] = [{"type": "link", "title": "Room", "url": "/d/racktwin-room?var-room=${room}"}]
    (link,) = links.of_board(page, VALUES)
    assert links.problem(link, PLACES, BOARDS) == "the page has no variable room"


class Api:
    """A Grafana that took everything over, but for what is given."""

    def __init__(self, **other):
        self.answers = {
            "/datasources/uid/racktwin": {"readOnly": True, "type": "influxdb"},
            "/v1/provisioning/contact-points": [{"name": "racktwin"}],
            "/v1/provisioning/policies": {"receiver": "racktwin"},
            "/v1/provisioning/templates": [{"name": "racktwin"}],
            "/search": [{"uid": "racktwin-site"}],
            "/dashboards/uid/racktwin-site": BOARDS["racktwin-site"],
            **other,
        }

    def get(self, path, **query):
        return self.answers[path]


def test_what_grafana_did_not_take_over_is_said():
    assert list(health.unlike(Api(), health.boards(Api()), ["racktwin-site"])) == []
    other = Api(
        **{"/v1/provisioning/policies": {"receiver": "grafana-default-email"}, "/v1/provisioning/templates": []}
    )
    said = list(health.unlike(other, health.boards(other), ["racktwin-site", "racktwin-room"]))
    assert said == [
        "dashboard racktwin-room: missing",
        "notification policy: sends to grafana-default-email",
        "message templates: none",
    ]


def test_rules_that_are_not_evaluated_are_said():
    groups = [
        {"rules": [{"name": "A", "health": "ok", "lastEvaluation": "2026-01-01T00:00:00Z"}]},
        {"rules": [{"name": "B", "health": "error", "lastError": "too many series"}, {"name": "C", "health": "ok"}]},
    ]
    known = health.rules(Api(**{"/prometheus/grafana/api/v1/rules": {"data": {"groups": groups}}}))
    assert list(health.unwell(known, ["A", "B", "C", "D"])) == [
        "rule B: error too many series",
        "rule C: never evaluated",
        "rule D: missing",
    ]
