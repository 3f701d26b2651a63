"""What a way to Hono looks like to the pump. Types only. Next: `mqtt`, `http` and `amqp` beside this module."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol

from racktwin.device_credentials import Credentials, CredentialsMissing
from racktwin.outbox import Pack

# `acked` and `refused` (the message itself is unacceptable) carry the key that `send` gave, `again` one whose message
# shall be sent once more; `lost` and `denied` (the password) carry the reason.
What = Literal["connected", "acked", "refused", "again", "lost", "denied", "wake"]
Tell = Callable[[What, Any], None]


class Transport(Protocol):
    """One connection. Made anew for each attempt; everything it tells goes through ``tell``, from any thread."""

    hangs_up: bool
    """Whether the adapter answers a message that it does not like by ending the connection."""

    def open(self) -> None:
        """Begin to connect; ``connected`` or ``lost`` follows. Raises OSError."""

    def send(self, pack: Pack) -> Any:
        """Hand one message over; returns the key under which it is acknowledged."""

    def close(self) -> None:
        """End it; nothing is told any more."""


_KEYS: Final = {
    "host": "HOST", "port": "PORT", "username": "USERNAME", "password": "PASSWORD", "tenant": "TENANT",
    "deviceId": "DEVICE_ID", "httpUrl": "HTTP_URL", "tls": "TLS", "ca.crt": "CA_CERT",
}  # fmt: skip


class EnvironmentCredentials:
    """Credentials from environment variables of one prefix, for a box without mounted Secrets."""

    def read(self, name: str) -> Credentials:
        """``name`` is the prefix; a variable ``…_FILE`` names a file with the value instead."""
        data = {}
        for key, variable in _KEYS.items():
            path = os.environ.get(f"{name}_{variable}_FILE")
            if path:
                try:
                    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - as short as it gets
                        data[key] = file.read().strip()
                except OSError as error:
                    raise CredentialsMissing(f"{name}_{variable}_FILE {path}: {error.strerror}") from error
            elif f"{name}_{variable}" in os.environ:
                data[key] = os.environ[f"{name}_{variable}"]
        return Credentials.of(f"from {name}_*", data)
