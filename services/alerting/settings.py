"""Settings of alerting."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field

from racktwin.settings import DittoSettings, InfluxSettings, KafkaSettings, ProcessSettings, SitesSettings


class AlertingSettings(KafkaSettings, DittoSettings, InfluxSettings, SitesSettings, ProcessSettings):
    """How often twins are judged, and where their history is."""

    alerting_every_s: float = Field(2.0, gt=0, le=60, description="Changed twins are judged this often (s).")
    alerting_all_every_s: float = Field(
        15.0, gt=0, le=600, description="All twins are judged this often, for what shows by silence (s)."
    )
    alerting_time_scale: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Every time that rules know (waiting, silence, looking back) is multiplied by this: below 1 for "
        "demonstrations and tests.",
    )
    alerting_calm_scale: float | None = Field(
        None,
        gt=0,
        le=1,
        description="How long something must be well before its alert is over is multiplied by this instead; default: "
        "by the time scale. For where that is short and a model finds things in its own time, whose verdict wavers.",
    )
    alerting_certificates: str = Field(
        "",
        description="Certificates to watch, comma separated: PEM files, and host:port of listeners. Besides those that "
        "Kafka and Ditto show where they are reached over TLS.",
    )
    alerting_certificates_every_s: float = Field(
        3600.0, gt=0, le=86_400, description="Time between two looks at the certificates (s)."
    )
    influx_url: str = Field(
        "",
        description="Base URL of InfluxDB, where it is looked which alerts are open in history alone; a token that may "
        "read is enough. Without it, an alert stays open in history whose thing is deleted while alerting is down.",
    )
    alerting_history_after_s: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="It is looked for them so long after alerting begins with a site (s): what was written just before "
        "has then come to InfluxDB.",
    )
    alerting_history_every_s: float = Field(
        3600.0, gt=0, le=86_400, description="Time between two such looks from then on (s)."
    )

    def certificate_places(self) -> list[str]:
        """Files and listeners whose certificates are watched."""
        places = [place.strip() for place in self.alerting_certificates.split(",") if place.strip()]
        if self.kafka_security_protocol.endswith("SSL"):
            places += [server.strip() for server in self.kafka_bootstrap.split(",")]
        ditto = urlsplit(self.ditto_url)
        if ditto.scheme == "https" and ditto.hostname:
            places.append(f"{ditto.hostname}:{ditto.port or 443}")
        return list(dict.fromkeys(places))
