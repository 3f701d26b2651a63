"""How many runners a model should have, by how far they are behind. Pure but for what it remembers.

Up soon, down late: a runner that starts reads its windows first, so a second one that came and went with every burst
would cost more than it brings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

UP_AFTER_MS: Final = 20_000
DOWN_AFTER_MS: Final = 300_000
# With one runner fewer, each must still be at no more than this share of what asks for another.
_SLACK: Final = 0.5


@dataclass
class Scaler:
    """Remembers since when a model has wanted more, or fewer."""

    _wants: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def decide(
        self, model: tuple[str, str], lag: int | None, current: int, now_ms: int, *, least: int, most: int, each: int
    ) -> int:
        """The number of runners from now on. `lag` in readings, None where it is not known; `each`: readings behind
        for which one more is wanted."""
        held = min(max(current, least), most)
        if lag is None or least == most:
            self._wants.pop(model, None)
            return held
        wanted = held
        if lag > each * max(held, 1):
            wanted = min(most, -(-lag // each))
        elif held > least and lag <= _SLACK * each * (held - 1):
            wanted = held - 1
        if wanted == held:
            self._wants.pop(model, None)
            return held
        direction = 1 if wanted > held else -1
        since = self._wants.get(model)
        if since is None or since[0] != direction:
            self._wants[model] = (direction, now_ms)
            return held
        if now_ms - since[1] < (UP_AFTER_MS if direction > 0 else DOWN_AFTER_MS):
            return held
        # One step down at a time, each with a wait of its own.
        self._wants[model] = (direction, now_ms)
        return wanted

    def forget(self, model: tuple[str, str]) -> None:
        """The model is gone."""
        self._wants.pop(model, None)
