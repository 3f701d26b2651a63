"""Settings of the optimiser."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from optimiser.prices import carbon_price
from racktwin.settings import DittoSettings, KafkaSettings, ProcessSettings, SitesSettings


class OptimiserSettings(KafkaSettings, DittoSettings, SitesSettings, ProcessSettings):
    """How often rooms are looked at, and how careful their optimisation is."""

    optimiser_interval_s: float = Field(60.0, gt=0, le=3600, description="Time between two looks at a room (s).")
    optimiser_rci: float = Field(
        100.0, ge=90, le=100, description="Rack cooling index (high) that is kept; 100: no inlet above recommended (%)."
    )
    optimiser_tariff_file: Path | None = Field(
        None,
        description="The price of electricity over time, per kWh: CSV (time, value) or JSON, read again when it "
        "changes. With it cost is kept low instead of energy.",
    )
    optimiser_carbon_file: Path | None = Field(
        None,
        description="The carbon of electricity over time, in the same form; its heading names the unit (time,g/kWh). "
        "Without a price it is kept low by itself.",
    )
    optimiser_carbon_price: str = Field(
        "", description="What carbon costs, for instance 80 EUR/t; joins carbon to the tariff as one cost."
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
        price = self.optimiser_carbon_price
        if price:
            carbon_price(price)
            if self.optimiser_carbon_file is None:
                raise ValueError("carbon price: set RACKTWIN_OPTIMISER_CARBON_FILE")
        elif self.optimiser_tariff_file is not None and self.optimiser_carbon_file is not None:
            raise ValueError("tariff and carbon: set RACKTWIN_OPTIMISER_CARBON_PRICE, for instance 80 EUR/t")
        return self
