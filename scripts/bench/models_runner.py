"""`python -m runner` as a process of the models' benchmark."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from bench.models_offer import SITE


class Runner:
    """`python -m runner` on the bench's topics."""

    def __init__(self, bootstrap: str, folder: Path, log: Path, **settings: str) -> None:
        environment = {
            **os.environ,
            "RACKTWIN_KAFKA_BOOTSTRAP": bootstrap,
            "RACKTWIN_SITES": SITE,
            "RACKTWIN_MODEL_DIR": str(folder),
            "RACKTWIN_LOG_LEVEL": "warning",
            "OPENBLAS_NUM_THREADS": "1",
            **settings,
        }
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runner"], env=environment, stdout=output, stderr=output
            )
        self._log = log
        self._watched = psutil.Process(self._process.pid)

    def cpu_s(self) -> float:
        """Processor time so far. Raises SystemExit when it ended."""
        if self._process.poll() is not None:
            raise SystemExit(f"bench: the runner ended: {self._log.read_text()[-800:]}")
        times = self._watched.cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        """Memory now."""
        return float(self._watched.memory_info().rss) / 1e6

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)
