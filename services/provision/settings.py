"""Settings of the commands, from `RACKTWIN_*`; the chart's Jobs set them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from racktwin.settings import InfluxSettings, KafkaSettings, ProcessSettings, Settings


class CertificateSettings(Settings):
    """Which certificates there must be, and for how long."""

    provision_namespace: str = Field("default", description="Kubernetes namespace of the release.")
    provision_release: str = Field("racktwin", description="Name of the release; its Secrets begin with it.")
    provision_certificates: Path = Field(
        Path("certificates.yaml"), description="YAML: name of a certificate -> hosts, and workloads that use it."
    )
    provision_issuer: Literal["job", "cert-manager"] = Field(
        "job",
        description="Who issues: this command, or cert-manager; then this makes the trust store and rolls what must "
        "read a renewed one.",
    )
    provision_days: int = Field(90, ge=1, description="Days that a certificate is valid.")
    provision_renew_days: int = Field(40, ge=1, description="Days before its end that it is renewed.")
    provision_truststore_password: SecretStr = Field(SecretStr(""), description="Password of the Java trust store.")
    provision_ca_kafka: str = Field("", description="Secret with the authority of an external Kafka, in ca.crt.")
    provision_ca_mongodb: str = Field("", description="The same for an external MongoDB.")
    provision_ca_ditto: str = Field("", description="The same for an external Ditto.")
    provision_ca_hono: str = Field("", description="The same for an external Hono.")
    provision_ca_influxdb: str = Field("", description="The same for an external InfluxDB.")

    def authorities(self) -> dict[str, str]:
        """Secrets of external authorities by what they are for."""
        named = {
            "kafka": self.provision_ca_kafka,
            "mongodb": self.provision_ca_mongodb,
            "ditto": self.provision_ca_ditto,
            "hono": self.provision_ca_hono,
            "influxdb": self.provision_ca_influxdb,
        }
        return {use: secret for use, secret in named.items() if secret}


class KafkaAccessSettings(KafkaSettings):
    """Which users there must be at Kafka; the connection is an administrator's."""

    provision_access: Path = Field(Path("access.yaml"), description="YAML: user -> rules, see `provision.access`.")
    provision_users: Path = Field(Path("users"), description="Folder with a file per user that holds its password.")
    provision_wait_s: float = Field(300.0, gt=0, description="Seconds that Kafka may take to answer.")


class InfluxSetupSettings(InfluxSettings):
    """How InfluxDB is set up; the token is the administrator's, chosen beforehand."""

    provision_namespace: str = Field("default", description="Kubernetes namespace of the Secrets.")
    provision_secrets: str = Field("influxdb", description="First part of the names of the Secrets with tokens.")
    provision_password: SecretStr = Field(SecretStr(""), description="Password of the user admin.")
    provision_wait_s: float = Field(300.0, gt=0, description="Seconds that InfluxDB may take to answer.")


class ProbeSettings(InfluxSettings, ProcessSettings):
    """What the probe beside InfluxDB writes with."""

    probe_token_file: Path = Field(Path("token"), description="File with a token that may write to the bucket health.")
    probe_interval_s: float = Field(15.0, gt=0, description="Seconds between two writes.")
    probe_failing_s: float = Field(
        90.0, gt=0, description="Seconds without a successful write after which InfluxDB counts as failed."
    )


class BackupSettings(InfluxSettings):
    """What is backed up, and where to. What has no address is left out."""

    backup_dir: Path = Field(Path("/backup"), description="Folder that holds the backups, one folder each.")
    backup_mongodb_uri: SecretStr | None = Field(None, description="MongoDB, with a user who may back up and restore.")
    provision_namespace: str = Field("", description="Kubernetes namespace whose resources and Secrets are kept.")
    registry_url: str = Field(
        "", description="Model registry: a directory is backed up, an object store is left to who runs it."
    )
    influx_url: str = Field("", description="InfluxDB; the token must be the administrator's of its set-up.")
