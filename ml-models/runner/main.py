"""Start of the runner: load and check the model, connect, run."""

from __future__ import annotations

import time

from models.definition import ModelError
from models.influx import InfluxError, InfluxReader
from models.registry import RegistryError
from racktwin import names, process
from racktwin.kafka import SafeProducer, make_consumer, run_batches
from racktwin.process import Context, Fatal
from runner import metrics, restore
from runner.intake import Intake
from runner.settings import RunnerSettings
from runner.source import ModelSource
from runner.work import RunnerWork


def run(settings: RunnerSettings, context: Context) -> None:
    """Serve one trained model: readings from Kafka in, predictions onto twins and the predictions topic out."""
    try:
        source = ModelSource(settings, context)
        predictor = source.first()
    except ModelError as error:
        # The operator looks for these words.
        raise Fatal(f"model refused: {error}") from error
    except RegistryError as error:
        raise Fatal(f"no model to serve: {error}") from error
    definition = predictor.manifest.definition
    context.log.info("model loaded", model=definition.name, version=predictor.manifest.version)
    sites = settings.site_list()
    topics = (
        [names.topic_pattern("racktwin", ("readings",))]
        if sites is None
        else [names.own_topic("readings", site) for site in sites]
    )
    consumer = make_consumer(
        settings,
        settings.consumer_group or f"racktwin-model-{definition.name}",
        # The shortest session that brokers allow by default: after a crash nobody predicts until it has run out.
        session_timeout_ms=6000,
        heartbeat_interval_ms=1500,
        # The broker may gather readings for a moment: fewer requests for it and us.
        fetch_min_bytes=65_536,
        fetch_wait_max_ms=50,
    )
    with_history = bool(settings.influx_token.get_secret_value())

    def restored(intake: Intake, of_sites: list[str]) -> bool:
        """Windows from InfluxDB; without it they come from Kafka, which costs an hour of reading and no correctness."""
        began = time.monotonic()
        try:
            with InfluxReader(settings) as reader:
                for site in of_sites:
                    now = context.clock()
                    used = intake.restore(restore.history(reader, site, definition, now), now)
                    metrics.READINGS.labels("restored").inc(used)
                    seconds = round(time.monotonic() - began, 2)
                    context.log.info("windows restored", site=site, things=len(intake), values=used, seconds=seconds)
        except (InfluxError, ValueError) as error:
            context.log.warning("windows cannot be restored from history, reading Kafka again", error=str(error))
            return False
        return True

    work = RunnerWork(
        settings,
        context,
        predictor,
        consumer,
        SafeProducer(settings),
        restore=restored if with_history else None,
        update=source.update,
        paused=lambda: source.paused,
        moved=source.moved if settings.registry_url else None,
    )
    context.health.set_ready(True)
    context.health.set_ready(False, "no partitions assigned yet", part="kafka")
    run_batches(consumer, topics, work, context, wait_s=min(0.05, max(0.005, settings.linger_ms / 1000)))


def start() -> None:
    """Entry point of `python -m runner`."""
    process.main("runner", RunnerSettings, run)
