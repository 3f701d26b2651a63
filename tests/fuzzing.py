"""Which examples property tests have: the same in every run, or with ``--fuzz TIMES`` new ones, TIMES as many.

Neither examples nor their making have a time limit, because a slow machine is no defect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

_USUAL: Final = "racktwin"
_FUZZ: Final = "fuzz"
_NO_CONSTANTS: Final = providers.Constants()
_local_constants: Final = providers._get_local_constants

settings.register_profile(_USUAL, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def load(times: int | None) -> None:
    """From now on examples are the usual ones, or random ones and ``times`` as many.

    Hypothesis also tries what stands as a constant in those modules of the product that are loaded. A constant added
    anywhere would give every test other examples, so the usual ones do without.
    """
    if times:
        settings.register_profile(
            _FUZZ,
            settings.get_profile(_USUAL),
            max_examples=times * settings.get_profile(_USUAL).max_examples,
            derandomize=False,
            print_blob=True,
        )
    settings.load_profile(_FUZZ if times else _USUAL)
    providers._get_local_constants = _local_constants if times else lambda: _NO_CONSTANTS
    providers.CONSTANTS_CACHE.cache.clear()


def examples(usual: int) -> int:
    """How many a test gets that wants ``usual`` examples."""
    return usual * settings.default.max_examples // settings.get_profile(_USUAL).max_examples


def multiply(tests: Iterable[Callable[..., Any]]) -> None:
    """Give more to tests that state a number of their own; those that state none have the profile's."""
    for test in {id(test): test for test in tests}.values():
        if getattr(test, "_hypothesis_internal_settings_applied", False):
            stated = test._hypothesis_internal_use_settings
            test._hypothesis_internal_use_settings = settings(stated, max_examples=examples(stated.max_examples))
