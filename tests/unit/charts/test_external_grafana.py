"""A Grafana of others gets what the release's own has: dashboards, alert rules, message templates, the data source."""

import json

import pytest
import yaml

from check_charts import reaching, rendering

# helm may have to be built first.
pytestmark = pytest.mark.timeout(600)

PEER = {"namespaceSelector": {"matchLabels": {"team": "seen"}}}
# The release's own InfluxDB, a Grafana elsewhere.
BESIDE = (
    "grafana.enabled=false",
    "global.external.grafana.url=https://grafana.example/",
    "global.networkPolicies.grafana[0].namespaceSelector.matchLabels.team=seen",
)


@pytest.fixture(scope="module")
def external():
    return rendering.render("external-services")


@pytest.fixture(scope="module")
def beside():
    return rendering.render("laptop", BESIDE)


def files(documents, label):
    """Contents of the ConfigMaps with a label, by name of the file."""
    maps = [d for d in documents if d["kind"] == "ConfigMap" and d["metadata"]["labels"].get(label) == "1"]
    return {name: text for found in maps for name, text in found["data"].items()}


def test_it_gets_every_dashboard_and_rule(external):
    own = {d["metadata"]["name"]: d for d in rendering.render("laptop") if d["kind"] == "ConfigMap"}
    boards = [name for found in own.values() for name in found["data"] if name.endswith(".json")]
    given = files(external, "grafana_dashboard")
    assert sorted(given) == sorted(f"racktwin-{name}" for name in boards) and len(boards) >= 10
    rules = yaml.safe_load(own["berlin-grafana-alerting"]["data"]["rules.yaml"])["groups"][0]["rules"]
    alerts = files(external, "grafana_alert")
    assert sorted(alerts) == ["racktwin-rules.yaml", "racktwin-templates.yaml"]
    given_rules = yaml.safe_load(alerts["racktwin-rules.yaml"])["groups"][0]["rules"]
    assert [rule["uid"] for rule in given_rules] == [rule["uid"] for rule in rules]


def test_nothing_is_left_to_fill_in_and_links_lead_to_it(external):
    texts = [*files(external, "grafana_dashboard").values(), *files(external, "grafana_alert").values()]
    assert not [word for word in ("@site@", "@console@", "@grafana@", "@ditto-ui@") if any(word in t for t in texts)]
    assert all("uid" in json.loads(text) for text in files(external, "grafana_dashboard").values())
    assert "https://grafana.example/d/racktwin-room" in files(external, "grafana_alert")["racktwin-rules.yaml"]
    assert any("https://ditto.example/ui" in text for text in texts)


def test_the_data_source_holds_no_token(external, beside):
    for documents, url in ((external, "https://influxdb.example"), (beside, "https://berlin-influxdb.berlin.svc:8086")):
        found = yaml.safe_load(files(documents, "grafana_datasource")["racktwin-datasource.yaml"])["datasources"][0]
        assert (found["uid"], found["url"]) == ("racktwin", url)
        assert found["secureJsonData"]["token"] == "$RACKTWIN_INFLUX_TOKEN"
        # An authority of the release's own must be told; a public one is known.
        assert (
            ("tlsCACert" in found["secureJsonData"]) == found["jsonData"]["tlsAuthWithCACert"] == (documents is beside)
        )


def test_nothing_of_the_releases_own_grafana_remains(external, beside):
    for documents in (external, beside):
        kinds = {d["kind"] for d in documents if d["metadata"]["labels"].get("app.kubernetes.io/name") == "grafana"}
        assert kinds == {"ConfigMap"}
        assert not [d for d in documents if d["metadata"]["name"].startswith("berlin-grafana-admin")]


def test_it_is_let_to_the_releases_influxdb(beside):
    influxdb = next(one for one in reaching.pods(beside) if one.name == "StatefulSet/berlin-influxdb")
    assert reaching.admits(beside, influxdb, 8086, PEER)
    assert not reaching.admits(beside, influxdb, 8086, rendering.CLIENTS)


def test_the_console_leads_to_it(beside):
    console = next(spec for name, spec in rendering.pod_specs(beside) if name == "Deployment/berlin-console")
    assert {"name": "RACKTWIN_CONSOLE_GRAFANA_URL", "value": "https://grafana.example/"} in console["containers"][0][
        "env"
    ]


def test_without_any_grafana_there_is_nothing_of_it():
    documents = rendering.render("laptop", ["grafana.enabled=false"])
    assert not [d for d in documents if d["metadata"]["labels"].get("app.kubernetes.io/name") == "grafana"]


def test_its_data_source_takes_as_many_series_as_a_site_has_alerts(external):
    """Past 1,000, which Grafana takes by itself, a rule over all things of a site would fail instead of firing."""
    own = next(d for d in rendering.render("laptop") if d["metadata"]["name"] == "berlin-grafana" and "data" in d)
    texts = [own["data"]["datasource.yaml"], files(external, "grafana_datasource")["racktwin-datasource.yaml"]]
    assert {yaml.safe_load(text)["datasources"][0]["jsonData"]["maxSeries"] for text in texts} == {100_000}


def test_dashboards_and_rules_lie_in_one_folder():
    """Names of folders that differ in case alone are one folder for one database and two for another."""
    documents = rendering.render("laptop")
    pod = next(spec for name, spec in rendering.pod_specs(documents) if name == "Deployment/berlin-grafana")
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    rules = next(d for d in documents if d["metadata"]["name"] == "berlin-grafana-alerting")["data"]["rules.yaml"]
    assert mounts["dashboards"].rsplit("/", 1)[1] == yaml.safe_load(rules)["groups"][0]["folder"] == "Racktwin"
