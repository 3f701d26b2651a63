"""Settings of the optimiser."""

from __future__ import annotations

from pydantic import Field

from racktwin.settings import DittoSettings, KafkaSettings, ProcessSettings, SitesSettings


class OptimiserSettings(KafkaSettings, DittoSettings, SitesSettings, ProcessSettings):
    """How often rooms are looked at, and how careful their optimisation is."""

    optimiser_interval_s: float = Field(60.0, gt=0, le=3600, description="Time between two looks at a room (s).")
    optimiser_rci: float = Field(
        100.0, ge=90, le=100, description="Rack cooling index (high) that is kept; 100: no inlet above recommended (%)."
    )
    optimiser_margin_k: float = Field(
        0.2, ge=0, le=5, description="Distance to limits that is kept beside the model's own error (K)."
    )
    optimiser_instance: str = Field(
        "", description="Name of this optimiser, by which the guard tells it from another; a random one when empty."
    )
    optimiser_commands_subject: str = Field(
        "", description="Ditto subject that writes wishes in closed loop; empty: the site's commands integration."
    )
