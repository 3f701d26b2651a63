"""psutil, asked so that what a platform lacks is simply not there. Next: `servertwin.log.sampler`.

psutil leaves out whole functions on some systems (no temperatures on Windows and macOS), answers None or nothing on
others (no disk counters in a container), and refuses where rights are missing. All of that is the same answer: None.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import psutil

# What psutil has not written for a platform is a RuntimeError too.
_LACKING = (AttributeError, OSError, RuntimeError, ValueError, psutil.Error)


class Probe:
    """``module`` is psutil; tests pass what another platform would have."""

    def __init__(self, module: ModuleType | Any = psutil) -> None:
        self.module = module
        # Functions that this platform does not have, so that they are not looked for each second.
        self._absent: set[str] = set()

    def ask(self, function: str, *args: Any, **options: Any) -> Any:
        """The answer of a function of psutil, or None where there is none."""
        if function in self._absent:
            return None
        found = getattr(self.module, function, None)
        if found is None:
            self._absent.add(function)
            return None
        try:
            answer = found(*args, **options)
        except _LACKING:
            return None
        return None if isinstance(answer, dict | list) and not answer else answer
