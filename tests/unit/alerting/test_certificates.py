"""When certificates end is read from files and from listeners, also of expired ones."""

from __future__ import annotations

import datetime
import json
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alerting import certificates
from alerting.settings import AlertingSettings
from racktwin.catalogue_computed import resolve
from racktwin.tls import HttpServer, certificate_of

NOW = 1_780_000_000_000
DAY_MS = 86_400_000


def make(folder: Path, days: float) -> tuple[Path, Path, int]:
    """Certificate, key, and end (epoch ms) of a certificate that ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    end = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=days)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=400))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "tls.crt", folder / "tls.key"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret, round(end.timestamp() * 1000)


def test_the_first_end_in_a_file_counts(tmp_path):
    (tmp_path / "a").mkdir()
    late, _, _ = make(tmp_path / "a", 80)
    soon, _, end = make(tmp_path, 5)
    soon.write_bytes(late.read_bytes() + soon.read_bytes())
    assert certificates.in_file(soon) == end


@pytest.mark.parametrize("days", [50, -3])
def test_a_listener_is_read_even_when_its_certificate_has_expired(tmp_path, days):
    certificate, key, end = make(tmp_path, days)
    server = HttpServer(("127.0.0.1", 0), BaseHTTPRequestHandler, certificate_of(certificate, key))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert certificates.at_listener("127.0.0.1", server.server_address[1]) == end
    finally:
        server.shutdown()
        server.server_close()


def test_what_cannot_be_seen_is_left_out_and_said(tmp_path):
    certificate, _, end = make(tmp_path, 10)
    (tmp_path / "empty.crt").write_text("nothing")
    said = []
    found = certificates.ends(
        [str(certificate), str(tmp_path / "none.crt"), str(tmp_path / "empty.crt"), "127.0.0.1:1"],
        lambda place, problem: said.append(place),
    )
    assert found == {str(certificate): end}
    assert said == [str(tmp_path / "none.crt"), str(tmp_path / "empty.crt"), "127.0.0.1:1"]


def test_what_goes_out_names_the_first_and_fits_the_catalogue():
    found = {"kafka:9093": NOW + 40 * DAY_MS, "/tls.crt": NOW + 9 * DAY_MS}
    (_, thing, twin), (topic, _, reading) = certificates.records("berlin", found, NOW)
    assert thing == "racktwin.berlin:site-berlin"
    properties = json.loads(twin)["value"]["certificates"]["properties"]
    assert (properties["first"], properties["daysLeft"], properties["ends"]) == ("/tls.crt", 9.0, found)
    record = json.loads(reading)
    assert topic == "racktwin.readings.berlin"
    feature = resolve("site", record["feature"])
    assert feature is not None
    assert set(record["values"]) <= set(feature.by_name)
    assert set(properties) <= set(feature.by_name)


def test_listeners_that_are_reached_over_tls_are_watched_by_themselves():
    settings = AlertingSettings(
        kafka_security_protocol="SASL_SSL",
        kafka_bootstrap="k1:9093,k2:9093",
        ditto_url="https://ditto",
        alerting_certificates="/etc/tls.crt, mqtt:8883",
    )
    assert settings.certificate_places() == ["/etc/tls.crt", "mqtt:8883", "k1:9093", "k2:9093", "ditto:443"]
    assert AlertingSettings().certificate_places() == []
