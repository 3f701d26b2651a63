"""The models as they lie on disk, and as the definitions server would serve them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from definitions.compose import compose
from definitions.generate import DEFAULT_DIRECTORY
from definitions.server import load_models

BASE = "http://definitions.example:8090"


@pytest.fixture(scope="session")
def directory() -> Path:
    return DEFAULT_DIRECTORY


@pytest.fixture(scope="session")
def models(directory: Path) -> dict[str, dict[str, Any]]:
    return load_models(directory)


@pytest.fixture(scope="session")
def base() -> str:
    return BASE


@pytest.fixture(scope="session")
def resolve(models: dict[str, dict[str, Any]]) -> Callable[[str], Mapping[str, Any] | None]:
    def by_url(url: str) -> Mapping[str, Any] | None:
        parts = urlsplit(url)
        name = parts.path.lstrip("/")
        if name not in models:
            return None
        features = [f for value in parse_qs(parts.query).get("features", []) for f in value.split(",")]
        return compose(name, models[name], BASE, features)

    return by_url
