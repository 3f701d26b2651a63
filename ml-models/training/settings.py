"""Settings of training: where recorded history is, and where artefacts go."""

from __future__ import annotations

import os
from pathlib import Path

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
    registry_url: str = Field(
        "", description="Registry that a trained model is published to, and promoted in if it passes the gate."
    )
