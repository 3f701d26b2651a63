"""Settings of the historian. Next: `historian.__main__`."""

from __future__ import annotations

from pydantic import Field

from racktwin.settings import DittoSettings, InfluxSettings, KafkaSettings, ProcessSettings, SitesSettings


class HistorianSettings(KafkaSettings, InfluxSettings, DittoSettings, SitesSettings, ProcessSettings):
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
    history_full_days: int = Field(
        7,
        ge=0,
        description="Days that readings are kept as they came (at least as many as ingest takes); 0: for ever. "
        "A Site's own spec.history goes before this and the next two.",
    )
    history_1m_days: int = Field(90, ge=0, description="Days that means, minima and maxima of 1 min are kept.")
    history_15m_days: int = Field(1825, ge=0, description="Days that means, minima and maxima of 15 min are kept.")
    history_log_days: int = Field(1825, ge=0, description="Days that alerts, commands and people's actions are kept.")
    history_late_s: int = Field(
        240,
        ge=60,
        le=3600,
        description="Seconds that a reading may come late and still enter the means of 1 min for certain.",
    )
    history_upkeep_s: float = Field(
        300.0,
        ge=1,
        description="Seconds between two looks at retention, thinning tasks and their missed runs.",
    )
    history_of_sites: bool = Field(
        True, description="Ask Ditto for a Site's spec.history; false: these settings hold for every site."
    )
