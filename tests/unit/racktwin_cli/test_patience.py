"""How long the doctor waits for the next sighting of its reading, and for a model whose turn comes later."""

from __future__ import annotations

import pytest

from racktwin_cli.doctor.evidence import Hop, Influx
from racktwin_cli.doctor.examination import awaited, patience_s
from racktwin_cli.doctor.target import PREDICTION_INTERVAL_S
from runner.settings import RunnerSettings


@pytest.mark.parametrize(
    ("missing", "interval_s", "waits_s"),
    [
        ({Hop.HONO, Hop.INGEST, Hop.PREDICTION, Hop.PREDICTED_TWIN}, 10.0, 15.0),
        ({Hop.INGEST, Hop.PREDICTION}, 60.0, 15.0),
        ({Hop.HISTORY, Hop.PREDICTION}, 60.0, 125.0),
        ({Hop.TWIN, Hop.PREDICTION, Hop.PREDICTED_TWIN}, 10.0, 25.0),
        ({Hop.TWIN, Hop.PREDICTED_TWIN}, 60.0, 15.0),
        ({Hop.HISTORY}, 60.0, 15.0),
        ({Hop.PREDICTION, Hop.PREDICTED_TWIN}, 10.0, 25.0),
        ({Hop.PREDICTED_TWIN}, 60.0, 125.0),
        ({Hop.PREDICTION}, 2.0, 15.0),
    ],
)
def test_predictions_that_can_be_made_may_take_as_long_as_their_models_interval(
    missing: set[Hop], interval_s: float, waits_s: float
) -> None:
    assert patience_s(missing, 15.0, interval_s) == waits_s


def test_the_interval_taken_for_granted_is_the_runners() -> None:
    assert RunnerSettings.model_fields["prediction_interval_s"].default == PREDICTION_INTERVAL_S


@pytest.mark.parametrize(
    ("status", "waits"), [(None, True), (0, True), (200, True), (401, False), (403, False), (404, True), (503, True)]
)
def test_a_token_that_influxdb_refuses_is_not_waited_for(status: int | None, waits: bool) -> None:
    influx = None if status is None else Influx(status)
    missing = awaited((Hop.ADAPTER, Hop.TWIN, Hop.HISTORY), {Hop.ADAPTER}, influx)
    assert missing == ({Hop.TWIN, Hop.HISTORY} if waits else {Hop.TWIN})
