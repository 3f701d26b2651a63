"""The busiest processes since the last look. The dear one: it reads every process, so it is done seldom.

Next: `servertwin.log.sampler`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from servertwin.log.groups import Values
from servertwin.log.probe import Probe


class Processes:
    """Names, shares of one core and resident memory of the ``top`` busiest processes, and how many run."""

    def __init__(self, probe: Probe, top: int) -> None:
        self._probe, self._top = probe, top
        # Seconds of processor time by process; a number that was given out anew has another time of creation.
        self._before: dict[tuple[int, float], float] = {}
        self._at: float | None = None

    def read(self, now: float) -> Values:
        listed = self._probe.ask("process_iter", ["pid", "name", "cpu_times", "memory_info", "create_time", "status"])
        if listed is None:
            return {}
        spent: dict[tuple[int, float], float] = {}
        known: dict[tuple[int, float], dict[str, Any]] = {}
        running = 0
        for process in listed:
            info = process.info
            times = info.get("cpu_times")
            # Without the right to look, psutil fills in None.
            if times is None:
                continue
            identity = (info["pid"], info.get("create_time") or 0.0)
            spent[identity] = times.user + times.system
            known[identity] = info
            running += info.get("status") == "running"
        before, self._before = self._before, spent
        at, self._at = self._at, now
        values: Values = {"processes/running": running}
        if at is None or now <= at:
            return values
        shares = {who: (seconds - before.get(who, 0.0)) / (now - at) for who, seconds in spent.items() if who in before}
        busiest = sorted((who for who in shares if shares[who] > 0), key=lambda who: -shares[who])[: self._top]
        for place, who in enumerate(busiest, 1):
            values[f"processes/top{place}"] = str(known[who].get("name") or "?")
            values[f"processes/top{place}Cpu"] = round(100.0 * shares[who], 2)
            memory = known[who].get("memory_info")
            if memory is not None:
                values[f"processes/top{place}Memory"] = memory.rss
        return values

    def more(self) -> Sequence[str]:
        places = range(1, self._top + 1)
        return [f"processes/top{place}{what}" for place in places for what in ("", "Cpu", "Memory")]
