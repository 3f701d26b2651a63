"""`python -m optimiser`: puts the parts together. Everything of substance is in the modules it imports."""

from __future__ import annotations

import time
import uuid
from typing import Any

from confluent_kafka.admin import AdminClient

from optimiser.prices import Series, carbon_price, file_of, together
from optimiser.settings import OptimiserSettings
from optimiser.work import Optimiser
from racktwin import names, process
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.kafka import SafeProducer, client_config
from racktwin.process import Context


def run(settings: OptimiserSettings, context: Context) -> None:
    """Look at every room, propose how its cooling is best set, and where it is told to, ask for it."""
    twins = DittoClient(settings)
    producer = SafeProducer(settings, linger_ms=0)
    admin = AdminClient(client_config(settings))
    writers: dict[str, DittoClient] = {}

    def wish(unit: str, desired: dict[str, Any]) -> None:
        site = names.site_of(unit)
        if site not in writers:
            subject = settings.optimiser_commands_subject or f"integration:racktwin-{site}-commands"
            writers[site] = DittoClient(settings.model_copy(update={"ditto_subject": subject}))
        path = f"/api/2/things/{unit}/features/control/desiredProperties"
        response = writers[site].request("PUT", path, json=desired)
        if not response.ok:
            raise DittoError(response.status_code, "", response.text[:200])

    tariff = file_of(settings.optimiser_tariff_file, "tariff")
    carbon = file_of(settings.optimiser_carbon_file, "carbon")
    price = carbon_price(settings.optimiser_carbon_price) if settings.optimiser_carbon_price else None

    def series() -> Series | None:
        return together(tariff(), carbon(), price)

    def sites() -> list[str]:
        chosen = settings.site_list()
        if chosen is not None:
            return chosen
        topics = admin.list_topics(timeout=10).topics
        return sorted(name[len("racktwin.twin.") :] for name in topics if name.startswith("racktwin.twin."))

    work = Optimiser(
        context,
        twins=twins,
        publish=producer.produce,
        wish=wish,
        instance=settings.optimiser_instance or f"optimiser-{uuid.uuid4().hex[:8]}",
        rci=settings.optimiser_rci,
        margin_k=settings.optimiser_margin_k,
        server_fans=settings.optimiser_server_fans,
        series=series,
        refused_s=settings.optimiser_refused_s,
    )
    context.health.set_ready(True)
    while not context.stop.is_set():
        began = time.monotonic()
        context.health.heartbeat("look", 300.0)
        try:
            for site in sites():
                work.look(site)
            context.health.set_ready(True, part="ditto")
        except DittoError as error:
            context.health.set_ready(False, str(error), part="ditto")
        producer.flush(5.0)
        context.stop.wait(max(0.0, settings.optimiser_interval_s - (time.monotonic() - began)))


if __name__ == "__main__":
    process.main("optimiser", OptimiserSettings, run)
