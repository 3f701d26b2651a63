"""ASHRAE TC 9.9 thermal classes: the limits as data, with their edition. Pure.

Limits hold at the equipment's inlet, not in the room. Dry bulb of the 5th edition (2021) as cited in ASHRAE Journal,
May 2022; class H1 (dense, air-cooled) has a recommended range of its own. Moisture: allowable as dew point and relative
humidity; the recommended range is that of the 4th edition (-9 °C dew point to 15 °C and 60 %), which the 5th widens
to 70 % where corrosion is low. H1's moisture is not stated by our sources: that of A1 is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from physics.laws import Floats, dew_point

Verdict = Literal["recommended", "allowable", "out"]
VERDICTS: Final[tuple[Verdict, ...]] = ("recommended", "allowable", "out")
# The fastest change of inlet temperature that equipment is rated for, K an hour and K in 15 min.
MAX_RATE_K_H: Final = 20.0
MAX_RATE_K_15MIN: Final = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a class at the inlet: dry bulb and dew point in °C, relative humidity in %."""

    name: str
    edition: str
    recommended_low: float
    recommended_high: float
    allowable_low: float
    allowable_high: float
    recommended_dew_low: float = -9.0
    recommended_dew_high: float = 15.0
    recommended_humidity_high: float = 60.0
    allowable_dew_low: float = -12.0
    allowable_dew_high: float = 17.0
    allowable_humidity_low: float = 8.0
    allowable_humidity_high: float = 80.0


EDITION: Final = "ASHRAE TC 9.9, 5th edition, 2021"
CLASSES: Final[dict[str, Limits]] = {
    "A1": Limits("A1", EDITION, 18.0, 27.0, 15.0, 32.0),
    "A2": Limits("A2", EDITION, 18.0, 27.0, 10.0, 35.0, allowable_dew_high=21.0),
    "A3": Limits("A3", EDITION, 18.0, 27.0, 5.0, 40.0, allowable_dew_high=24.0, allowable_humidity_high=85.0),
    "A4": Limits("A4", EDITION, 18.0, 27.0, 5.0, 45.0, allowable_dew_high=24.0, allowable_humidity_high=90.0),
    "H1": Limits("H1", EDITION, 18.0, 22.0, 5.0, 25.0),
}


def limits(name: str) -> Limits:
    """Limits of a class.

    Raises:
        ValueError: the class is not known.
    """
    found = CLASSES.get(name)
    if found is None:
        raise ValueError(f"ASHRAE class {name!r}: expected one of {', '.join(CLASSES)}")
    return found


def verdicts(temperature: Floats, of: Limits, humidity: Floats | None = None) -> NDArray[np.intp]:
    """Index into :data:`VERDICTS` of each inlet at a temperature (°C) and, where given, relative humidity (%)."""
    t = np.asarray(temperature, dtype=float)
    recommended = (t >= of.recommended_low) & (t <= of.recommended_high)
    allowable = (t >= of.allowable_low) & (t <= of.allowable_high)
    if humidity is not None:
        dew = dew_point(t, humidity)
        recommended &= (dew >= of.recommended_dew_low) & (dew <= of.recommended_dew_high)
        recommended &= humidity <= of.recommended_humidity_high
        # Both lower limits hold: whichever asks for more moisture.
        allowable &= (dew >= of.allowable_dew_low) & (humidity >= of.allowable_humidity_low)
        allowable &= (dew <= of.allowable_dew_high) & (humidity <= of.allowable_humidity_high)
    return np.where(recommended & allowable, 0, np.where(allowable, 1, 2))


def verdict(temperature: float, of: Limits, humidity: float | None = None) -> Verdict:
    """One inlet's state: recommended, allowable, or out."""
    rh = None if humidity is None else np.asarray(humidity, dtype=float)
    return VERDICTS[int(verdicts(np.asarray(temperature, dtype=float), of, rh))]
