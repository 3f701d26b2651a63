"""SenML pack -> measured values (RFC 8428; names ``[<thing>/]<feature>/<property>``).

Pure; resolving base fields is `racktwin.senml`'s. A record named ``seq`` numbers the pack for the sending device,
``<thing>/seq`` the readings of that thing; with a time of its own it numbers those of that time.
Next: `ingest.cleaning`.
"""

from __future__ import annotations

from typing import Final

from ingest.intake import Inbound
from ingest.measured import BadRecord, Decoded, Measured, Refusal
from racktwin import senml

SEQ: Final = "seq"
_NAMES_KEPT: Final = 200_000
# (thing or None, feature or None, property) per name that can be read.
_Parts = tuple[str | None, str | None, str]
_names: Final[dict[str, _Parts]] = {}


def decode(message: Inbound) -> Decoded:
    """Read a pack. One bad record is among `bad`; the others are among `values`.

    Raises:
        Refusal: `malformed_json`, the pack cannot be read at all.
    """
    values: list[Measured] = []
    bad: list[BadRecord] = []
    numbers: dict[tuple[str | None, int | None], int] = {}
    device = message.device
    names = _names
    try:
        for record in senml.resolve(senml.decode(message.payload), message.received_at):
            if record.problem is not None:
                bad.append(BadRecord(record.reason, record.problem, _thing_of(record.name), [_alone(record)]))
                continue
            name = record.name
            parts = names.get(name) or _remember(name)
            if parts is None:
                detail = f"name {name[:120]!r}: expected [<thing>/]<feature>/<property>"
                bad.append(BadRecord("unknown_property", detail, None, [_alone(record)]))
                continue
            thing, feature, prop = parts
            if prop == SEQ:
                _number(record, thing, numbers, bad)
                continue
            values.append(Measured(thing or device, feature, prop, record.value, record.unit, record.time))
    except senml.BadPack as error:
        raise Refusal("malformed_json", f"SenML: {error}") from error
    streams = _apply_numbers(values, numbers, device) if numbers else []
    return Decoded(values, bad, streams, several=True)


def _apply_numbers(
    values: list[Measured], numbers: dict[tuple[str | None, int | None], int], device: str
) -> list[tuple[str, int]]:
    """Give each value its sequence number: that of its thing and time, else of its thing, else of the pack."""
    for value in values:
        seq = numbers.get((value.thing, value.time))
        if seq is None:
            seq = numbers.get((value.thing, None))
            if seq is None:
                seq = numbers.get((None, None))
        value.seq = seq
    seen = {(thing or device, seq) for (thing, _), seq in numbers.items()}
    return sorted(seen, key=lambda stream: stream[1])


def _number(
    record: senml.Resolved, thing: str | None, numbers: dict[tuple[str | None, int | None], int], bad: list[BadRecord]
) -> None:
    value = record.value
    if isinstance(value, float) and value.is_integer() and 0 <= value < 2**53:
        seq = int(value)
        if thing is None:
            numbers[None, None] = seq
        else:
            # Several numbers of one thing in a pack: each belongs to its own instant, the last one to the rest.
            numbers[thing, record.time] = seq
            numbers[thing, None] = seq
    else:
        detail = f"{record.name}: expected a whole number from 0 to 2^53"
        bad.append(BadRecord("not_a_number", detail, thing, [_alone(record)]))


def _remember(name: str) -> _Parts | None:
    """Split a name once; the same few come again and again."""
    if len(_names) >= _NAMES_KEPT:
        _names.clear()
    parts = name.split("/")
    thing = parts.pop(0) if ":" in parts[0] else None
    if len(parts) == 1 and parts[0]:
        found: _Parts = (thing, None, parts[0])
    elif len(parts) == 2 and all(parts):
        # "<thing>/<feature>/seq" numbers the thing as well: a device has one counter.
        found = (thing, None if parts[1] == SEQ else parts[0], parts[1])
    else:
        return None
    _names[name] = found
    return found


def _thing_of(name: str) -> str | None:
    head = name.partition("/")[0]
    return head if ":" in head else None


def _alone(record: senml.Resolved) -> dict[str, object]:
    """The record by itself as SenML, so that a reject can be read and sent again without its pack."""
    alone: dict[str, object] = {"n": record.name, "t": record.time / 1000}
    if record.unit is not None:
        alone["u"] = record.unit
    value = record.value
    if isinstance(value, bool):
        alone["vb"] = value
    elif isinstance(value, str):
        alone["vs"] = value
    elif value is not None:
        # JSON has no NaN; the text shows what came.
        alone["v"] = value if abs(value) < float("inf") else str(value)
    return alone
