"""The site and stack of the end-to-end tests, for faults that pytest runs."""

from tests.e2e.conftest import site, stack

__all__ = ["site", "stack"]
