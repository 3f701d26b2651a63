"""What a decision on a wish looks at, and what comes of it. Pure. Next: :mod:`guard.rules` decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from guard.state import Room, Unit
from racktwin.commands import Wish

# Differences below this are none.
EPSILON: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Policy:
    """What the guard allows beside the units' own limits."""

    per_unit_per_min: int = 6
    """Commands to one unit within a minute that may lessen cooling."""
    any_per_unit_per_min: int = 20
    """Commands to one unit within a minute of any kind."""
    interlock_ms: int = 600_000
    """How long a lessened unit counts as being lessened while another has failed."""
    fan_burst_percent: float = 30.0
    """Fan speed that may be taken off at once, in percentage points; more follows at the unit's rate."""
    racks_known: float = 0.9
    """Share of the room's racks whose inlets must be known before cooling is lessened."""
    optimiser_stale_ms: int = 120_000
    margin_k: float = 0.5
    """Distance to the allowable limit that a forecast must keep, beside the model's own error."""


@dataclass(frozen=True, slots=True)
class Past:
    """A command that was let through; an amount that is not known (None) counts as all that may be taken at once."""

    thing: str
    digest: str
    at: int
    less: bool
    setpoint_up_k: float | None = 0.0
    fan_down: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which rule, in words, and by how much (in the rule's unit; None where there is no amount)."""

    rule: str
    detail: str
    by: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a wish."""

    outcome: Literal["approved", "refused", "awaiting approval"]
    refusal: Refusal | None = None
    less: bool = False
    setpoint_up_k: float = 0.0
    fan_down: float = 0.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a model expects at one inlet within the horizon, with a command and without it (°C)."""

    rack: str
    place: str
    peak: float
    low: float
    peak_without: float
    low_without: float
    allowable_high: float
    allowable_low: float


# Room, values per unit (all that stand, and the wish), now -> forecasts. Margins are the rule's business.
Outlook = Callable[[Room, str, Mapping[str, float]], Iterable[Forecast]]


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a decision looks at."""

    wish: Wish
    unit: Unit
    room: Room
    past: tuple[Past, ...]
    now: int
    policy: Policy
    outlook: Outlook
    forgotten: tuple[str, int] | None = None
    """Why `past` may lack commands, and until when (epoch ms)."""

    @property
    def confirmed(self) -> bool:
        """Whether a person has confirmed; a program cannot."""
        return self.wish.request.confirm and self.wish.request.origin != "optimiser"

    def change(self, name: str) -> float | None:
        """Wished minus present value of a set-point; 0 when it is not wished, None when the present is not known."""
        wished = self.wish.values.get(name)
        if wished is None or isinstance(wished, str):
            return 0.0
        present = self.unit.setpoint if name == "setpoint" else self.unit.fan_speed
        return None if present is None else float(wished) - present

    @property
    def less(self) -> bool:
        """Whether the unit would cool less than now; what is not known counts as less."""
        setpoint, fan = self.change("setpoint"), self.change("fanSpeed")
        # Of what is not known, only the coldest and the fastest cannot be less.
        if setpoint is None:
            setpoint = float(self.wish.values["setpoint"]) - self.unit.limits.setpoint_min
        if fan is None:
            fan = float(self.wish.values["fanSpeed"]) - self.unit.limits.fan_max
        return setpoint > EPSILON or fan < -EPSILON
