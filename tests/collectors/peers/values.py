"""What the peers measure: slow waves, so that values change and stay where they are possible."""

from __future__ import annotations

import math
import time


def wave(mean: float, swing: float, device: int, period_s: float = 60.0) -> float:
    """A value now, of a device by number."""
    return mean + swing * math.sin(2 * math.pi * (time.time() / period_s + device / 17))
