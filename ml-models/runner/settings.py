"""Settings of the runner. What belongs to the model (window, inputs, expiry) is not here but in the artefact."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from racktwin.settings import KafkaSettings, ProcessSettings, SitesSettings


class RunnerSettings(KafkaSettings, SitesSettings, ProcessSettings):
    """The runner's settings."""

    model_dir: Path = Field(Path("/models"), description="Folder with the trained model: model.onnx and model.json.")
    prediction_interval_s: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="Seconds between two predictions of the same thing, made at multiples of it. Each costs one merge "
        "per thing on the twin, so 10,000 racks at 10 s are 1,000 merges/s: more than a Ditto takes.",
    )
    stale_after_s: float | None = Field(
        None,
        gt=0,
        description="Age in seconds of a channel's newest reading beyond which nothing is predicted from it; default: "
        "what the model says, and at least 3 intervals.",
    )
    max_batch: int = Field(512, ge=1, le=65536, description="Most things in one call of the model.")
