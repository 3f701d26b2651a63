"""The configuration file: who we are, how to Hono, how much to keep, and which devices. Typed; wrong fields are named.

Next: `collector.sources` makes sources of the entries.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import yaml

from collector.model import ConfigError
from racktwin.names import ThingId, check_site

_GATEWAY: Final = "gateway-"


class Uplink(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The way to Hono. ``credentials`` is a folder with the keys of the gateway's Secret as files; ``credentials_env``
    a prefix of environment variables instead (``PREFIX_HOST``, ``…_PORT``, ``…_USERNAME``, ``…_PASSWORD``,
    ``…_TENANT``, ``…_DEVICE_ID``, ``…_HTTP_URL``). ``amqp`` is ``host:port`` of Hono's AMQP adapter.
    """

    protocol: Literal["mqtt", "http", "amqp"] = "mqtt"
    credentials: str = ""
    credentials_env: str = ""
    amqp: str = ""
    amqp_tls: bool = True
    ca_file: str = ""
    window: int = 100
    max_bytes: int = 2000
    """Largest message; Hono's adapters take 2,048 bytes unless told otherwise."""
    ack_timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if bool(self.credentials) == bool(self.credentials_env):
            raise ValueError("expected credentials (a folder) or credentialsEnv (a prefix), one of the two")
        if self.protocol == "amqp" and ":" not in self.amqp:
            raise ValueError("expected amqp: host:port of Hono's AMQP adapter")
        if not 1 <= self.window <= 10_000 or self.max_bytes < 500:
            raise ValueError("expected window from 1 to 10000 and maxBytes of at least 500")


class Store(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What is kept on disk until Hono has it, at most ``max_mb``. When that is full, ``drop`` says what goes.

    ``newest`` keeps the oldest until Hono has it and takes nothing new meanwhile; ``oldest`` keeps the latest.
    """

    directory: str
    max_mb: float = 256.0
    drop: Literal["newest", "oldest"] = "newest"

    def __post_init__(self) -> None:
        if self.max_mb < 0.1:
            raise ValueError("expected store.maxMb of at least 0.1")


class Interval(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Seconds between two samples of critical and of slow values."""

    critical: float = 1.0
    slow: float = 300.0

    def __post_init__(self) -> None:
        if min(self.critical, self.slow) < 0.1:
            raise ValueError("expected intervals of at least 0.1 s")


class Common(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What every entry of ``collectors`` may say."""

    name: str
    protocol: str
    interval: Interval = msgspec.field(default_factory=Interval)
    timeout_s: float = 2.0
    backoff_max_s: float = 60.0
    folder: str = ""
    """Where the configuration lies, for paths in it; set on loading."""

    def __post_init__(self) -> None:
        if self.timeout_s <= 0 or self.backoff_max_s < 1:
            raise ValueError("expected timeoutS above 0 and backoffMaxS of at least 1")


class Target(Common, kw_only=True):
    """An entry, or one of its devices, that speaks of one thing.

    ``thing`` is ``<kind>-<name>`` of this site, or a whole thing id. ``feed`` A or B: the device is that feed of a
    rack. ``sensor``: the place of the rack (top, bottom, rear-top, …) that it measures.
    """

    thing: str
    feed: str = ""
    sensor: str = ""


class Config(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The whole file. ``gateway`` is the name of one of the Site's gateways; it speaks for the devices."""

    site: str
    gateway: str
    uplink: Uplink
    store: Store
    collectors: list[dict[str, Any]]
    folder: str = ""
    """Where the file lies, for the paths in it; set on loading."""

    @property
    def gateway_id(self) -> str:
        """Device id of the gateway."""
        return full_id(self.site, _GATEWAY + self.gateway.removeprefix(_GATEWAY))


def full_id(site: str, thing: str) -> str:
    """A whole thing id from ``<kind>-<name>`` or from itself.

    Raises:
        ValueError: it is neither.
    """
    return str(ThingId.parse(thing if ":" in thing else f"racktwin.{site}:{thing}"))


def load(path: Path) -> Config:
    """Read the file.

    Raises:
        ConfigError: it cannot be read, or a field is wrong.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    try:
        config = msgspec.convert(document, Config)
        check_site(config.site)
        config.gateway_id  # noqa: B018 - raises for a name that cannot be one
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not config.collectors:
        raise ConfigError(f"{path}: collectors: expected at least one entry")
    config.folder = str(path.resolve().parent)
    return config


def devices_of(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The devices of an entry, those of its table (``devicesFile``, CSV with a header) behind them.

    Raises:
        ConfigError: the table cannot be read.
    """
    devices = list(entry.get("devices") or [])
    table = entry.get("devicesFile")
    if table:
        path = Path(str(table))
        try:
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    devices.append({key.strip(): value.strip() for key, value in row.items() if key and value})
        except OSError as error:
            raise ConfigError(f"devicesFile {path}: {error.strerror}") from error
    return devices
