"""A tiny training from a small simulated plant, shared by the tests of its parts."""

from __future__ import annotations

import msgspec
import pytest

from training import registry
from training.job import Sizes, train
from training.simulated import Simulation, simulate

SIZES = Sizes(train=5000, calibration=1500, test=1000, followed=(1, 1, 1), informed=0.8)
CREATED = 1_800_000_000_000


@pytest.fixture(scope="session")
def model():
    return registry.load("inlet-temperature")


@pytest.fixture(scope="session")
def histories(model):
    return simulate(model.definition, 3, Simulation(1, 24.0, 60))


@pytest.fixture(scope="session")
def trained(model, histories, tmp_path_factory):
    folder = tmp_path_factory.mktemp("artefact")
    result = train(model, histories, folder, seed=5, created_ms=CREATED, note=lambda _: None, sizes=SIZES)
    return folder, result


@pytest.fixture
def short(model):
    """The same model with a small window and without optional channels, for tests that look at single cells."""
    windowed = model.definition.channels[: model.definition.windowed]
    return msgspec.structs.replace(model.definition, window_s=60, horizon_s=60, horizons_s=[], channels=windowed)
