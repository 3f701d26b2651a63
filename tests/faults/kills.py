"""kill -9 of whatever has a process; the supervisor starts it again, nobody else helps."""

from __future__ import annotations

from tests.faults.stage import Fault, Stage


def _kill(component: str) -> Fault:
    def inject(stage: Stage) -> None:
        stage.run_for(3)
        stage.kill(component)

    # A broker or an adapter in Java takes its time to come up on a busy machine.
    return Fault(f"{component} killed with -9", inject, within_s=180)


FAULTS = [
    _kill(component)
    for component in (
        *("kafka", "ditto-lite", "ingest", "historian", "hono-bridge", "artemis", "hono-mqtt", "influxd"),
        *("definitions", "etcd", "kube-apiserver"),
    )
]
