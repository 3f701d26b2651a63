"""Settings of indices."""

from __future__ import annotations

from pydantic import Field

from racktwin.settings import DittoSettings, KafkaSettings, ProcessSettings, SitesSettings


class IndicesSettings(KafkaSettings, DittoSettings, SitesSettings, ProcessSettings):
    """What an operator of the indices may set. One process serves a site: a room's racks are on several partitions."""

    indices_every_s: float = Field(60.0, ge=1.0, description="Time between two computations of a room's indices (s).")
    indices_carbon_kg_per_kwh: float | None = Field(
        None, ge=0.0, description="Carbon intensity of the electricity (kg CO2 per kWh), for CUE; none when not set."
    )
    indices_water_l_per_kwh: float | None = Field(
        None,
        ge=0.0,
        description="Water that cooling evaporates per heat removed (L per kWh), for WUE; none when not set.",
    )
