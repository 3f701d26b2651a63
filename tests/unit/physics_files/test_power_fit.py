"""Promise: the constants of a server's power are found from what was recorded, and judged on what was not fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from physics_files import power_fit, tables
from physics_files.problems import FileProblem


def samples(count: int = 400, noise: float = 2.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    u = rng.uniform(0.0, 1.0, count)
    return u, 120.0 + 200.0 * (2.0 * u - u**1.6) + rng.normal(0.0, noise, count)


def test_the_constants_are_found() -> None:
    model = power_fit.fit("s1", *samples())
    assert model.idle_w == pytest.approx(120.0, abs=4.0)
    assert model.busy_w == pytest.approx(320.0, abs=4.0)
    assert model.exponent == pytest.approx(1.6, abs=0.1)
    assert model.cvrmse < model.linear_cvrmse
    assert abs(model.nmbe) < 1.0


def test_outliers_do_not_move_them() -> None:
    u, p = samples()
    p[::25] = 5000.0
    model = power_fit.fit("s1", u, p)
    assert model.busy_w == pytest.approx(320.0, rel=0.05)


def test_a_load_that_hardly_moves_is_said_to() -> None:
    u, p = samples()
    model = power_fit.fit("s1", 0.5 + 0.02 * u, p[0] + 0.0 * p)
    assert "hardly" in model.note or "only" in model.note


@pytest.mark.parametrize("percent", [True, False])
def test_a_table_with_several_servers(tmp_path: Path, percent: bool) -> None:
    frames = []
    for name, seed in (("a", 1), ("b", 2)):
        u, p = samples(seed=seed)
        scale = 100.0 if percent else 1.0
        frames.append(pd.DataFrame({"server": name, "cpu_utilization": u * scale, "power_kW": p / 1000.0}))
    path = tmp_path / "power.csv"
    pd.concat(frames).to_csv(path, index=False)
    found = power_fit.read(tables.read(path, {}), path.name)
    assert set(found) == {"a", "b"}
    assert power_fit.fit("a", *found["a"]).busy_w == pytest.approx(320.0, abs=4.0)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    table = pd.DataFrame({"time": [1, 2], "power": [100.0, 120.0]})
    with pytest.raises(FileProblem, match="no column utilization"):
        power_fit.read(table, "power.csv")
    with pytest.raises(FileProblem, match="5 samples"):
        power_fit.fit("a", np.linspace(0, 1, 5), np.linspace(100, 200, 5))
