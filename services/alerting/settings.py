"""Settings of alerting."""

from __future__ import annotations

from pydantic import Field

from racktwin.settings import DittoSettings, KafkaSettings, ProcessSettings, SitesSettings


class AlertingSettings(KafkaSettings, DittoSettings, SitesSettings, ProcessSettings):
    """How often twins are judged."""

    alerting_every_s: float = Field(2.0, gt=0, le=60, description="Changed twins are judged this often (s).")
    alerting_all_every_s: float = Field(
        15.0, gt=0, le=600, description="All twins are judged this often, for what shows by silence (s)."
    )
    alerting_time_scale: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Every rule's waiting time is multiplied by this: less than 1 for demonstrations and tests.",
    )
