"""Certificates of a stack: signed by its own authority, with the right names, renewed before they run out."""

import datetime as dt
import ipaddress
import stat
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local_stack.pki import Authority, signing_key

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_client_carries_its_name_and_groups(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "test", NOW)
    certificate = load(authority.issue("a", "someone", organisations=("g1", "g2")).certificate)
    certificate.verify_directly_issued_by(load(authority.pair.certificate))
    subject = certificate.subject
    assert [a.value for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["someone"]
    assert [a.value for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["g1", "g2"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_a_server_answers_to_its_names_and_addresses(tmp_path: Path) -> None:
    pair = Authority(tmp_path, "test", NOW).issue("s", "server", hosts=("127.0.0.1", "localhost"))
    names = load(pair.certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]


def test_certificates_are_kept_until_shortly_before_their_end(tmp_path: Path) -> None:
    def serial(now: dt.datetime) -> int:
        return load(Authority(tmp_path, "test", now).issue("a", "someone").certificate).serial_number

    first = serial(NOW)
    assert serial(NOW + dt.timedelta(days=300)) == first
    assert serial(NOW + dt.timedelta(days=340)) != first


def test_keys_are_private(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "test", NOW)
    pairs = [authority.pair, authority.issue("a", "x"), signing_key(tmp_path, "tokens")]
    for pair in pairs:
        assert stat.S_IMODE(pair.key.stat().st_mode) == 0o600


def test_a_signing_key_is_made_once(tmp_path: Path) -> None:
    first = signing_key(tmp_path, "tokens").key.read_bytes()
    assert signing_key(tmp_path, "tokens").key.read_bytes() == first
