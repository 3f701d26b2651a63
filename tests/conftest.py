"""For all tests: property tests have the same examples in every run, or with ``--fuzz TIMES`` new ones."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import is_hypothesis_test
from tests import fuzzing

fuzzing.load(None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz", type=int, metavar="TIMES", help="new random examples in property tests, TIMES as many as usual"
    )


@pytest.hookimpl(tryfirst=True)  # before Hypothesis looks for a seed
def pytest_configure(config: pytest.Config) -> None:
    fuzzing.load(config.getoption("--fuzz"))
    if config.getoption("--fuzz") and config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(secrets.randbelow(2**32))


def pytest_report_header(config: pytest.Config) -> str | None:
    if not config.getoption("--fuzz"):
        return None
    return f"fuzz: {config.getoption('--fuzz')} times the examples, seed {config.option.hypothesis_seed}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    fuzzing.multiply(item.function for item in items if is_hypothesis_test(getattr(item, "function", None)))
