"""Settings of the notifier."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from notify import signing
from racktwin.settings import KafkaSettings, ProcessSettings, SitesSettings


class NotifySettings(KafkaSettings, SitesSettings, ProcessSettings):
    """Where events go, which, and how hard it is tried."""

    notify_url: str = Field("", description="Where events are posted to; https, but on loopback.")
    notify_secret: SecretStr = Field(
        SecretStr(""), description="Secret that requests are signed with (HMAC-SHA256), at least 16 characters."
    )
    notify_secret_file: Path | None = Field(None, description="File with that secret; wins over it.")
    notify_token_file: Path | None = Field(
        None, description="File with a bearer token for the receiver, if it wants one."
    )
    notify_plain_http: bool = Field(
        False, description="Allow http to other machines: everybody on the way reads along."
    )
    notify_features: str = Field(
        "alerts,anomaly,maintenance,control,@attributes,@life",
        description="Features whose changes are sent, comma separated; * stands for any characters, @attributes for "
        "attributes, @life for things that come and go. `*` sends every change of every twin, many a second.",
    )
    notify_kinds: str = Field("*", description="Kinds of twins, comma separated: rack, server, cooling, room, gateway.")
    notify_group: str = Field("racktwin-notify", description="Consumer group; another for each further receiver.")
    notify_lanes: int = Field(4, ge=1, le=64, description="Requests under way at a time; a twin keeps to one lane.")
    notify_queue: int = Field(2000, ge=1, description="Events that wait in memory; beyond, Kafka keeps them.")
    notify_tries: int = Field(10, ge=1, le=1000, description="Attempts before an event is put aside.")
    notify_first_wait_s: float = Field(1.0, gt=0, description="Wait after the first failure, doubled each time (s).")
    notify_longest_wait_s: float = Field(60.0, gt=0, description="The longest such wait (s).")
    notify_timeout_s: float = Field(10.0, gt=0, description="Time that an answer may take (s).")

    def secret(self) -> str:
        """The secret, from its file where there is one.

        Raises:
            OSError: the file cannot be read.
            ValueError: there is none, or it is too short to be one.
        """
        secret = self.notify_secret.get_secret_value()
        if self.notify_secret_file is not None:
            secret = self.notify_secret_file.read_text(encoding="utf-8").strip()
        signing.headers(secret, "", 0, b"")
        if len(secret) < 16:
            raise ValueError("RACKTWIN_NOTIFY_SECRET(_FILE): expected at least 16 characters")
        return secret

    def checked_url(self) -> str:
        """The receiver's address.

        Raises:
            ValueError: it is none, or would be reached without encryption.
        """
        parts = urlsplit(self.notify_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("RACKTWIN_NOTIFY_URL: expected https://host/path")
        if parts.scheme == "http" and not self.notify_plain_http and not _loopback(parts.hostname):
            raise ValueError(
                "RACKTWIN_NOTIFY_URL: http to another machine; use https, or RACKTWIN_NOTIFY_PLAIN_HTTP=true"
            )
        return self.notify_url


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
