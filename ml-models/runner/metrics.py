"""What the runner counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

PREDICTIONS = Counter("racktwin_predictions_total", "Predictions made.", ["model", "target"])
SKIPPED = Counter("racktwin_predictions_skipped_total", "Predictions not made when due.", ["model", "reason"])
BATCH = Histogram(
    "racktwin_model_batch_things", "Things in one call of the model.", buckets=(1, 2, 8, 32, 128, 512, 2048)
)
LATENCY = Histogram(
    "racktwin_reading_to_prediction_seconds",
    "From the observation of the newest input to the prediction; the oldest of each call.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60),
)
ROUND_SECONDS = Histogram(
    "racktwin_prediction_round_seconds",
    "Time to make the predictions of one round.",
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2),
)
THINGS = Gauge("racktwin_model_things", "Things that have a window.")
READINGS = Counter("racktwin_model_readings_total", "Values taken into windows, or why not.", ["outcome"])
MODEL = Gauge("racktwin_model_info", "1, with the model that is served.", ["model", "version"])
REFUSED = Counter("racktwin_model_refused_total", "Versions of a model that did not pass the checks.", ["model"])
