"""``python -m indices``."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from indices.look import IndicesLooker
from indices.settings import IndicesSettings
from physics.watch import Watcher
from racktwin import names
from racktwin.ditto_client import DittoClient
from racktwin.kafka import SafeProducer, make_consumer, run_batches
from racktwin.process import Context, main

RESULTS: Final = Counter("racktwin_indices_results_total", "Features of indices computed.", ["site", "room"])


def run(settings: IndicesSettings, context: Context) -> None:
    """Compute thermal and energy indices of rooms and racks from their newest readings, onto twins and into history."""
    sites = settings.site_list()
    looker = IndicesLooker(settings.indices_carbon_kg_per_kwh, settings.indices_water_l_per_kwh)
    watcher = Watcher(
        context,
        SafeProducer(settings),
        DittoClient(settings),
        looker,
        every_s=settings.indices_every_s,
        looked=lambda site, room, count: RESULTS.labels(site, room).inc(count),
    )
    topics = (
        [names.topic_pattern("racktwin", ("readings",))]
        if sites is None
        else [names.own_topic("readings", site) for site in sites]
    )
    context.health.set_ready(True)
    run_batches(make_consumer(settings, "racktwin-indices"), topics, watcher, context)


if __name__ == "__main__":
    main("indices", IndicesSettings, run)
