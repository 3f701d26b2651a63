"""Settings of training: where recorded history is, and where artefacts go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from racktwin.settings import InfluxSettings, ProcessSettings, SitesSettings


def default_folder() -> Path:
    """Where artefacts go unless told otherwise: beside Racktwin's other builds."""
    home = os.environ.get("RACKTWIN_HOME")
    return (Path(home) if home else Path.home() / ".cache" / "racktwin") / "models"


class TrainingSettings(InfluxSettings, SitesSettings, ProcessSettings):
    """Settings of training."""

    models_dir: Path = Field(
        default_factory=default_folder,
        description="Folder that gets one folder per trained model, unless --out names another.",
    )
    gate_promote: Literal["auto", "never"] = Field(
        "auto", description="Let a version that passes the gate serve, or leave that to a person."
    )
    gate_least_skill: float = Field(0.0, ge=-1, le=1, description="Skill that a version must exceed to serve.")
    gate_coverage_tolerance: float = Field(
        0.05, gt=0, le=0.5, description="How far the coverage of its intervals may be from what they promise."
    )
    gate_margin: float = Field(
        0.0, ge=0, lt=1, description="By which share its error must be smaller than that of the version that serves."
    )
    registry_url: str = Field(
        "", description="Registry that a trained model is published to, and promoted in if it passes the gate."
    )
