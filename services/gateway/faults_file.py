"""Faults of the simulated plant, as a file that whoever drives a demonstration or test writes.

A JSON list of faults (see :mod:`physics.faults`); what is not in it any more is mended. A file outlives a restart and
can be a mounted ConfigMap. Next: :class:`gateway.fleet.Fleet`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from physics import faults
from physics.faults import Fault


class FaultsFile:
    """The faults in a file, read again when it changes. Without a path there are none."""

    def __init__(self, path: Path | None, clock: Callable[[], int], log: structlog.stdlib.BoundLogger) -> None:
        """``clock`` gives epoch milliseconds."""
        self._path, self._clock, self._log = path, clock, log
        self._seen: tuple[int, int] | None = None
        self._faults: list[Fault] = []

    def read(self) -> list[Fault]:
        """Faults at present. A file that cannot be read leaves those of before, with one line in the log."""
        if self._path is None:
            return []
        try:
            stat = self._path.stat()
            seen = stat.st_mtime_ns, stat.st_size
            if seen == self._seen:
                return self._faults
            self._seen = seen
            found = [faults.from_dict(entry) for entry in json.loads(self._path.read_text())]
        except FileNotFoundError:
            found, self._seen = [], None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            self._log.warning("faults not read, going on with those known", file=str(self._path), reason=str(error))
            return self._faults
        # Without a start it begins now, and goes on as it began while the file still has it.
        before = {replace(fault, start_s=float("-inf")): fault for fault in self._faults}
        now_s = self._clock() / 1000.0
        found = [
            before.get(fault, replace(fault, start_s=now_s)) if fault.start_s == float("-inf") else fault
            for fault in found
        ]
        if found != self._faults:
            self._log.info("faults", faults=[f"{fault.kind} {fault.target}".strip() for fault in found])
        self._faults = found
        return found
