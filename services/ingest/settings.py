"""Settings of ingest. Next: `ingest.__main__`."""

from __future__ import annotations

from pydantic import Field

from racktwin.settings import DittoSettings, KafkaSettings, ProcessSettings, SitesSettings


class IngestSettings(KafkaSettings, DittoSettings, SitesSettings, ProcessSettings):
    """What an operator of ingest may set."""

    ingest_group: str = Field(
        "racktwin-ingest",
        description="Kafka consumer group; replicas share it.",
    )
    ingest_ahead_s: int = Field(
        300,
        ge=0,
        description="Seconds that an observation may lie in the future before it is refused.",
    )
    ingest_behind_s: int = Field(
        7 * 86_400,
        ge=60,
        description="Seconds that an observation may lie in the past before it is refused.",
    )
    ingest_duplicate_window: int = Field(
        64,
        ge=1,
        le=4096,
        description="Readings remembered per thing and feature to recognise duplicates.",
    )
    ingest_waiting_mib: int = Field(
        32,
        ge=1,
        le=4096,
        description="MiB of messages about unknown things that may wait for Ditto before consuming pauses.",
    )
    ingest_directory_fresh_s: int = Field(
        300,
        ge=5,
        description="Seconds after which all things are read from Ditto again.",
    )
    twin_interval_critical_ms: int = Field(
        1000,
        ge=50,
        description="Milliseconds between two merges of a critical feature, and of one thing. A Site's own "
        "spec.intervals goes before this and the next.",
    )
    twin_interval_slow_ms: int = Field(
        300_000,
        ge=50,
        description="Milliseconds between two merges of a slow feature.",
    )
    twin_interval_overrides: dict[str, int] = Field(
        default_factory=dict, description='Milliseconds between two merges by feature name, as JSON: {"fans": 5000}.'
    )
    twin_interval_tolerance: float = Field(
        0.15,
        ge=0,
        le=0.5,
        description="Share by which intervals are taken shorter, so that jitter delays nothing.",
    )
    twin_linger_ms: int = Field(
        20,
        ge=0,
        le=1000,
        description="Milliseconds that a merge waits for the thing's other features of the same instant.",
    )
    twin_hold_ms: int = Field(
        30_000,
        ge=1000,
        description="Milliseconds after which a silent device's pending value is sent early; bounds repeats.",
    )
    twin_stale_intervals: float = Field(
        3.0,
        ge=0,
        description="Intervals (the feature's, or the device's own where it is longer) without a reading after which a "
        "feature's quality turns to stale; 0: never.",
    )
    twin_stale_grace_ms: int = Field(
        30_000,
        ge=0,
        description="Milliseconds granted instead while only one reading has come, so that no rhythm is known.",
    )
    twin_unheard_ms: int = Field(
        120_000,
        ge=0,
        description="Milliseconds to listen after a start before features that never came, and are as old on their "
        "twins, turn to stale; 0: never.",
    )
    twin_flow_group: str = Field(
        "racktwin-{site}-twin",
        description="Consumer group of Ditto's connection that reads the twin topic, {site} standing for the site; "
        "merges are held back to what it takes. Empty: send whatever is due.",
    )
    twin_flow_target_ms: int = Field(
        500,
        ge=100,
        description="Milliseconds' worth of merges that may wait for Ditto; what is more stays here, where newer "
        "values replace older ones.",
    )
    twin_flow_least: int = Field(
        1250,
        ge=1,
        description="Merges that may wait for Ditto in any case: more than it takes between two commits (1000).",
    )
    twin_flow_watch_ms: int = Field(
        100, ge=50, le=10_000, description="Milliseconds between two looks at how far Ditto is."
    )
