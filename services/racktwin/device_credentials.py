"""A device's connection data to Hono, from the Secret that the operator made, mounted as files.

The Kubernetes API as a source is the gateway's own. Used by the gateway and by the collectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class CredentialsMissing(Exception):
    """The Secret is not there or incomplete; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a device reaches Hono. ``username`` is ``<auth-id>@<tenant>``."""

    host: str
    port: int
    username: str
    password: str
    tenant: str
    device_id: str
    http_url: str
    tls: bool = False
    """Whether the MQTT adapter wants TLS."""
    authority: str | None = None
    """PEM of the adapters' authority, where it is not a public one."""

    def __repr__(self) -> str:
        return f"Credentials({self.username} at {self.host}:{self.port})"

    @classmethod
    def of(cls, name: str, data: Mapping[str, str]) -> Credentials:
        """From a Secret's decoded data.

        Raises:
            CredentialsMissing: a key is not there, or the port is not a number.
        """
        try:
            return cls(
                host=data["host"],
                port=int(data["port"]),
                username=data["username"],
                password=data["password"],
                tenant=data["tenant"],
                device_id=data["deviceId"],
                http_url=data["httpUrl"].rstrip("/"),
                tls=data.get("tls") == "true",
                authority=data.get("ca.crt"),
            )
        except KeyError as error:
            raise CredentialsMissing(f"Secret {name}: key {error.args[0]} is missing") from error
        except ValueError as error:
            raise CredentialsMissing(f"Secret {name}: port {data['port']!r}: expected a number") from error


class CredentialSource(Protocol):
    """Where credentials are read anew before each connection, so that a rotated password is taken up."""

    def read(self, name: str) -> Credentials:
        """Credentials from the Secret of that name.

        Raises:
            CredentialsMissing: not there yet, incomplete, or not readable.
        """


class SecretFiles:
    """Secrets as files ``<directory>/<name>/<key>``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, name: str) -> Credentials:
        folder = self._directory / name
        if not folder.is_dir():
            raise CredentialsMissing(f"Secret {name}: no directory of that name is mounted")
        files = {p.name: p.read_text().strip() for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")}
        return Credentials.of(name, files)
