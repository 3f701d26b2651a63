"""What the scorecard counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

SCORED = Counter("racktwin_predictions_scored_total", "Predictions scored when their time had come.", ["model"])
UNSCORED = Counter(
    "racktwin_predictions_unscored_total", "Predictions without a reading at their time, or that came too late."
)
MALFORMED = Counter("racktwin_scorecard_malformed_total", "Records that could not be read.")
WAITING = Gauge("racktwin_predictions_waiting", "Predictions that wait for their time.")
SKILL = Gauge("racktwin_model_skill", "Recent skill against persistence.", ["model", "version"])
COVERAGE = Gauge("racktwin_model_coverage", "Recent share of truths inside their interval.", ["model", "version"])
