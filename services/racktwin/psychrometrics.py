"""Moist-air formulas. Pure; used by ingest (dew point) and by the simulated plant.

Source: Magnus form with the coefficients 6.112 hPa, 17.62 and 243.12 °C (WMO CIMO guide; DWD), valid over
water from -45 °C to 60 °C.
"""

from __future__ import annotations

import math
from typing import Final

MAGNUS_HPA: Final = 6.112
MAGNUS_A: Final = 17.62
MAGNUS_B_CEL: Final = 243.12


def saturation_pressure(temperature: float) -> float:
    """Saturation vapour pressure over water in hPa at a temperature in °C."""
    return MAGNUS_HPA * math.exp(MAGNUS_A * temperature / (MAGNUS_B_CEL + temperature))


def dew_point(temperature: float, relative_humidity: float) -> float:
    """Dew point in °C from dry bulb in °C and relative humidity in % (0 < RH <= 100).

    Raises:
        ValueError: the humidity is not in (0, 100].
    """
    if not 0.0 < relative_humidity <= 100.0:
        raise ValueError(f"relative humidity {relative_humidity} %: expected more than 0 and at most 100")
    # A difference of logarithms: the smallest humidities divided by 100 would be 0, which has none.
    gamma = math.log(relative_humidity) - math.log(100.0) + MAGNUS_A * temperature / (MAGNUS_B_CEL + temperature)
    return MAGNUS_B_CEL * gamma / (MAGNUS_A - gamma)


def relative_humidity(temperature: float, dew_point_temperature: float) -> float:
    """Relative humidity in % of air at ``temperature`` °C whose dew point is ``dew_point_temperature`` °C."""
    return 100.0 * saturation_pressure(dew_point_temperature) / saturation_pressure(temperature)


def humidity_ratio(vapour_pressure: float, pressure: float = 1013.25) -> float:
    """Mass of water per mass of dry air (kg/kg) from vapour pressure and total pressure, both in hPa."""
    return 0.622 * vapour_pressure / (pressure - vapour_pressure)
