"""The formulas of the room, one function each, over arrays. Pure; each names its source.

Units are SI with temperatures in °C. Next: :mod:`physics.model` puts them together; :mod:`physics.metrics` has the
indices.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from racktwin.psychrometrics import MAGNUS_A, MAGNUS_B_CEL, MAGNUS_HPA

Floats = NDArray[np.float64]

# Density (kg/m3) and specific heat (J/kg/K) of air: Tang, Gupta, Varsamopoulos, IEEE TPDS 2008, table 1.
RHO: Final = 1.19
CP: Final = 1005.0
RHO_CP: Final = RHO * CP
# One cubic metre a second in cubic feet a minute.
CFM: Final = 2118.880
PRESSURE_HPA: Final = 1013.25


def server_power(utilisation: Floats, idle_w: Floats, busy_w: Floats, exponent: float = 1.4) -> Floats:
    """Electrical power (W) of servers at a utilisation 0..1: ``P_idle + (P_busy - P_idle)(2u - u^r)``.

    Source: Fan, Weber, Barroso, "Power provisioning for a warehouse-sized computer", ISCA 2007; r is calibrated there
    per type of server, 1.4 is that paper's.
    """
    u = np.clip(utilisation, 0.0, 1.0)
    return np.asarray(idle_w + (busy_w - idle_w) * (2.0 * u - u**exponent))


def fan_power(flow: Floats, reference_w: Floats, reference_flow: Floats, exponent: float = 3.0) -> Floats:
    """Power (W) of fans moving ``flow`` (m3/s): ``P_ref (V/V_ref)^3``, the affinity law; 2.5 to 3 when calibrated."""
    return np.asarray(reference_w * (flow / reference_flow) ** exponent)


def cpu_resistance(flow: Floats, reference_flow: Floats, reference: Floats | float) -> Floats:
    """Thermal resistance (K/W) from a processor to the air: ``R0 (V/V0)^-0.8``; more air makes it cooler.

    Source: turbulent forced convection over a heat sink, Nu ~ Re^0.8.
    """
    return np.asarray(reference * (flow / reference_flow) ** -0.8)


def rack_delta_t(power_w: Floats, flow: Floats) -> Floats:
    """Rise of the air's temperature (K) through a rack: ``P / (rho cp V)``. 10 kW at 0.8 m3/s give 10.45 K."""
    return np.asarray(power_w / (RHO_CP * flow))


def chiller_cop(supply: Floats, scale: Floats | float = 1.0) -> Floats:
    """Coefficient of performance at a supply temperature (°C): ``0.0068 T^2 + 0.0008 T + 0.458``.

    Source: HP's water-chilled CRAC, Moore, Chase, Ranganathan, Sharma, USENIX 2005; 2.68 at 18 °C, 4.73 at 25 °C.
    ``scale`` fits it to another plant.
    """
    return np.asarray(scale * (0.0068 * supply * supply + 0.0008 * supply + 0.458))


def conversion_loss(output_w: Floats, efficiency: float, constant_w: float = 0.0) -> Floats:
    """Input of a converter (W) for its output: ``(P_out + c) / eta`` (RAPS, Oak Ridge)."""
    return np.asarray((output_w + constant_w) / efficiency)


def saturation_pressure(temperature: Floats | float) -> Floats:
    """Saturation vapour pressure over water (hPa): Magnus form, see :mod:`racktwin.psychrometrics`."""
    return np.asarray(MAGNUS_HPA * np.exp(MAGNUS_A * temperature / (MAGNUS_B_CEL + temperature)))


def humidity_ratio(dew_point: Floats | float) -> Floats:
    """Mass of water per mass of dry air (kg/kg) at a dew point (°C): ``0.622 e / (p - e)``."""
    e = saturation_pressure(dew_point)
    return np.asarray(0.622 * e / (PRESSURE_HPA - e))


def dew_point_of_ratio(ratio: Floats | float) -> Floats:
    """Dew point (°C) of a humidity ratio (kg/kg): the inverse of :func:`humidity_ratio`."""
    w = np.maximum(ratio, 1e-9)
    e = PRESSURE_HPA * w / (0.622 + w)
    g = np.log(e / MAGNUS_HPA)
    return np.asarray(MAGNUS_B_CEL * g / (MAGNUS_A - g))


def dew_point(temperature: Floats | float, relative_humidity: Floats | float) -> Floats:
    """Dew point (°C) of air at a temperature (°C) and relative humidity (%); 24 °C and 50 % give 12.9 °C."""
    g = np.log(np.maximum(relative_humidity, 1e-6) / 100.0) + MAGNUS_A * temperature / (MAGNUS_B_CEL + temperature)
    return np.asarray(MAGNUS_B_CEL * g / (MAGNUS_A - g))


def relative_humidity(temperature: Floats | float, dew_point_temperature: Floats | float) -> Floats:
    """Relative humidity (%) of air at a temperature (°C) with that dew point (°C)."""
    return np.asarray(100.0 * saturation_pressure(dew_point_temperature) / saturation_pressure(temperature))
