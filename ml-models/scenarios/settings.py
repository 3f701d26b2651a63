"""Settings of a scenario's Job: its input, InfluxDB, and Kafka for a replay."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from racktwin.settings import InfluxSettings, KafkaSettings, ProcessSettings


class ScenarioSettings(InfluxSettings, KafkaSettings, ProcessSettings):
    """Settings of a scenario's Job."""

    scenario_input: Path = Field(
        Path("input.json.gz"), description="What is asked: JSON, packed with gzip, as the operator writes it."
    )
    scenario_keep_days: int = Field(
        90, ge=1, description="Days that series and reports of scenarios are kept in their bucket."
    )
