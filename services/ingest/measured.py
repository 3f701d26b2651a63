"""What the decoders hand to cleaning: single measured values, and refusals.

Types only. Made by `ingest.flat`, `ingest.packs` and `ingest.envelopes`; used by `ingest.cleaning`.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Refusal(Exception):
    """A whole message is unusable. `reason` is the reject's code, `detail` names the field and what was expected."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Measured(msgspec.Struct, gc=False):
    """One value as a device named it: nothing about it has been checked.

    `feature` None means that the property alone was named and the thing's kind decides; `time` is epoch ms, None for
    "when it was sent"; `unit` None means "in the catalogue's unit".
    """

    thing: str
    feature: str | None
    property: str
    value: Any
    unit: str | None = None
    time: int | None = None
    seq: int | None = None
    quality: str | None = None


class BadRecord(msgspec.Struct):
    """One record of a message that is unusable by itself; the others beside it go on."""

    reason: str
    detail: str
    thing: str | None = None
    # The record alone, when a message held several; the reject then carries it instead of the whole message.
    payload: Any = None


class Decoded(msgspec.Struct):
    """What a payload held. `streams`: sequence numbers seen, each with the stream (thing or device id) that counts."""

    values: list[Measured]
    bad: list[BadRecord]
    streams: list[tuple[str, int]]
    # Whether the payload held records of their own (a pack), so that a reject can name the bad one alone.
    several: bool = False
