"""Settings of the runner. What belongs to the model (window, inputs, expiry) is not here but in the artefact."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from racktwin.settings import InfluxSettings, KafkaSettings, ProcessSettings, SitesSettings


class RunnerSettings(KafkaSettings, InfluxSettings, SitesSettings, ProcessSettings):
    """The runner's settings. With an InfluxDB token windows are restored from history, else read again from Kafka."""

    model_dir: Path = Field(Path("/models"), description="Folder with the trained model: model.onnx and model.json.")
    registry_url: str = Field(
        "",
        description="Registry to take the model from instead of a folder: a directory, or s3://bucket/prefix. A newly "
        "promoted version is taken up without a restart.",
    )
    model: str = Field("", description="Name of the model in the registry.")
    model_version: str = Field("current", description="Version to serve: current, or one to stay at.")
    model_contract: str = Field(
        "", description="What the model must read and say, as JSON: one that does not is refused."
    )
    consumer_group: str = Field("", description="Kafka's consumer group; default: racktwin-model-<name of the model>.")
    select_rooms: str = Field("", description="Serve things of these rooms alone, comma separated; default: of all.")
    select_rows: str = Field("", description="Serve things of these rows alone, comma separated; default: of all.")
    select_names: str = Field("", description="Serve things of these names alone, comma separated; default: all.")
    expiry_s: int | None = Field(
        None, gt=0, description="Seconds after which a prediction is taken off its twin; default: what the model says."
    )
    registry_poll_s: float = Field(10.0, gt=0, le=3600, description="Seconds between looks at the registry.")
    prediction_interval_s: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="Seconds between two predictions of the same thing. Each costs one merge per thing on the twin, so "
        "10,000 racks at 10 s are 1,000 merges/s: more than a Ditto takes.",
    )
    stale_after_s: float | None = Field(
        None,
        gt=0,
        description="Age in seconds of a channel's newest reading beyond which nothing is predicted from it; default: "
        "what the model says, and at least 3 intervals.",
    )
    max_batch: int = Field(512, ge=1, le=65536, description="Most things in one call of the model.")
    linger_ms: int = Field(
        40, ge=0, le=5000, description="How long a thing whose turn has come waits for others to share a call with."
    )
