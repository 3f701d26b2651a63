"""Who may reach whom by the chart's policies, where values name who may come in: clients, and what scrapes metrics."""

import pytest

from check_charts import reaching, rendering, tools
from rack_operator.desired.deployment import PodSettings, Runner, runner_deployment
from rack_operator.desired.ownership import Owner

# helm may have to be built first.
pytestmark = pytest.mark.timeout(600)

CHARTS = [*tools.profiles(), "everything"]
# Their images serve no metrics; the chart's README says so.
SILENT = {"StatefulSet/berlin-kafka", "StatefulSet/berlin-mongodb"}


@pytest.fixture(scope="module", params=CHARTS)
def closed(request):
    """A profile in which clients and monitoring are named."""
    if request.param == "everything":
        return rendering.render(None, rendering.EVERYTHING)
    return rendering.render(request.param, rendering.CLOSED)


@pytest.fixture(scope="module")
def laptop():
    return rendering.render("laptop", rendering.CLOSED)


def pods(documents, name):
    return next(one for one in reaching.pods(documents) if one.name == name)


def runner():
    """A model's runners, as the operator makes them in the release's namespace."""
    owner = Owner("Site", "berlin", "berlin", "uid")
    settings = PodSettings(image="racktwin/racktwin:0", kafka_bootstrap="berlin-kafka:9093")
    return runner_deployment(Runner("inlet-temperature", "berlin", 1, "model-inlet-temperature"), owner, settings)


def test_what_is_let_out_to_the_releases_own_is_let_in(closed):
    assert reaching.findings(closed) == []


def test_everything_with_metrics_is_scraped_and_lets_it_in(closed):
    documents = [*closed, runner()]
    assert reaching.unscraped(documents, rendering.MONITORING) == []
    servers = {one.name for one in reaching.pods(documents) if one.name.startswith(("Deployment/", "StatefulSet/"))}
    assert servers - {one.name for _, one, _ in reaching.scraped(documents)} <= SILENT


def test_a_runner_is_scraped_over_tls(closed):
    monitor = next(d for d in closed if d["kind"] == "PodMonitor" and d["metadata"]["name"] == "berlin-models")
    endpoint = monitor["spec"]["podMetricsEndpoints"][0]
    assert (endpoint["scheme"], endpoint["path"]) == ("https", "/metrics")
    assert endpoint["tlsConfig"]["serverName"] == "berlin-processes"


@pytest.mark.parametrize(
    ("target", "port", "may"),
    [
        ("Deployment/berlin-ditto-gateway", 8443, True),
        ("Deployment/berlin-hono-mqtt", 8883, True),
        ("Deployment/berlin-hono-http", 8443, True),
        ("Deployment/berlin-grafana", 3000, True),
        ("Deployment/berlin-console", 8443, True),
        ("StatefulSet/berlin-kafka", 9093, False),
        ("StatefulSet/berlin-influxdb", 8086, False),
        ("Deployment/berlin-console", 8080, False),
    ],
)
def test_clients_reach_what_is_for_them(laptop, target, port, may):
    assert reaching.admits(laptop, pods(laptop, target), port, rendering.CLIENTS) is may


def test_alerting_may_read_the_history_and_no_more(laptop):
    alerting = next(d for d in laptop if d["kind"] == "Deployment" and d["metadata"]["name"] == "berlin-alerting")
    pod = alerting["spec"]["template"]["spec"]
    env = {each["name"]: each for each in pod["containers"][0]["env"]}
    assert env["RACKTWIN_INFLUX_URL"]["value"] == "https://berlin-influxdb.berlin.svc:8086"
    assert env["RACKTWIN_INFLUX_TOKEN"]["valueFrom"]["secretKeyRef"]["name"] == "berlin-influxdb-reader"
    (policy,) = (d for d in laptop if d["kind"] == "NetworkPolicy" and d["metadata"]["name"] == "berlin-alerting")
    ports = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
    assert ports.count(8086) == 1


def test_who_scrapes_reaches_nothing_else(laptop):
    assert not reaching.admits(laptop, pods(laptop, "StatefulSet/berlin-kafka"), 9093, rendering.MONITORING)
    assert not reaching.admits(laptop, pods(laptop, "Deployment/berlin-console"), 8443, rendering.MONITORING)


def test_who_scales_on_lag_may_ask_kafka_for_it(laptop):
    kafka = "StatefulSet/berlin-kafka"
    scaled = rendering.render("laptop", ["global.autoscaling.mode=keda"])
    assert reaching.admits(scaled, pods(scaled, kafka), 9093, rendering.KEDA)
    assert not reaching.admits(scaled, pods(scaled, kafka), 9094, rendering.KEDA)
    assert not reaching.admits(laptop, pods(laptop, kafka), 9093, rendering.KEDA)


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_a_console_that_is_reached_from_outside_shows_its_health_within_alone(kind):
    documents = rendering.render("laptop", [*rendering.CLOSED, f"console.serviceType={kind}"])
    console = pods(documents, "Deployment/berlin-console")
    assert ("ServiceMonitor/berlin-console", console, 8080) in reaching.scraped(documents)
    outside = [d["spec"] for d in documents if d["kind"] == "Service" and d["spec"].get("type") == kind]
    assert [[port["name"] for port in spec["ports"]] for spec in outside] == [["https"]]


def test_a_way_that_ends_at_a_closed_door_is_found():
    def deployment(name):
        container = {"name": name, "ports": [{"name": "door", "containerPort": 80}]}
        template = {"metadata": {"labels": {"name": name}}, "spec": {"containers": [container]}}
        return {"kind": "Deployment", "metadata": {"name": name}, "spec": {"template": template}}

    def policy(name, **rules):
        selector = {"matchLabels": {"name": name}}
        return {
            "kind": "NetworkPolicy",
            "metadata": {"name": name},
            "spec": {"podSelector": selector, "policyTypes": ["Ingress", "Egress"], **rules},
        }

    def to(name, port=80):
        return [{"ports": [{"port": port}], "to": [{"podSelector": {"matchLabels": {"name": name}}}]}]

    def of(*names):
        return [{"ports": [{"port": "door"}], "from": [{"podSelector": {"matchLabels": {"name": n}}} for n in names]}]

    both = [deployment("a"), deployment("b")]
    assert reaching.findings([*both, policy("a", egress=to("b")), policy("b", ingress=of("a"))]) == []
    assert reaching.findings([*both, policy("a", egress=to("b")), policy("b", ingress=of("c"))]) == [
        "Deployment/a: may go to port 80 of Deployment/b, which does not let it in"
    ]
    assert reaching.findings([*both, policy("a", egress=to("b", 81)), policy("b", ingress=of("a"))]) == [
        "Deployment/a: may go to port 81 of Deployment/b, which has no such port"
    ]
