"""Settings of predictive maintenance."""

from __future__ import annotations

from pydantic import Field

from racktwin.settings import InfluxSettings, KafkaSettings, ProcessSettings, SitesSettings


class UpkeepSettings(KafkaSettings, InfluxSettings, SitesSettings, ProcessSettings):
    """How often to look, and how far back."""

    upkeep_interval_s: float = Field(300.0, gt=0, le=86_400, description="Seconds between two looks at the history.")
    upkeep_history_hours: float = Field(
        168.0, gt=1, le=87_600, description="How far back wear is looked for, in hours; by means of an hour."
    )
    upkeep_sudden_scale: float = Field(
        1.0,
        ge=0.01,
        le=1,
        description="Every time of the look for sudden losses (means of two minutes, half an hour at least, three "
        "hours) is multiplied by this: below 1 for demonstrations and tests.",
    )
    upkeep_expiry_s: float = Field(
        3600.0,
        gt=0,
        le=604_800,
        description="Seconds after which a finding that was not repeated says nothing; at least 3 intervals.",
    )
    upkeep_long_days: int = Field(
        180,
        ge=1,
        le=180,
        description="How many days the maintenance model looks back, by means of a day; read piece by piece.",
    )
    registry_url: str = Field(
        "",
        description="Registry with the maintenance model: a directory, or s3://bucket/prefix. A newly promoted "
        "version is taken up without a restart; without a registry the plain trend judges alone.",
    )

    def lives_ms(self) -> int:
        """How long a finding holds."""
        return round(max(self.upkeep_expiry_s, 3 * self.upkeep_interval_s) * 1000)
