"""Settings of the guard."""

from __future__ import annotations

from pydantic import Field

from racktwin import names
from racktwin.settings import DittoSettings, KafkaSettings, ProcessSettings, SitesSettings


class GuardSettings(KafkaSettings, DittoSettings, SitesSettings, ProcessSettings):
    """What the guard reads, how long it waits, and what it allows beside the units' own limits."""

    guard_group: str = Field("racktwin-guard", description="Consumer group of the guard.")
    guard_answer_s: float = Field(10.0, gt=0, description="How long a device may take to answer (s).")
    guard_attempts: int = Field(3, ge=1, le=20, description="How often a command is sent that nobody answers.")
    guard_report_s: float = Field(
        60.0, gt=0, description="Within this time reports must show what a command without answer asked for (s)."
    )
    guard_reread_s: float = Field(
        15.0, gt=0, description="How often all cooling units are read again: twin events may be lost (s)."
    )
    guard_stale_s: float = Field(
        120.0, gt=0, description="After this time without optimiser or data a unit goes back to local control (s)."
    )
    guard_trusted_subjects: str = Field(
        names.OPERATOR_SUBJECT,
        description="Ditto subjects, with commas between, that sign people in themselves and are believed when they "
        "say who asks or approves (the console). Of every other subject the subject itself counts as the person.",
    )
    guard_rate_per_min: int = Field(6, ge=1, description="Commands a minute to one unit that may lessen its cooling.")
    guard_interlock_s: float = Field(
        600.0, gt=0, description="While a unit has failed, two others are not lessened within this time (s)."
    )
    guard_margin_k: float = Field(
        0.5, ge=0, description="Distance to the allowable limit that forecasts must keep, beside the model's error (K)."
    )
