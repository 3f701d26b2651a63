"""The release's certificates: made once, renewed in time, and what must be rolled is rolled."""

import datetime as dt
import ssl

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import pkcs12

from provision import certificates, pki
from provision.failure import Failure
from provision.settings import CertificateSettings

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
WANTED = {
    "kafka": {"hosts": ["kafka.berlin.svc", "*.kafka-nodes.berlin.svc"], "workloads": ["StatefulSet/kafka"]},
    "processes": {"hosts": ["definitions.berlin.svc"], "workloads": []},
}


class Cluster:
    """Secrets and rollouts in memory."""

    def __init__(self):
        self.secrets: dict[str, dict[str, bytes]] = {}
        self.writes: list[str] = []
        self.rolled: list[str] = []
        self.notes: dict[str, dict[str, str]] = {}

    def read(self, name):
        return self.secrets.get(name)

    def write(self, name, data):
        self.writes.append(name)
        self.secrets[name] = {**self.secrets.get(name, {}), **data}

    def annotations(self, name):
        return self.notes.get(name, {})

    def annotate(self, name, annotations):
        assert name in self.secrets
        self.notes.setdefault(name, {}).update(annotations)

    def roll(self, workload, mark):
        self.rolled.append(workload)


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "certificates.yaml"
    path.write_text(yaml.safe_dump(WANTED))
    return CertificateSettings(
        provision_release="berlin", provision_certificates=path, provision_truststore_password="of-this-test"
    )


@pytest.fixture(scope="module")
def authority():
    return pki.make_authority("test", NOW)


def ensure(settings, cluster, now=NOW):
    return certificates.ensure(settings, cluster, cluster, now, lambda line: None)


def test_everything_is_made_once_and_nothing_is_rolled(settings):
    cluster = Cluster()
    assert ensure(settings, cluster) == 2
    assert set(cluster.secrets) == {"berlin-authority", "berlin-trust", "berlin-kafka-tls", "berlin-processes-tls"}
    assert cluster.rolled == []
    cluster.writes.clear()
    assert ensure(settings, cluster) == 0
    assert cluster.writes == []


def test_what_ends_soon_is_renewed_and_what_reads_it_is_rolled(settings):
    cluster = Cluster()
    ensure(settings, cluster)
    before = dict(cluster.secrets)
    assert ensure(settings, cluster, NOW + dt.timedelta(days=49)) == 0
    assert ensure(settings, cluster, NOW + dt.timedelta(days=51)) == 2
    assert cluster.rolled == ["StatefulSet/berlin-kafka"]
    assert cluster.secrets["berlin-authority"] == before["berlin-authority"]
    assert cluster.secrets["berlin-kafka-tls"] != before["berlin-kafka-tls"]


def test_a_new_host_makes_a_new_certificate(settings, tmp_path):
    cluster = Cluster()
    ensure(settings, cluster)
    more = {**WANTED, "processes": {"hosts": ["definitions.berlin.svc", "console.example"], "workloads": []}}
    settings.provision_certificates.write_text(yaml.safe_dump(more))
    assert ensure(settings, cluster) == 1


def test_the_trust_store_holds_own_and_external_authorities(settings, authority):
    cluster = Cluster()
    cluster.secrets["theirs"] = {"ca.crt": authority.data()["tls.crt"]}
    settings = settings.model_copy(update={"provision_ca_kafka": "theirs"})
    ensure(settings, cluster)
    trust = cluster.secrets["berlin-trust"]
    assert trust["kafka.crt"] == authority.data()["tls.crt"]
    assert trust["hono.crt"] == trust["ca.crt"]
    assert authority.data()["tls.crt"] in trust["bundle.crt"]
    # Public ones too: a provider of logins is usually known by one of them.
    assert trust["bundle.crt"].count(b"BEGIN CERTIFICATE") > 50
    store = pkcs12.load_pkcs12(trust["truststore.p12"], b"of-this-test")
    assert authority.certificate in [each.certificate for each in store.additional_certs]


def test_a_missing_external_authority_is_named(settings):
    settings = settings.model_copy(update={"provision_ca_ditto": "nowhere"})
    with pytest.raises(Failure, match="nowhere"):
        ensure(settings, Cluster())


def test_an_authority_near_its_end_is_an_error_and_not_replaced_in_silence(settings):
    cluster = Cluster()
    ensure(settings, cluster)
    with pytest.raises(Failure, match="maintenance window"):
        ensure(settings, cluster, NOW + dt.timedelta(days=pki.AUTHORITY_DAYS - 300))


@pytest.fixture
def by_cert_manager(settings):
    return settings.model_copy(update={"provision_issuer": "cert-manager"})


