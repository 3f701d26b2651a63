"""The site and stack of the end-to-end tests, for faults that pytest runs."""

from tests.e2e.conftest import pytest_collection_modifyitems, site, stack

__all__ = ["pytest_collection_modifyitems", "site", "stack"]
