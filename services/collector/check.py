"""``check``: tries each device once and says what would be sent. Nothing is sent.

Used before a configuration is put to work, and when a device is silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final, cast

from collector.model import Listening, Polled, Reading, speaks
from collector.runner import TROUBLE, reason_of
from collector.sources import Made
from racktwin.catalogue import feature_of
from racktwin.names import kind_of

_AT_ONCE: Final = 16
# A rate needs two looks.
_AGAIN_S: Final = 1.0
# What speaks by itself may take so long to say something.
_LISTEN_S: Final = 6.0


async def check(sources: Sequence[Made], listen_s: float = _LISTEN_S) -> list[dict[str, Any]]:
    """One row per source: name, protocol, ok, tookMs, readings, missing, error."""
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
    try:
        if speaks(source):
            await _listen(source, found, wanted, listen_s)
        else:
            await _read(made, cast("Polled", source), found, wanted)
        row["ok"] = bool(found)
        if not found:
            row["error"] = (
                "it answers, and has none of the values"
                if not speaks(source)
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
        for r in found.values()
    ]  # fmt: skip
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
        if row.get("error"):
            lines.append(f"      {row['error']}")
        lines += [
            f"      {r['thing'].partition(':')[2]:<24} {r['feature'] + '/' + r['property']:<36} "
            f"{r['value']} {r['unit'] or ''}".rstrip()
            for r in row["readings"]
        ]
        lines += [f"      {name.partition(':')[2]:<61} -" for name in row["missing"]]
    good = sum(row["ok"] for row in rows)
    lines.append(f"{good} of {len(rows)} sources answer, {sum(len(row['readings']) for row in rows)} values")
    return "\n".join(lines)