def come(cluster, authority, *names, now=NOW):
    """What cert-manager does: it replaces the Secrets of these certificates."""
    for name in names:
        cluster.secrets[f"berlin-{name}-tls"] = pki.issue(authority, name, WANTED[name]["hosts"], now, 90)


def test_cert_managers_certificates_are_awaited_and_trusted(by_cert_manager, authority):
    cluster = Cluster()
    with pytest.raises(Failure, match="kafka, processes"):
        ensure(by_cert_manager, cluster)
    come(cluster, authority, "kafka", "processes")
    del cluster.secrets["berlin-kafka-tls"]["tls.crt"]
    with pytest.raises(Failure, match="missing: kafka"):
        ensure(by_cert_manager, cluster)
    come(cluster, authority, "kafka")
    assert ensure(by_cert_manager, cluster) == 0
    assert cluster.secrets["berlin-trust"]["ca.crt"] == authority.data()["tls.crt"]
    assert cluster.writes == ["berlin-trust"]
    assert cluster.rolled == []


def test_what_cert_manager_renewed_is_rolled_once_and_the_rest_is_left(by_cert_manager, authority):
    by_cert_manager.provision_certificates.write_text(
        yaml.safe_dump({**WANTED, "grafana": {"hosts": ["grafana.berlin.svc"], "workloads": ["Deployment/grafana"]}})
    )
    cluster = Cluster()
    come(cluster, authority, "kafka", "processes")
    cluster.secrets["berlin-grafana-tls"] = pki.issue(authority, "grafana", ["grafana.berlin.svc"], NOW, 90)
    ensure(by_cert_manager, cluster)
    ensure(by_cert_manager, cluster)
    assert cluster.rolled == []
    come(cluster, authority, "kafka", now=NOW + dt.timedelta(days=50))
    ensure(by_cert_manager, cluster)
    assert cluster.rolled == ["StatefulSet/berlin-kafka"]
    ensure(by_cert_manager, cluster)
    assert cluster.rolled == ["StatefulSet/berlin-kafka"]


@pytest.mark.parametrize("issuer", ["job", "cert-manager"])
def test_a_roll_that_failed_is_made_up_for(settings, authority, issuer, monkeypatch):
    settings = settings.model_copy(update={"provision_issuer": issuer})
    cluster = Cluster()
    later = NOW
    if issuer == "cert-manager":
        come(cluster, authority, "kafka", "processes")
    ensure(settings, cluster)
    if issuer == "cert-manager":
        come(cluster, authority, "kafka", now=NOW + dt.timedelta(days=50))
    else:
        later = NOW + dt.timedelta(days=51)

    def refused(workload, mark):
        raise ConnectionError(workload)

    with monkeypatch.context() as patched:
        patched.setattr(cluster, "roll", refused)
        with pytest.raises(ConnectionError):
            ensure(settings, cluster, later)
    ensure(settings, cluster, later)
    assert cluster.rolled == ["StatefulSet/berlin-kafka"]


def test_a_release_of_before_the_notes_is_rolled_for_what_is_issued_now_and_for_nothing_else(settings):
    cluster = Cluster()
    ensure(settings, cluster)
    cluster.notes.clear()
    ensure(settings, cluster)
    assert cluster.rolled == []
    cluster.notes.clear()
    ensure(settings, cluster, NOW + dt.timedelta(days=51))
    assert cluster.rolled == ["StatefulSet/berlin-kafka"]


def test_a_certificate_is_what_its_readers_want(authority, tmp_path):
    data = pki.issue(authority, "x", ["localhost"], NOW, 90)
    # Hono and Kafka read PKCS8 alone.
    assert data["tls.key"].startswith(b"-----BEGIN PRIVATE KEY-----")
    assert data["tls-combined.pem"] == data["tls.key"] + data["tls.crt"]
    (tmp_path / "pem").write_bytes(data["tls-combined.pem"])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "pem")


@pytest.mark.parametrize("lost", ["tls.crt", "tls-combined.pem", "ca.crt"])
def test_an_incomplete_secret_is_made_whole(authority, lost):
    data = pki.issue(authority, "x", ["localhost"], NOW, 90)
    assert pki.why_issue(data, authority, ["localhost"], NOW, 40) is None
    del data[lost]
    assert pki.why_issue(data, authority, ["localhost"], NOW, 40) == "it is missing"


def test_another_authoritys_certificate_is_replaced(authority):
    other = pki.make_authority("other", NOW)
    data = pki.issue(other, "x", ["localhost"], NOW, 90)
    assert pki.why_issue(data, authority, ["localhost"], NOW, 40) == "it is not this authority's"
