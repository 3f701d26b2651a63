"""Settings of the scorecard."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from racktwin.settings import KafkaSettings, ProcessSettings, SitesSettings


class ScorecardSettings(KafkaSettings, SitesSettings, ProcessSettings):
    """The scorecard's settings."""

    registry_url: str = Field(
        "", description="Registry whose versions are judged: a directory, or s3://bucket/prefix. Without one, scores "
        "are written and nothing is judged."
    )  # fmt: skip
    scorecard_models: str = Field("", description="Models that are scored, comma separated; default: all.")
    scorecard_interval_s: float = Field(
        60.0, gt=0, le=3600, description="Seconds between two writings of scores onto twins and into history."
    )
    scorecard_every_s: float = Field(
        0.0,
        ge=0,
        le=3600,
        description="Of each thing, target and horizon one prediction in so many seconds is scored; 0: every one. For "
        "sites whose predictions would take more memory than there is.",
    )
    scorecard_rewind_s: float = Field(
        2100.0,
        ge=0,
        le=86_400,
        description="Predictions and readings of so many seconds are read again at a start: the longest horizon and "
        "what comes late. What was not scored before then is not.",
    )
    scorecard_recent_s: float = Field(
        2700.0, ge=1, le=86_400, description="Half-life of the scores that a version's verdict rests on (s)."
    )
    scorecard_least: int = Field(
        200,
        ge=1,
        description="Scored predictions of a version before anything is said of it; of each thing, target and horizon "
        "one a minute counts, as what is said seconds later is much the same.",
    )
    scorecard_retrain: Literal["off", "process"] = Field(
        "off",
        description="What to do when a model drifts: nothing (an operator makes a Job), or start `python -m training` "
        "here.",
    )
    scorecard_retrain_every_s: float = Field(
        6 * 3600.0, gt=0, description="Seconds between two trainings of one model at least."
    )

    def models(self) -> frozenset[str] | None:
        """Models that are scored; None is all."""
        named = frozenset(name.strip() for name in self.scorecard_models.split(",") if name.strip())
        return named or None
