"""``python -m fidelity``. One thread for linear algebra, set before numpy is loaded: its matrices are small."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from fidelity.look import FidelityLooker
from fidelity.settings import FidelitySettings
from physics.watch import Watcher
from racktwin import names
from racktwin.ditto_client import DittoClient
from racktwin.kafka import SafeProducer, make_consumer, run_batches
from racktwin.process import Context, main


def run(settings: FidelitySettings, context: Context) -> None:
    """Follow each room with a twin, calibrate it from what it sees, and say on the twins how far to trust it."""
    sites = settings.site_list()
    watcher = Watcher(
        context,
        SafeProducer(settings),
        DittoClient(settings),
        FidelityLooker(settings, context.clock, context.log),
        every_s=settings.fidelity_every_s,
        # Calibrations of an earlier run are on the rooms' twins.
        fields="thingId,attributes,features/fidelity",
    )
    topics = (
        [names.topic_pattern("racktwin", ("readings",))]
        if sites is None
        else [names.own_topic("readings", site) for site in sites]
    )
    context.health.set_ready(True)
    run_batches(make_consumer(settings, "racktwin-fidelity"), topics, watcher, context)


if __name__ == "__main__":
    main("fidelity", FidelitySettings, run)
