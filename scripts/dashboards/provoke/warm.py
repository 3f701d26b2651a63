"""Waits until a plant's own start is out of sight of processes that look back in quicker time. Next: `run`.

Fans run up and rooms find their state in a plant's first minutes: a loss of air, to who looks for sudden ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final

# `upkeep` looks for sudden losses over three hours, here over a twenty-fourth of them; and the start itself.
OLD_ENOUGH_S: Final = 3 * 3600.0 / 24.0 + 120.0
_TELL_EVERY_S: Final = 60.0
_SILENT_S: Final = 45.0


def wait(
    ask: Callable[[str], list[Mapping[str, Any]]],
    site: str,
    say: Callable[[str], None],
    *,
    now_s: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once the site's cooling units have told of themselves for `OLD_ENOUGH_S`, or if none of them ever did."""
    found = ask(
        f'from(bucket: "{site}") |> range(start: -1h)'
        ' |> filter(fn: (r) => r._measurement == "cooling" and r.feature == "air" and r._field == "airflow")'
        ' |> group() |> aggregateWindow(every: 30s, fn: count, createEmpty: false, timeSrc: "_start")'
        ' |> keep(columns: ["_time"])'
    )
    if not found:
        return
    # Since it was last silent: a stack that was stopped keeps what an earlier plant told.
    times = sorted(row["_time"].timestamp() for row in found)
    began = next((late for early, late in reversed([*pairwise(times)]) if late - early > _SILENT_S), times[0])
    while (left := began + OLD_ENOUGH_S - now_s()) > 0:
        say(f"the plant began {now_s() - began:.0f} s ago: waiting {left:.0f} s, until what its start did is over")
        sleep(min(left, _TELL_EVERY_S))
