"""Every dashboard can be read by people and run by Grafana."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from alerting.rules import RULES
from dashboards import generate
from dashboards.frame import build
from dashboards.pages import PAGES
from racktwin import catalogue, catalogue_computed
from upkeep import outbox

_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}")
_FIELD = re.compile(r'r\._field == "(\w+)"')
_MEASUREMENT = re.compile(r'r\._measurement == "(\w+)"')
# Measurements that are no feature of a twin, with their fields (`historian.points`).
_OWN = {
    "prediction": {"value", "lo", "hi", "validAt", "basedOn", "modelVersion"},
    "command": {"id", "origin", "who", "setpoint", "fanSpeed", "mode", "rule", "detail", "by"},
    # One series for each thing, model, sensor and horizon (`scorecard.outbox`).
    "scorecard": {"count", "mae", "bias", "skill", "coverage", "rmse", "weight"},
    # What history has of a finding instead of its evidence, an object.
    "score": set(outbox.HISTORY),
    # Of the scenarios' bucket (`scenarios.store`).
    "scenario_result": {"summary"},
}
# The ten pages that operators are promised.
_PROMISED = {
    "site", "room", "rack", "server", "cooling", "maintenance", "models", "fidelity", "pipeline", "scenarios",
}  # fmt: skip

FILES = {name: json.loads(content) for name, content in generate.files().items() if name.endswith(".json")}


def _panels(board: dict) -> list[dict]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def _queries(board: dict) -> list[str]:
    found = [target["query"] for panel in _panels(board) for target in panel["targets"]]
    return [*found, *(each["target"]["query"] for each in board["annotations"]["list"])]


@pytest.mark.parametrize("name", FILES)
def test_every_panel_says_what_it_shows_and_in_which_unit(name):
    for panel in _panels(FILES[name]):
        assert panel["title"], panel
        assert len(panel.get("description", "")) > 10, panel["title"]
        assert panel["targets"], panel["title"]
        if panel["type"] in ("timeseries", "stat", "bargauge", "heatmap", "status-history"):
            assert panel["fieldConfig"]["defaults"].get("unit"), panel["title"]
        elif panel["type"] == "canvas":
            of_parts = {each["matcher"]["options"]: each["properties"] for each in panel["fieldConfig"]["overrides"]}
            values = [each for each in panel["options"]["root"]["elements"] if each["type"] == "metric-value"]
            assert values
            for value in values:
                units = [each for each in of_parts[value["config"]["text"]["field"]] if each["id"] == "unit"]
                assert units, value["name"]
        else:
            # Columns of tables have units where they are quantities; states have none.
            assert panel["type"] in ("table", "state-timeline"), panel["title"]


def test_there_are_the_ten_pages_in_current_panel_types():
    assert {name.removeprefix("dashboards/").removesuffix(".json") for name in FILES} == _PROMISED
    used = {panel["type"] for board in FILES.values() for panel in _panels(board)}
    assert used >= {"stat", "timeseries", "state-timeline", "canvas", "status-history", "table", "heatmap", "bargauge"}


@pytest.mark.parametrize("name", FILES)
def test_each_page_leads_to_the_others_the_console_and_the_ditto_ui_and_shows_what_happened(name):
    board = FILES[name]
    assert [link["title"] for link in board["links"]] == ["Racktwin", "Console", "Ditto UI"]
    assert board["links"][1]["url"].startswith("@console@/")
    variables = {variable["name"] for variable in board["templating"]["list"]}
    assert set(_VARIABLE.findall(board["links"][1]["url"])) <= variables
    assert "site" in variables
    # A Flux data source is asked for what stands in the target; the first time and text of a frame are taken.
    assert all(
        each["target"]["query"].endswith('|> keep(columns: ["_time", "text"])') for each in board["annotations"]["list"]
    )
    shown = [each["name"] for each in board["annotations"]["list"]]
    assert shown == ["Commands", "Alerts", "Experiments", "Scenarios"]


def test_parts_of_a_picture_are_joined_by_arrows_that_lead_somewhere():
    (picture,) = [panel for panel in _panels(FILES["dashboards/room.json"]) if panel["type"] == "canvas"]
    elements = picture["options"]["root"]["elements"]
    names = {each["name"] for each in elements}
    assert len(names) == len(elements)
    targets = [arrow["targetName"] for each in elements for arrow in each.get("connections") or ()]
    assert len(targets) == 3
    assert set(targets) <= names


@pytest.mark.parametrize("name", FILES)
def test_queries_use_variables_that_the_page_has(name):
    board = FILES[name]
    known = {variable["name"] for variable in board["templating"]["list"]}
    for query in _queries(board):
        assert set(_VARIABLE.findall(query)) <= known, query


@pytest.mark.parametrize("name", FILES)
def test_queries_ask_for_fields_that_the_catalogue_has(name):
    fields: dict[str, set[str]] = {name: set(columns) for name, columns in _OWN.items()}
    for feature in (*catalogue.FEATURES, *catalogue_computed.COMPUTED):
        fields.setdefault(feature.measurement, set()).update(each.name for each in feature.properties)
    for query in _queries(FILES[name]):
        measurements = _MEASUREMENT.findall(query)
        assert measurements, query
        known = set().union(*(fields[each] for each in measurements))
        assert set(_FIELD.findall(query)) <= known, query


@pytest.mark.parametrize("name", FILES)
def test_what_happened_is_read_where_it_is_kept_for_years(name):
    for query in _queries(FILES[name]):
        happened = re.search(r'r\._measurement == "(alert|command|action)"|r\.feature == "experiment"', query)
        if happened:
            assert 'from(bucket: "${site}_log")' in query, query


def test_what_needs_attention_leaves_out_verdicts_that_have_expired():
    panels = _panels(FILES["dashboards/maintenance.json"])
    (table,) = [each for each in panels if each["title"] == "What needs attention"]
    query = table["targets"][0]["query"]
    assert 'r._field == "expiresAt"' in query
    assert "float(v: r.expiresAt) > float(v: uint(v: now()))" in query


def test_pages_have_their_own_address_and_one_source_of_data():
    assert len({board["uid"] for board in FILES.values()}) == len(PAGES)
    for board in FILES.values():
        assert {panel["datasource"]["uid"] for panel in _panels(board)} == {"racktwin"}


def test_a_stale_or_forgotten_file_is_found(tmp_path):
    for name, content in generate.files().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert generate.stale(tmp_path) == []
    (tmp_path / "dashboards/site.json").write_text("{}")
    (tmp_path / "dashboards/gone.json").write_text("{}")
    assert generate.stale(tmp_path) == ["dashboards/gone.json", "dashboards/site.json"]


def test_the_screen_fits_grafanas_grid():
    for page in PAGES:
        for panel in build(page).panels or ():
            place = panel.grid_pos
            assert place is not None
            assert place.x + place.w <= 24, panel.title


def test_every_alert_rule_has_a_grafana_rule_that_says_what_to_do():
    (group,) = yaml.safe_load(generate.files()["alerting/rules.yaml"])["groups"]
    assert [rule["labels"]["rule"] for rule in group["rules"]] == [rule.name for rule in RULES]
    for rule in group["rules"]:
        # What, where, since when, what to do, where to look.
        assert set(rule["annotations"]) == {
            "summary", "what", "where", "since", "description", "dashboard", "console",
        }  # fmt: skip
        assert all(rule["annotations"].values())
        # Grafana takes `$…` in provisioned rules for variables of its environment, and leaves nothing of them.
        assert "$" not in yaml.safe_dump(rule).replace("$$", "")
        assert {node["refId"] for node in rule["data"]} == {"A", "B", "C"}
        assert rule["data"][0]["datasourceUid"] == "racktwin"


def test_what_is_said_of_an_alert_leaves_grafana_nothing_to_fill_in():
    text = yaml.safe_load(generate.files()["alerting/templates.yaml"])["templates"][0]["template"]
    assert "$" not in text
    for part in ("What:", "Where:", "Since:", "What to do:"):
        assert part in text
    (group,) = yaml.safe_load(generate.files()["alerting/rules.yaml"])["groups"]
    known = set(group["rules"][0]["annotations"])
    assert set(re.findall(r"\.Annotations\.(\w+)", text)) <= known


def test_a_site_is_what_has_a_log_and_no_other_bucket():
    (variable,) = [one for one in FILES["dashboards/site.json"]["templating"]["list"] if one["name"] == "site"]
    assert "r.name =~ /_log$/" in variable["query"]
    assert 'trimSuffix(v: r.name, suffix: "_log")' in variable["query"]


def test_errors_of_different_units_have_lines_of_their_own():
    errors = [p for p in _panels(FILES["dashboards/models.json"]) if p["title"].startswith("Mean error of")]
    units = {panel["fieldConfig"]["defaults"]["unit"]: panel["targets"][0]["query"] for panel in errors}
    assert set(units) == {"kelvin", "watt"}
    power = r"scorecard\.[^.]*\.power\./"
    assert f"=~ /^{power}" in units["watt"]
    assert f"!~ /^{power}" in units["kelvin"]
    for query in units.values():
        assert "{r with series: parts[1] + " in query


@pytest.mark.parametrize("name", FILES)
def test_a_grid_has_as_few_cells_as_grafana_draws(name):
    """It draws none at all where cells would be too narrow."""
    for panel in _panels(FILES[name]):
        if panel["type"] == "status-history":
            assert panel["maxDataPoints"] <= 60, panel["title"]
            assert "every: v.windowPeriod" in panel["targets"][0]["query"], panel["title"]


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("site", "(r) => true)"),
        ("room", "r.room =~ /^${room:regex}$/"),
        ("rack", 'r.thing == "racktwin.${site}:rack-${rack}"'),
        ("cooling", "cooling-${unit:regex}$/"),
        ("models", 'r.feature == "alert.model-drifting"'),
    ],
)
def test_a_page_tells_of_the_alerts_of_what_it_shows(name, about):
    (query,) = [
        each["target"]["query"]
        for each in FILES[f"dashboards/{name}.json"]["annotations"]["list"]
        if each["name"] == "Alerts"
    ]
    assert about in query
    assert "@about@" not in query
    # However many begin, the graph is not hidden by them.
    assert "window(every: duration(" in query


@pytest.mark.parametrize("name", FILES)
def test_tables_have_no_columns_but_those_that_they_name(name):
    """A query leaves the others out itself: not every Grafana's transformation can."""
    for panel in _panels(FILES[name]):
        if panel["type"] == "table":
            (organized,) = [each["options"] for each in panel["transformations"] if each["id"] == "organize"]
            kept = re.search(r"\|> keep\(columns: \[([^\]]*)\]\)$", panel["targets"][0]["query"])
            assert kept, panel["title"]
            assert set(json.loads(f"[{kept[1]}]")) == set(organized["indexByName"]), panel["title"]


@pytest.mark.parametrize("name", FILES)
def test_a_line_is_not_drawn_through_what_nobody_knows(name):
    for panel in _panels(FILES[name]):
        if panel["type"] == "timeseries":
            assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] == 20 * 60_000, panel["title"]
            (query, *_) = (target["query"] for target in panel["targets"])
            for how in re.findall(r"fn: (mean|sum), createEmpty: (\w+)", query):
                assert how[1] == "true", panel["title"]


def test_a_racks_page_reaches_as_far_as_its_predictions():
    assert FILES["dashboards/rack.json"]["time"]["to"] == "now+15m"
