"""`python -m exporter`: puts the parts together."""

from __future__ import annotations

import threading
import time
from itertools import chain

from prometheus_client import Counter, Histogram

from exporter import server
from exporter.render import scrape
from exporter.settings import ExporterSettings
from racktwin import process
from racktwin.process import Context, Fatal
from racktwin.tls import certificate_of
from racktwin.twin_feed import TwinFeed

SCRAPES = Counter("racktwin_exporter_scrapes_total", "Scrapes of twins.", ["status"])
SECONDS = Histogram(
    "racktwin_exporter_scrape_seconds", "Time to write one scrape.", buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
)
BYTES = Histogram("racktwin_exporter_scrape_bytes", "Size of one scrape.", buckets=(1e4, 1e5, 1e6, 1e7, 1e8))


class Twins:
    """The fleets, and a scrape of them. The lock is held while either is touched."""

    def __init__(self, settings: ExporterSettings, context: Context) -> None:
        self._kinds = frozenset(kind.strip() for kind in settings.exporter_kinds.split(","))
        self._context = context
        self._lock = threading.Lock()
        self.feed = TwinFeed(
            settings, settings, settings.site_list(), name="exporter", call=self._call, on_change=self._changed
        )

    def text(self, openmetrics: bool) -> bytes | None:
        """A scrape, or None while twins were never read."""
        if self.feed.state == "starting":
            return None
        started = time.monotonic()
        with self._lock:
            things = chain.from_iterable(fleet.things.values() for fleet in self.feed.fleets.values())
            body = scrape(things, self._kinds, self._context.clock(), openmetrics=openmetrics)
            for fleet in self.feed.fleets.values():
                # What changed is nobody's question here.
                fleet.drain()
        SECONDS.observe(time.monotonic() - started)
        BYTES.observe(len(body))
        return body

    def _call(self, function: object, *arguments: object) -> None:
        assert callable(function)
        with self._lock:
            function(*arguments)

    def _changed(self) -> None:
        self._context.health.set_ready(self.feed.state == "live", f"twins: {self.feed.state}", part="twins")


def run(settings: ExporterSettings, context: Context) -> None:
    """Answer Prometheus' scrapes with what twins show now."""
    twins = Twins(settings, context)
    try:
        listener = server.create(
            (settings.exporter_host, settings.exporter_port),
            twins.text,
            settings.token(),
            lambda status: SCRAPES.labels(str(status)).inc(),
            certificate_of(settings.exporter_tls_cert, settings.exporter_tls_key),
        )
    except (OSError, ValueError) as error:
        raise Fatal(f"{settings.exporter_host}:{settings.exporter_port}: {error}; see RACKTWIN_EXPORTER_*") from error
    context.health.set_ready(False, "twins: starting", part="twins")
    context.health.set_ready(True)
    twins.feed.start()
    thread = threading.Thread(target=listener.serve_forever, name="scrapes", daemon=True)
    thread.start()
    context.log.info("serving", host=settings.exporter_host, port=listener.server_address[1])
    try:
        while not context.stop.is_set() and thread.is_alive():
            context.health.heartbeat("serve", 60.0)
            context.stop.wait(1.0)
    finally:
        listener.shutdown()
        listener.server_close()
        twins.feed.stop()


def main() -> None:
    """Run the exporter."""
    process.main("exporter", ExporterSettings, run)
