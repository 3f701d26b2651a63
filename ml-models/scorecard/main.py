"""Start of the scorecard: connect, run."""

from __future__ import annotations

from models.registry import Registry, RegistryError
from racktwin import names, process
from racktwin.kafka import SafeProducer, make_consumer, run_batches
from racktwin.process import Context, Fatal
from scorecard.settings import ScorecardSettings
from scorecard.tallies import Tallies
from scorecard.verdicts import Verdicts, start_training
from scorecard.work import ScorecardWork


def run(settings: ScorecardSettings, context: Context) -> None:
    """Score predictions: predictions and readings from Kafka in, scores onto twins, history and the registry out."""
    sites = settings.site_list()
    topics = (
        [names.topic_pattern("racktwin", ("readings", "predictions"))]
        if sites is None
        else [names.own_topic(what, site) for site in sites for what in ("readings", "predictions")]
    )
    tallies = Tallies(round(settings.scorecard_recent_s * 1000))
    verdicts = None
    if settings.registry_url:
        try:
            registry = Registry(settings.registry_url)
        except RegistryError as error:
            raise Fatal(str(error)) from error
        train = start_training(settings.registry_url) if settings.scorecard_retrain == "process" else None
        every_ms = round(settings.scorecard_retrain_every_s * 1000)
        verdicts = Verdicts(registry, tallies, context, train, every_ms, least=settings.scorecard_least)
        verdicts.begin(settings.models())
    consumer = make_consumer(settings, "racktwin-scorecard")
    interval_ms = round(settings.scorecard_interval_s * 1000)
    work = ScorecardWork(
        context,
        consumer,
        SafeProducer(settings),
        tallies,
        verdicts,
        interval_ms=interval_ms,
        least=settings.scorecard_least,
        rewind_ms=round(settings.scorecard_rewind_s * 1000),
        models=settings.models(),
        every_ms=round(settings.scorecard_every_s * 1000),
    )
    context.health.set_ready(True)
    run_batches(consumer, topics, work, context)


def start() -> None:
    """Entry point of `python -m scorecard`."""
    process.main("scorecard", ScorecardSettings, run)
