"""A small maintenance model, trained once for all tests of this folder."""

from __future__ import annotations

import pytest

from training import maintaining, registry

CREATED = 1_800_000_000_000
SMALL = maintaining.Sizes((12, 5, 1), 14, 90, 10)


@pytest.fixture(scope="session")
def model():
    return registry.load("maintenance")


@pytest.fixture(scope="session")
def trained(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("artefact")
    return folder, maintaining.train(model, folder, seed=3, created_ms=CREATED, note=lambda _: None, sizes=SMALL)
