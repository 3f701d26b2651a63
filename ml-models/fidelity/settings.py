"""Settings of fidelity."""

from __future__ import annotations

from pydantic import Field

from racktwin.settings import DittoSettings, KafkaSettings, ProcessSettings, SitesSettings


class FidelitySettings(KafkaSettings, DittoSettings, SitesSettings, ProcessSettings):
    """What an operator of the fidelity may set. One process serves a site: a room's racks are on several partitions."""

    fidelity_every_s: float = Field(60.0, ge=1.0, description="Time between two steps of a room's twin (s).")
    fidelity_publish_every: int = Field(5, ge=1, description="Steps between two publications of fidelity.")
    fidelity_first_calibration_h: float = Field(
        3.0, ge=3.0, description="Hours of history after which a room that has no calibration is calibrated."
    )
    fidelity_calibrate_every_h: float = Field(24.0, ge=1.0, description="Hours between two calibrations of a room.")
    fidelity_memory_h: float = Field(24.0, ge=3.0, description="Hours of history that a calibration is made from.")
    fidelity_time_scale: float = Field(
        1.0,
        gt=0,
        le=1,
        description="How far ahead forecasts are judged is multiplied by this: below 1, with as short a time between "
        "two steps, for demonstrations and tests. What is expected is then told to no model.",
    )
    fidelity_first_step: int = Field(4, ge=4, description="Step of a room's twin from which on its fidelity is told.")
    fidelity_kept_steps: int = Field(180, ge=20, le=10_000, description="Steps that its fidelity rests on.")
    fidelity_worse_factor: float = Field(
        1.5, gt=1.0, description="Error over that at calibration above which a room's twin counts as worse."
    )
