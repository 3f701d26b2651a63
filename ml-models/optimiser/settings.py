"""Settings of the optimiser."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from racktwin.settings import DittoSettings, KafkaSettings, ProcessSettings, SitesSettings


class OptimiserSettings(KafkaSettings, DittoSettings, SitesSettings, ProcessSettings):
    """How often rooms are looked at, and how careful their optimisation is."""

    optimiser_interval_s: float = Field(60.0, gt=0, le=3600, description="Time between two looks at a room (s).")
    optimiser_rci: float = Field(
        100.0, ge=90, le=100, description="Rack cooling index (high) that is kept; 100: no inlet above recommended (%)."
    )
    optimiser_objective: Literal["energy", "cost", "carbon"] = Field(
        "energy", description="What is kept low: cooling energy, its cost, or its carbon; the latter two need a series."
    )
    optimiser_series_file: Path | None = Field(
        None,
        description="The tariff or the carbon of electricity over time, per kWh: CSV (time, value) or JSON; read again "
        "when it changes.",
    )
    optimiser_server_fans: bool = Field(
        True, description="Whether what the servers' own fans draw counts: they run faster in warmer air."
    )
    optimiser_margin_k: float = Field(
        0.2, ge=0, le=5, description="Distance to limits that is kept beside the model's own error (K)."
    )
    optimiser_refused_s: float = Field(
        14_400.0,
        ge=0,
        le=604_800,
        description="How long what a person refused is not proposed again while the room stays as it is (s); what the "
        "guard or a unit refused, 15 min at the most.",
    )
    optimiser_instance: str = Field(
        "", description="Name of this optimiser, by which the guard tells it from another; a random one when empty."
    )
    optimiser_commands_subject: str = Field(
        "", description="Ditto subject that writes wishes in closed loop; empty: the site's commands integration."
    )

    @model_validator(mode="after")
    def _priced(self) -> OptimiserSettings:
        if self.optimiser_objective != "energy" and self.optimiser_series_file is None:
            raise ValueError(f"objective {self.optimiser_objective}: set RACKTWIN_OPTIMISER_SERIES_FILE")
        return self
