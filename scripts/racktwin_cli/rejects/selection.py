"""Which dead letters are meant: by reason, device, and not replayed yet. Pure.

A reject is named by the record that it came from, and that record's topic, partition and offset; one record can have
several rejects (one for each reason and thing), so the reason and the first of the payload's digest complete the name.
Next: `racktwin_cli.rejects.replay`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from racktwin.messages import Reject


@dataclass(frozen=True, slots=True)
class Letter:
    """A reject as it lies on its topic; `at_ms` is when it was written (epoch ms)."""

    reject: Reject
    at_ms: int
    replayed: bool = False

    @property
    def id(self) -> str:
        """Its name: the same as often as it is read."""
        return letter_id(self.reject)


def letter_id(reject: Reject) -> str:
    """Name of a reject: ``<topic>/<partition>@<offset>#<digest of reason and payload>``."""
    digest = hashlib.sha256(f"{reject.reason}\0{reject.payload}".encode()).hexdigest()[:8]
    return f"{reject.topic}/{reject.partition}@{reject.offset}#{digest}"


def distinct(letters: Iterable[Letter]) -> list[Letter]:
    """One letter per name, the first: an ingest that was killed writes its last rejects again."""
    found: dict[str, Letter] = {}
    for letter in letters:
        found.setdefault(letter.id, letter)
    return list(found.values())


def chosen(letters: Iterable[Letter], reasons: Iterable[str] = (), devices: Iterable[str] = ()) -> list[Letter]:
    """Those of any of the reasons and any of the devices; no reasons or no devices means all.

    A device is named by its id or by the end of it: ``rack-r1``.
    """
    wanted, from_devices = frozenset(reasons), tuple(devices)
    return [
        letter
        for letter in letters
        if (not wanted or letter.reject.reason in wanted)
        and (not from_devices or any(_is(letter.reject, device) for device in from_devices))
    ]


def _is(reject: Reject, device: str) -> bool:
    sender = reject.device or reject.key or ""
    return sender == device or sender.endswith(f":{device}")
