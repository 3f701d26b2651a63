"""Start of predictive maintenance: connect, look every few minutes."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from models.influx import InfluxError, InfluxReader
from models.registry import Registry
from models.wear import Finding
from racktwin import process
from racktwin.kafka import SafeProducer
from racktwin.process import Context
from upkeep.disks import Disks
from upkeep.model import Source
from upkeep.outbox import Record
from upkeep.past import LongPast
from upkeep.settings import UpkeepSettings
from upkeep.work import look

FINDINGS = Gauge("racktwin_upkeep_findings", "Things that need attention.", ["site", "state"])
FAILED = Counter("racktwin_upkeep_failed_total", "Looks that failed, as InfluxDB was away.")
_STEP_S = 1.0


def run(settings: UpkeepSettings, context: Context) -> None:
    """Find what wears: history from InfluxDB in, the twins' feature `maintenance` and its history out."""
    producer = SafeProducer(settings)
    interval_ms = round(settings.upkeep_interval_s * 1000)
    context.health.set_ready(True)
    disks = Disks()
    registry = Registry(settings.registry_url) if settings.registry_url else None
    source, long = Source(registry, context.clock, context.log), LongPast(settings.upkeep_long_days)

    def put(record: Record) -> None:
        producer.produce(*record)

    looked: int | None = None
    while not context.stop.wait(_STEP_S):
        context.health.heartbeat("look", 120.0)
        producer.poll()
        producer.check()
        now = context.clock()
        if looked is not None and 0 <= now - looked < interval_ms:
            continue
        looked = now
        try:
            with InfluxReader(settings) as reader:
                # All sites of a look are judged by one version.
                served = source.current()
                for site in settings.site_list() or reader.sites():
                    hours = settings.upkeep_history_hours
                    found = look(
                        reader,
                        site,
                        context.clock(),
                        hours,
                        put,
                        disks=disks,
                        lives_ms=settings.lives_ms(),
                        sudden_scale=settings.upkeep_sudden_scale,
                        served=served,
                        long=long,
                    )
                    _tell(site, found, context)
                    if long.problem:
                        context.log.info("days before the last week cannot be read", site=site, error=long.problem)
        except (InfluxError, ValueError) as error:
            # Looked at again in its own time: nothing wears within minutes.
            FAILED.inc()
            context.log.warning("history cannot be read", error=str(error))
    producer.flush(5.0)


def _tell(site: str, found: list[Finding], context: Context) -> None:
    for state in ("planned", "due"):
        FINDINGS.labels(site, state).set(sum(one.state == state for one in found))
    for one in found:
        context.log.info("wears", thing=one.thing, part=one.part, state=one.state, remaining_h=one.remaining_h)


def start() -> None:
    """Entry point of `python -m upkeep`."""
    process.main("upkeep", UpkeepSettings, run)
