"""Pods of the operator in an installation with TLS: what they trust, and how they are probed."""

import pytest

from rack_operator.assembly import broker, endpoints, pods
from rack_operator.desired.connections import Broker, connections
from rack_operator.desired.deployment import PodSettings
from rack_operator.desired.trust import with_trust
from rack_operator.settings import OperatorSettings
from racktwin.process import Fatal


def deployment():
    container = {
        "name": "runner",
        "env": [{"name": "A", "value": "1"}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "health"}},
    }
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def test_without_tls_a_template_is_left_as_it_is():
    assert with_trust(deployment(), PodSettings("image", "kafka:9092")) == deployment()


def test_with_tls_it_trusts_the_installation_and_is_probed_over_tls():
    settings = PodSettings("image", "kafka:9093", "SASL_SSL", trust_secret="b-trust", tls_secret="b-tls")
    before = deployment()
    spec = with_trust(before, settings)["spec"]["template"]["spec"]
    assert before == deployment()
    assert {volume["secret"]["secretName"] for volume in spec["volumes"]} == {"b-trust", "b-tls"}
    container = spec["containers"][0]
    assert container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    assert variables["SSL_CERT_FILE"] == variables["RACKTWIN_KAFKA_CA_FILE"] == "/etc/racktwin/trust/bundle.crt"
    assert variables["RACKTWIN_HEALTH_TLS_KEY"] == "/etc/racktwin/tls/tls.key"
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {"/etc/racktwin/trust", "/etc/racktwin/tls"}


def test_a_jobs_template_without_a_certificate_only_trusts():
    container = with_trust(deployment(), PodSettings("i", "k", trust_secret="t"))["spec"]["template"]["spec"][
        "containers"
    ][0]
    names = {entry["name"] for entry in container["env"]}
    assert "SSL_CERT_FILE" in names
    assert not names & {"RACKTWIN_KAFKA_CA_FILE", "RACKTWIN_HEALTH_TLS_CERT"}
    assert "scheme" not in container["readinessProbe"]["httpGet"]


def test_ditto_is_told_the_authority_of_kafka():
    bodies = connections("lab", Broker("k:9093", "SASL_SSL", authority="PEM"))
    assert {body["ca"] for body in bodies} == {"PEM"}
    assert all("ca" not in body for body in connections("lab", Broker("k:9092")))


def test_settings_reach_devices_ditto_and_pods(tmp_path):
    authority = tmp_path / "ca.crt"
    authority.write_text("PEM")
    settings = OperatorSettings(
        hono_mqtt_tls=True,
        hono_ca_file=authority,
        kafka_username="operator",
        ditto_kafka_username="ditto",
        ditto_kafka_ca_file=authority,
        pods_trust_secret="trust",
    )
    assert endpoints(settings).mqtt_tls
    assert endpoints(settings).authority == "PEM"
    assert (broker(settings).username, broker(settings).authority) == ("ditto", "PEM")
    assert pods(settings).trust_secret == "trust"


def test_a_missing_authority_is_named(tmp_path):
    with pytest.raises(Fatal, match=r"nowhere\.crt"):
        endpoints(OperatorSettings(hono_ca_file=tmp_path / "nowhere.crt"))
