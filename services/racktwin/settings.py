"""Settings from the environment, typed, with defaults for a stack on loopback.

Each process combines the groups it needs: ``class IngestSettings(KafkaSettings, DittoSettings, ProcessSettings)``.
Every field has a description: ``--help`` of each process prints them. Next: :mod:`racktwin.process`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from racktwin.names import check_site


class Settings(BaseSettings):
    """Base of all settings: read from ``RACKTWIN_*`` alone, unknown names ignored."""

    model_config = SettingsConfigDict(env_prefix="RACKTWIN_", extra="ignore", frozen=True)


class ProcessSettings(Settings):
    """What every process has."""

    log_level: str = Field(
        "info",
        description="Least severe level that is logged: debug, info, warning, error.",
        pattern="^(debug|info|warning|error)$",
    )
    health_host: str = Field(
        "127.0.0.1", description="Address that /healthz, /readyz and /metrics listen on (0.0.0.0 in a pod)."
    )
    health_port: int = Field(
        0, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0 picks a free one."
    )
    health_tls_cert: Path | None = Field(
        None, description="PEM file of the certificate for /healthz, /readyz and /metrics; plain HTTP without one."
    )
    health_tls_key: Path | None = Field(None, description="PEM file of its key.")


class SitesSettings(Settings):
    """Which sites a process serves."""

    sites: str = Field("*", description="Sites to serve, comma separated, or * for every site whose topics exist.")

    @field_validator("sites")
    @classmethod
    def _known_form(cls, value: str) -> str:
        if value.strip() != "*":
            for site in value.split(","):
                check_site(site.strip())
        return value.strip()

    def site_list(self) -> list[str] | None:
        """The sites by name, or None for all of them."""
        return None if self.sites == "*" else [site.strip() for site in self.sites.split(",")]


class KafkaSettings(Settings):
    """How to reach Kafka."""

    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Bootstrap servers, comma separated host:port.")
    kafka_security_protocol: str = Field(
        "PLAINTEXT",
        description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.",
        pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$",
    )
    kafka_sasl_mechanism: str | None = Field(None, description="SASL mechanism, for instance SCRAM-SHA-512.")
    kafka_username: str | None = Field(None, description="SASL user name.")
    kafka_password: SecretStr | None = Field(None, description="SASL password.")
    kafka_ca_file: str | None = Field(None, description="PEM file of the CA that signed the brokers' certificates.")


class DittoSettings(Settings):
    """How to reach Ditto's HTTP API. Either a pre-authenticated subject (loopback) or a user behind nginx."""

    ditto_url: str = Field("http://127.0.0.1:8080", description="Base URL of Ditto, without /api/2.")
    ditto_subject: str | None = Field(
        None, description="Subject sent as x-ditto-pre-authenticated, for a Ditto that trusts its network."
    )
    ditto_user: str | None = Field(None, description="User for basic authentication.")
    ditto_password: SecretStr | None = Field(None, description="Password for basic authentication.")


class InfluxSettings(Settings):
    """How to reach InfluxDB 2."""

    influx_url: str = Field("http://127.0.0.1:8086", description="Base URL of InfluxDB.")
    influx_org: str = Field("racktwin", description="Organisation that owns the buckets.")
    influx_token: SecretStr = Field(SecretStr(""), description="API token.")
    influx_token_file: Path | None = Field(None, description="File that holds the API token, in place of the token.")

    @model_validator(mode="before")
    @classmethod
    def _token_from_file(cls, values: dict[str, Any]) -> dict[str, Any]:
        file = values.get("influx_token_file")
        if file and not values.get("influx_token"):
            try:
                values = values | {"influx_token": Path(file).read_text(encoding="utf-8").strip()}
            except OSError as error:
                raise ValueError(f"influx_token_file {file}: {error.strerror}") from error
        return values
