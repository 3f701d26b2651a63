"""Credentials from a mounted Secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from racktwin.device_credentials import Credentials, CredentialsMissing, SecretFiles

DATA = {
    "host": "127.0.0.1", "port": "1883", "username": "racktwin.t_gateway-gw-1@t", "password": "generated",
    "tenant": "t", "deviceId": "racktwin.t:gateway-gw-1", "httpUrl": "http://127.0.0.1:8080/",
}  # fmt: skip


def mount(folder: Path, data: dict[str, str]) -> SecretFiles:
    (folder / "s").mkdir()
    for key, value in data.items():
        (folder / "s" / key).write_text(value + "\n")
    return SecretFiles(folder)


def test_read_from_files(tmp_path: Path) -> None:
    found = mount(tmp_path, DATA).read("s")
    assert (found.port, found.http_url, found.device_id) == (1883, "http://127.0.0.1:8080", "racktwin.t:gateway-gw-1")


def test_a_password_is_never_printed() -> None:
    assert "generated" not in repr(Credentials.of("s", DATA))


def test_a_secret_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CredentialsMissing, match="gateway-gw-1-device"):
        SecretFiles(tmp_path).read("gateway-gw-1-device")


@pytest.mark.parametrize(("change", "message"), [({"port": "x"}, "port"), ({"password": None}, "password")])
def test_an_incomplete_secret_names_the_key(tmp_path: Path, change: dict[str, str | None], message: str) -> None:
    data = {key: value for key, value in {**DATA, **change}.items() if value is not None}
    with pytest.raises(CredentialsMissing, match=message):
        mount(tmp_path, data).read("s")


def test_a_secret_of_an_installation_with_tls() -> None:
    assert (Credentials.of("s", DATA).tls, Credentials.of("s", DATA).authority) == (False, None)
    found = Credentials.of("s", {**DATA, "tls": "true", "ca.crt": "PEM"})
    assert (found.tls, found.authority) == (True, "PEM")
