"""One look at a site's history: what wears, told for every thing that was looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from models.influx import InfluxError
from models.maintenance.features import CALLED
from models.maintenance.serve import Served
from models.wear import Finding
from upkeep.disks import Disks
from upkeep.judge import SUDDEN, findings
from upkeep.judge import calm_hour as calm_hour_of
from upkeep.outbox import Record, records
from upkeep.past import LongPast, pasts
from upkeep.series import Reader, Thing, read

_COARSE_S = 3600
_FINE_S = 120
_FINE_SPAN_S = 3 * 3600
_KINDS = ("cooling", "server")


def look(
    reader: Reader,
    site: str,
    now_ms: int,
    history_hours: float,
    put: Callable[[Record], None],
    *,
    disks: Disks,
    lives_ms: int,
    sudden_scale: float = 1.0,
    served: Served | None = None,
    long: LongPast | None = None,
) -> list[Finding]:
    """Judges a site, hands every record to `put`; the findings, worst first. `disks` remembers what it saw of disks,
    `long` what things did before the last week; `served` judges the parts at which it is better than the trend; a
    finding holds for `lives_ms`; `sudden_scale` multiplies the times of the look for sudden losses.

    Raises:
        InfluxError: InfluxDB cannot be reached or refuses.
    """
    now_s = now_ms // 1000
    # Whole cells alone: the mean of one that has just begun is of what happened to come.
    cell, span = round(_FINE_S * sudden_scale) or 1, round(_FINE_SPAN_S * sudden_scale)
    end, fine_end = now_s // _COARSE_S * _COARSE_S, now_s // cell * cell
    coarse = read(reader, site, begin=end - round(history_hours * 3600), end=end, every=_COARSE_S)
    fine = read(reader, site, begin=fine_end - span, end=fine_end, every=cell, kinds=_KINDS)
    calm = calm_hour_of(coarse)
    learnt: dict[str, list[Finding]] = {}
    if served is not None:
        learnt = _by_model(reader, site, coarse, end * 1000, calm_hour=calm, served=served, long=long or LongPast())
    left = frozenset(called for part, called in CALLED.items() if served is None or part not in served.serves)
    slow = findings(coarse, now_ms, calm_hour=calm, parts=left)
    sudden = findings(fine, now_ms, calm_hour=calm, demand=replace(SUDDEN, hours=SUDDEN.hours * sudden_scale))
    looked = disks.look(reader, site, now_ms, history_hours, calm)
    told = []
    for name, thing in sorted({**looked.servers, **coarse, **fine}.items()):
        if thing.kind not in _KINDS:
            continue
        others = (slow.get(name), sudden.get(name), looked.findings.get(name))
        all_of_it = [*learnt.get(name, ()), *(one for one in others if one is not None)]
        worst = max(all_of_it, key=lambda one: (one.state == "due", one.score), default=None)
        for record in records(name, thing, worst, now_ms, lives_ms):
            put(record)
        if worst is not None:
            told.append(worst)
    return sorted(told, key=lambda one: -one.score)


def _by_model(
    reader: Reader, site: str, coarse: dict[str, Thing], end_ms: int, *, calm_hour: int, served: Served, long: LongPast
) -> dict[str, list[Finding]]:
    """What the model says of a site's cooling units and servers."""
    try:
        long.look(reader, site, end_ms)
    except InfluxError as error:
        # A site whose days are not kept: the last week's are known all the same.
        long.problem = str(error)
    found: dict[str, list[Finding]] = {}
    for names, past in pasts(coarse, long, site, end_ms).values():
        found |= served.findings(names, past, end_ms=end_ms, begin_hour=calm_hour)
    return found
