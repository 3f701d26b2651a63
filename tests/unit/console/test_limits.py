"""The page's limits of ASHRAE classes are the room physics' own."""

from __future__ import annotations

import re
from pathlib import Path

from physics.ashrae import CLASSES

COLOUR = Path(__file__).parents[3] / "services" / "console" / "web" / "src" / "colour.ts"


def test_the_page_judges_by_the_same_limits():
    told = re.findall(
        r"(\w+): { recommended: \[([\d.]+), ([\d.]+)\], allowable: \[([\d.]+), ([\d.]+)\] }",
        COLOUR.read_text(encoding="utf-8"),
    )
    assert {name: tuple(map(float, limits)) for name, *limits in told} == {
        name: (each.recommended_low, each.recommended_high, each.allowable_low, each.allowable_high)
        for name, each in CLASSES.items()
    }
