"""A process stands still for longer than Kafka's session timeout (10 s), and then goes on as if nothing had been."""

from __future__ import annotations

import os
import signal

from tests.faults.stage import Fault, Stage

_PAUSE_S = 16.0


def _paused(component: str) -> Fault:
    def inject(stage: Stage) -> None:
        pid = stage.pid(component)
        os.kill(pid, signal.SIGSTOP)
        try:
            stage.run_for(_PAUSE_S)
        finally:
            os.kill(pid, signal.SIGCONT)

    return Fault(f"{component} paused for {_PAUSE_S:.0f} s", inject, within_s=120)


FAULTS = [_paused(component) for component in ("ingest", "historian")]
