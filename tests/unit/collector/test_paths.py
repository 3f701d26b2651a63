"""Paths into JSON, and times as devices write them."""

from __future__ import annotations

from typing import Any

import pytest

from collector import paths
from collector.mapped import moment
from collector.model import ConfigError

DOCUMENT: dict[str, Any] = {
    "a": {"b": 1.5, "air temp": 2},
    "list": [{"n": "CPU1", "v": 60}, {"n": "CPU2", "v": 64}, {"n": "Inlet", "v": None}, {"n": "Intake", "v": 22}],
}


@pytest.mark.parametrize(
    ("path", "how", "expected"),
    [
        ("a.b", "first", 1.5),
        ("$.a.b", "first", 1.5),
        ('a["air temp"]', "first", 2),
        ("a.air temp", "first", 2),
        ("list[0].v", "first", 60),
        ("list[-1].n", "first", "Intake"),
        ("list[n=CPU2].v", "first", 64),
        ("list[n=~^CPU].v", "max", 64),
        ("list[*].v", "sum", 146),
        ("list[n=~(?i)inlet|intake].v", "first", 22),
        ("list[9].v", "first", None),
        ("a.b.c", "first", None),
        ("nothing[*].v", "mean", None),
    ],
)
def test_what_stands_at_a_path(path: str, how: Any, expected: Any) -> None:
    assert paths.pick(DOCUMENT, path, how) == expected


@pytest.mark.parametrize("path", ["a[", "a]b", "a..", "a[]"])
def test_a_wrong_path_is_told(path: str) -> None:
    with pytest.raises(ConfigError, match="path"):
        paths.parse(path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_767_225_600, 1_767_225_600_000),
        (1_767_225_600_123, 1_767_225_600_123),
        ("1767225600.5", 1_767_225_600_500),
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("2026-01-01T01:00:00+01:00", 1_767_225_600_000),
        ("yesterday", 7),
        (None, 7),
    ],
)
def test_times(value: Any, expected: int) -> None:
    assert moment(value, 7) == expected
