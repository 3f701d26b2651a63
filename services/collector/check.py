"""``check``: tries each device once and says what would be sent. Nothing is sent, and nothing is taken for sent.

Used before a configuration is put to work, and when a device is silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import Sequence
from typing import Any, Final, cast

from collector.model import Listening, Polled, Previewed, Reading, speaks
from collector.runner import TROUBLE, reason_of
from collector.sources import Made
from racktwin.catalogue import feature_of
from racktwin.names import kind_of

_AT_ONCE: Final = 16
# A rate needs two looks.
_AGAIN_S: Final = 1.0
# What speaks by itself may take so long to say something.
_LISTEN_S: Final = 6.0
# Of recorded rows so many are shown whole; of those behind them only what none before had.
_ROWS_SHOWN: Final = 10


async def check(sources: Sequence[Made], listen_s: float = _LISTEN_S) -> list[dict[str, Any]]:
    """One row per source: name, protocol, ok, tookMs, readings, recorded (they have times of their own), missing,
    error, note.

    Of what is recorded, readings are all of the first rows, and of rows behind them what none before had.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(made: Made) -> dict[str, Any]:
        async with gate:
            return await _try(made, listen_s)

    return list(await asyncio.gather(*(one(made) for made in sources)))


async def _try(made: Made, listen_s: float) -> dict[str, Any]:
    began = time.monotonic()
    row: dict[str, Any] = {"name": made.name, "protocol": made.protocol, "ok": False}
    source = made.source
    # What stands for each of several may be there any number of times, or not at all.
    wanted = {(b.thing, b.feature, b.property) for b in getattr(source, "bindings", ()) if "{" not in b.feature}
    found: dict[tuple[str, str, str], Reading] = {}
    shown: list[Reading] = []
    try:
        if isinstance(source, Previewed):
            if not await _preview(source, found, shown, wanted):
                row["note"] = "everything there is was sent before"
                wanted = set()
        elif speaks(source):
            await _listen(source, found, wanted, listen_s)
        else:
            await _read(made, cast("Polled", source), found, wanted)
        row["ok"] = bool(found) or "note" in row
        if not row["ok"]:
            row["error"] = (
                "it answers, and has none of the values"
                if isinstance(source, Previewed) or not speaks(source)
                else (f"connected, and nothing came within {listen_s:.0f} s")
            )
    except TROUBLE as error:
        row["error"] = reason_of(error)
    finally:
        with contextlib.suppress(*TROUBLE):
            await source.close()
    row["tookMs"] = round((time.monotonic() - began) * 1000)
    row["readings"] = [
        {
            "thing": r.thing, "feature": r.feature, "property": r.property, "value": r.value, "unit": unit_of(r),
            "time": r.time,
        }
        for r in shown or found.values()
    ]  # fmt: skip
    row["recorded"] = bool(shown)
    row["missing"] = sorted(f"{thing} {feature}/{name}" for thing, feature, name in wanted - set(found))
    return row


async def _read(
    made: Made, source: Polled, found: dict[tuple[str, str, str], Reading], wanted: set[tuple[str, str, str]]
) -> None:
    for attempt in (1, 2):
        async with asyncio.timeout(made.options.timeout_s):
            for reading in await source.read(source.bindings):
                found[reading.thing, reading.feature, reading.property] = reading
        if attempt == 2 or wanted <= set(found):
            return
        await asyncio.sleep(_AGAIN_S)


async def _preview(
    source: Previewed,
    found: dict[tuple[str, str, str], Reading],
    shown: list[Reading],
    wanted: set[tuple[str, str, str]],
) -> int:
    """How many rows it looked at."""
    at = 0
    async with contextlib.aclosing(source.preview()) as rows:
        async for readings in rows:
            at += 1
            for reading in readings:
                key = (reading.thing, reading.feature, reading.property)
                if at <= _ROWS_SHOWN or key not in found:
                    shown.append(reading)
                found[key] = reading
            if at >= _ROWS_SHOWN and wanted <= set(found):
                break
    return at


async def _listen(
    source: Listening,
    found: dict[tuple[str, str, str], Reading],
    wanted: set[tuple[str, str, str]],
    listen_s: float,
) -> None:
    whole = asyncio.Event()

    def take(readings: Sequence[Reading]) -> None:
        for reading in readings:
            found[reading.thing, reading.feature, reading.property] = reading
        if wanted <= set(found):
            whole.set()

    listening = asyncio.ensure_future(source.listen(take))
    waiting = asyncio.ensure_future(whole.wait())
    try:
        await asyncio.wait({listening, waiting}, timeout=listen_s, return_when=asyncio.FIRST_COMPLETED)
        if listening.done() and not found:
            await listening
    finally:
        for task in (listening, waiting):
            task.cancel()
        await asyncio.gather(listening, waiting, return_exceptions=True)


def unit_of(reading: Reading) -> str | None:
    """UCUM unit of a reading; None for what has none."""
    feature = feature_of(kind_of(reading.thing), reading.feature)
    return feature.by_name[reading.property].unit if feature is not None else None


def text(rows: Sequence[dict[str, Any]]) -> str:
    """The rows for people."""
    lines = []
    for row in rows:
        state = "ok" if row["ok"] else "FAILS"
        lines.append(f"{state:<6}{row['name']}  ({row['protocol']}, {row['tookMs']} ms)")
        lines += [f"      {row[key]}" for key in ("error", "note") if row.get(key)]
        lines += [
            f"      {r['thing'].partition(':')[2]:<24} {r['feature'] + '/' + r['property']:<36} "
            f"{r['value']} {r['unit'] or ''}".rstrip()
            + (f"  {datetime.datetime.fromtimestamp(r['time'] / 1000, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}")
            * row["recorded"]
            for r in row["readings"]
        ]
        lines += [f"      {name.partition(':')[2]:<61} -" for name in row["missing"]]
    good = sum(row["ok"] for row in rows)
    lines.append(f"{good} of {len(rows)} sources answer, {sum(len(row['readings']) for row in rows)} values")
    return "\n".join(lines)
