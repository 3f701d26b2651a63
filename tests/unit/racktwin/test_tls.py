"""Our listeners over TLS: a renewed certificate is taken up, and a client of another authority is none."""

import datetime as dt
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from provision import pki
from racktwin.health import Health, serve
from racktwin.tls import Certificate, certificate_of

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.make_authority("test", NOW)


def write(folder: Path, authority: pki.Authority, days: int) -> tuple[Path, Path]:
    data = pki.issue(authority, "localhost", ["localhost"], NOW, days)
    (folder / "tls.crt").write_bytes(data["tls.crt"])
    (folder / "tls.key").write_bytes(data["tls.key"])
    return folder / "tls.crt", folder / "tls.key"


def end_of(port: int, context: ssl.SSLContext) -> str:
    with urllib.request.urlopen(f"https://localhost:{port}/healthz", context=context, timeout=60) as answer:
        assert answer.status == 200
    with context.wrap_socket(
        __import__("socket").create_connection(("localhost", port)), server_hostname="localhost"
    ) as s:
        certificate = s.getpeercert()
        assert certificate is not None
        return str(certificate["notAfter"])


def test_health_answers_over_tls_and_takes_up_a_renewed_certificate(tmp_path, authority):
    certificate = Certificate(*write(tmp_path, authority, 10))
    server = serve(Health(), "127.0.0.1", 0, certificate=certificate)
    port = server.server_address[1]
    context = ssl.create_default_context(cadata=authority.data()["tls.crt"].decode())
    try:
        first = end_of(port, context)
        write(tmp_path, authority, 90)
        assert end_of(port, context) != first
        # Half a renewal must not take the listener down.
        (tmp_path / "tls.key").write_text("broken")
        assert end_of(port, context) != first
    finally:
        server.shutdown()


def test_a_client_that_does_not_trust_it_gets_nothing_and_harms_nobody(tmp_path, authority):
    server = serve(Health(), "127.0.0.1", 0, certificate=Certificate(*write(tmp_path, authority, 10)))
    port = server.server_address[1]
    try:
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(f"https://localhost:{port}/healthz", timeout=60)
        assert end_of(port, ssl.create_default_context(cadata=authority.data()["tls.crt"].decode()))
    finally:
        server.shutdown()


def test_certificate_and_key_come_together(tmp_path):
    assert certificate_of(None, None) is None
    with pytest.raises(ValueError, match="both or neither"):
        certificate_of(tmp_path / "tls.crt", None)
    with pytest.raises(OSError, match=r"tls\.crt"):
        certificate_of(tmp_path / "tls.crt", tmp_path / "tls.key")
