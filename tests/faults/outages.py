"""What readings need is away for long: InfluxDB stopped, InfluxDB's disk takes nothing, Ditto stopped."""

from __future__ import annotations

import resource

import psutil
from tests.faults.stage import Fault, Stage


def away(component: str, seconds: float) -> Fault:
    """A component that is stopped and started again after a while."""

    def inject(stage: Stage) -> None:
        stage.supervisor.stop(component)
        stage.run_for(seconds)
        stage.supervisor.start(component)

    return Fault(f"{component} down for {seconds:.0f} s", inject, within_s=180)


def _disk(stage: Stage) -> None:
    """No file of InfluxDB's may grow: what a full or read-only disk does to it, without another file system.

    It is restarted when the disk is back: InfluxDB 2.7 answers every write with 500 for as long as it lives once its
    write-ahead log has failed (seen here). In a cluster its liveness probe has to do that.
    """
    process = psutil.Process(stage.pid("influxd"))
    before = process.rlimit(resource.RLIMIT_FSIZE)
    process.rlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        stage.run_for(20)
    finally:
        if process.is_running():
            process.rlimit(resource.RLIMIT_FSIZE, before)
    stage.kill("influxd")


def faults(influx_s: float) -> list[Fault]:
    """All of them; InfluxDB's outage lasts `influx_s`."""
    return [
        away("influxd", influx_s),
        Fault("disk of influxd takes no writes for 20 s", _disk, within_s=180),
        away("ditto-lite", 20),
    ]
