"""Settings of the historian. Next: `historian.__main__`."""

from __future__ import annotations

from pydantic import Field

from racktwin.settings import InfluxSettings, KafkaSettings, ProcessSettings, SitesSettings


class HistorianSettings(KafkaSettings, InfluxSettings, SitesSettings, ProcessSettings):
    """What an operator of the historian may set."""

    historian_group: str = Field("racktwin-historian", description="Kafka consumer group; replicas share it.")
    historian_batch_lines: int = Field(5000, ge=1, le=100_000, description="Most lines in one write to InfluxDB.")
    historian_linger_ms: int = Field(
        200,
        ge=0,
        le=60_000,
        description="Longest time in milliseconds that a line waits for others before it is written.",
    )
    historian_retry_max_s: float = Field(
        10.0, ge=0.1, description="Longest pause in seconds between attempts while InfluxDB is away."
    )
