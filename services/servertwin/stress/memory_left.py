"""How much memory processes can still get, told without psutil where that is easy: a worker asks often.

Next: :mod:`servertwin.stress.loads`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_MEMINFO: Final = Path("/proc/meminfo")


def available() -> int | None:
    """Bytes; None where nobody says."""
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        import psutil  # noqa: PLC0415 - macOS and Windows
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)
