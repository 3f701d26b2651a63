"""Start of the runner: load and check the model, connect, run."""

from __future__ import annotations

from models.definition import ModelError
from racktwin import names, process
from racktwin.kafka import SafeProducer, make_consumer, run_batches
from racktwin.process import Context, Fatal
from runner import predictor as predictors
from runner.settings import RunnerSettings
from runner.work import RunnerWork


def run(settings: RunnerSettings, context: Context) -> None:
    """Serve one trained model: readings from Kafka in, predictions onto twins and the predictions topic out."""
    try:
        predictor = predictors.load(settings.model_dir)
    except ModelError as error:
        raise Fatal(f"model refused: {error}") from error
    definition = predictor.manifest.definition
    context.log.info(
        "model loaded", model=definition.name, version=predictor.manifest.version, folder=str(settings.model_dir)
    )
    sites = settings.site_list()
    topics = (
        [names.topic_pattern("racktwin", ("readings",))]
        if sites is None
        else [names.own_topic("readings", site) for site in sites]
    )
    # The shortest session that brokers allow by default: after a crash nobody predicts until it has run out.
    # Predictions are made every few seconds, so the broker may gather readings: fewer requests for it and us.
    consumer = make_consumer(
        settings,
        f"racktwin-model-{definition.name}",
        session_timeout_ms=6000,
        heartbeat_interval_ms=1500,
        fetch_min_bytes=65_536,
        fetch_wait_max_ms=100,
    )
    work = RunnerWork(settings, context, predictor, consumer, SafeProducer(settings))
    context.health.set_ready(True)
    context.health.set_ready(False, "no partitions assigned yet", part="kafka")
    run_batches(consumer, topics, work, context)


def start() -> None:
    """Entry point of `python -m runner`."""
    process.main("runner", RunnerSettings, run)
