"""Disks by their SMART attributes, every few minutes and beside everything else. Next: `servertwin.log.sampler`.

Columns are ``drive.<disk>/<property>`` as in the catalogue. smartctl needs rights that the logger mostly has not: then
there are none, and a state says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from racktwin.smartctl import Disks, Watch
from servertwin.log.groups import Values

# How long the columns wait for the first answer (s); disks that are later are on the twin and not in the file.
_FIRST_S: Final = 10.0


class Drives:
    """All disks, each row in which there is news of them."""

    def __init__(self, every_s: float, look: Callable[[], Disks], say: Callable[[Disks], None]) -> None:
        """``look`` asks them and may take its time; ``say`` is told when it can no more, or can again."""
        self._watch = Watch(every_s, look, say)
        self._waiting: Values = {}

    def read(self, now: float) -> Values:
        values, self._waiting = self._waiting | _columns(self._watch.take(now)), {}
        return values

    def more(self) -> Sequence[str]:
        self._watch.wait(_FIRST_S)
        if self._watch.last is not None:
            # Whoever asks for columns has read before, and kept nothing of it: the first row is to have it.
            self._waiting = _columns(self._watch.last.disks)
        return tuple(self._waiting)


def _columns(disks: dict[str, dict[str, float | str]]) -> Values:
    return {f"{feature}/{name}": value for feature, told in disks.items() for name, value in told.items()}
