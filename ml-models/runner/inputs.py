"""Whether what the model is given is still like what it was trained on: counts what is served, and says so in the
registry now and then. The scorecard takes it into its verdict.

A sample of the calls is counted: one in `EVERY_MS`. Next: `models.shift`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from models.definition import Manifest
from models.shift import Shares, edges_in, verdict
from models.windows import FloatArray

EVERY_MS: Final = 1000
_NOTED_MS: Final = 60_000
# Racks of one room move together: within an hour or two their shares differ from those of many plants by chance.
_HALF_LIFE_MS: Final = 12 * 3_600_000
_LEAST_MS: Final = 6 * 3_600_000
_LEAST_ROWS: Final = 2000
# (version, epoch ms, how its inputs have moved, "" for not).
Note = Callable[[str, int, str], None]


class InputWatch:
    """Counts the inputs of one version. `note` is told once a minute, when enough was counted."""

    def __init__(self, manifest: Manifest, now_ms: int, note: Note | None) -> None:
        self._version = manifest.version
        self._shares = Shares(manifest.inputs, edges_in(manifest.training))
        self._note = note if len(self._shares) else None
        self._counted = self._noted = self._began = now_ms

    def saw(self, inputs: FloatArray, now_ms: int) -> None:
        """The rows of a call."""
        if self._note is None or 0 <= now_ms - self._counted < EVERY_MS:
            return
        self._counted = now_ms
        self._shares.add(inputs)
        since = now_ms - self._noted
        if 0 <= since < _NOTED_MS:
            return
        self._noted = now_ms
        if self._shares.rows >= _LEAST_ROWS and now_ms - self._began >= _LEAST_MS:
            self._note(self._version, now_ms, verdict(self._shares.indices()))
        self._shares.fade(0.5 ** (max(0, since) / _HALF_LIFE_MS))
