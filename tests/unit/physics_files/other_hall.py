"""A hall that our own simulator did not make: air in boxes of a grid, moved by a fixed stream and mixed by turbulence.

A finite-volume hall: two layers of 8 x 6 boxes of air, upwind advection along a recirculating stream, diffusion, walls
that store heat, racks as heat sources with two lags in a row, and a cooling unit whose compressors are switched by a
thermostat on the return air with a dead time. Nothing of it (zones, supply fractions, set-point lags) is in our model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

NX, NY = 8, 6
SPIN_UP_S = 4 * 3600.0
START = pd.Timestamp("2026-03-02T00:00:00Z")


@dataclass
class Hall:
    """`long`: time, rack, position, temperature, power; `layout` as a file would hold it."""

    layout: dict
    long: pd.DataFrame
    racks: list[str]


def layout(racks: int) -> dict:
    return {
        "room": {"name": "other-hall", "widthM": 8.0, "depthM": 6.0, "heightM": 3.0},
        "racks": [
            {
                "name": f"K{n:02d}",
                "row": f"row-{n // 6}",
                "position": {"xM": 1.5 + (n % 6) * 0.9, "yM": 1.5 + 3.0 * (n // 6)},
                "heightM": 2.1,
                "powerCapacityKW": 7.5,
            }
            for n in range(racks)
        ],
        "coolingUnits": [
            {"name": "CRAC-A", "xM": 0.4, "yM": 3.0, "ratedAirflowM3s": 7.0, "ratedCapacityKW": 90.0, "setpointC": 18.0}
        ],
    }


def make(hours: float = 30.0, racks: int = 12, seed: int = 5, sample_s: int = 60, step_s: float = 10.0) -> Hall:
    """Run the hall and record it: 0.1 degC steps, noise, readings at uneven times, gaps."""
    rng = np.random.default_rng(seed)
    plan = layout(racks)
    place = np.array([(r["position"]["xM"], r["position"]["yM"]) for r in plan["racks"]])
    cx, cy = (place[:, 0]).astype(int).clip(0, NX - 1), place[:, 1].astype(int).clip(0, NY - 1)
    air = np.full((2, NX, NY), 22.0)
    wall = np.full((NX, NY), 22.0)
    first, second = np.zeros(racks), np.zeros(racks)
    base = rng.uniform(0.35, 0.7, racks) * 7500.0
    jobs = np.zeros(racks)
    stage, waited, supply = 1.0, 0.0, 17.5
    back_seen = [24.0] * 6
    steps = int((hours * 3600 + SPIN_UP_S) / step_s)
    every = int(sample_s / step_s)
    rows: list[tuple[float, np.ndarray, np.ndarray, np.ndarray, float, float]] = []
    for k in range(steps):
        t = k * step_s
        start = rng.random(racks) < step_s / 5400.0
        jobs = np.where(start, rng.uniform(-0.25, 0.3, racks), jobs)
        day = 0.12 * np.sin(2 * np.pi * (t / 86400.0 - 0.3))
        power = np.clip(base * (1.0 + jobs + day), 800.0, 7500.0)
        first += step_s / 120.0 * (power - first)
        second += step_s / 240.0 * (first - second)
        back = float(air[1].mean())
        back_seen.append(back)
        late = back_seen[-7]
        waited += step_s
        if waited > 300.0 and ((stage > 0.5 and late < 31.2) or (stage < 0.5 and late > 32.2)):
            stage, waited = 1.0 - stage, 0.0
        supply += step_s / 90.0 * ((15.0 if stage > 0.5 else 21.0) - supply)
        moved = np.empty_like(air)
        # Cold air comes in at the low x end below, rises through racks, and goes back above.
        moved[0] = np.concatenate([np.full((1, NY), supply), air[0, :-1]], axis=0)
        moved[1] = np.concatenate([air[1, 1:], air[0, -1:]], axis=0)
        mixed = air.copy()
        for layer in range(2):
            a = np.pad(air[layer], 1, mode="edge")
            mixed[layer] = 0.25 * (a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2])
        turn = np.array([step_s / 22.0, step_s / 26.0])[:, None, None]
        air = air + turn * (moved - air) + step_s / 40.0 * (mixed - air)
        np.add.at(air[1], (cx, cy), step_s * second / (1196.0 * 9.0))
        leak = step_s / 300.0 * (air[1] - air[0])
        air[0] += leak
        air[1] -= leak
        air -= step_s / 900.0 * (air - wall)
        wall += step_s / 14_000.0 * (air.mean(axis=0) - wall)
        if t >= SPIN_UP_S and k % every == 0:
            top = 0.55 * air[0, cx, cy] + 0.45 * air[1, cx, cy]
            rows.append((t, air[0, cx, cy].copy(), top, power.copy(), supply, back))
    noise = rng.normal(0.0, 0.05, (len(rows), 2, racks))
    jitter = rng.uniform(-4.0, 4.0, len(rows))
    parts = []
    kept = rng.random((len(rows), racks)) > 0.02
    kept[len(rows) // 2 : len(rows) // 2 + 25, 3] = False
    for n in range(racks):
        keep = kept[:, n]
        at = START + pd.to_timedelta(np.array([row[0] for row in rows]) + jitter + 10.0, unit="s")
        for height, name in enumerate(("bottom", "top")):
            value = np.round(np.array([row[1 + height][n] for row in rows]) + noise[:, height, n], 1)
            watts = np.round([row[3][n] for row in rows])
            frame = {"time": at, "rack": f"K{n:02d}", "position": name, "temperature": value, "power": watts}
            parts.append(pd.DataFrame(frame)[keep])
    unit = {
        "time": START + pd.to_timedelta([row[0] + 10.0 for row in rows], unit="s"),
        "rack": "CRAC-A",
        "supplyTemperature": np.round([row[4] for row in rows], 1),
        "returnTemperature": np.round([row[5] for row in rows], 1),
    }
    parts.append(pd.DataFrame(unit))
    long = pd.concat(parts, ignore_index=True).sample(frac=1.0, random_state=seed)
    return Hall(plan, long, [f"K{n:02d}" for n in range(racks)])
