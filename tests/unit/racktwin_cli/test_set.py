"""`racktwin set`: what becomes of its arguments, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest

from racktwin_cli.failures import Failure
from racktwin_cli.set import told, values_of


def test_values() -> None:
    assert values_of(("setpoint=21", "fan=70", "mode=manual")) == {"setpoint": 21.0, "fanSpeed": 70.0, "mode": "manual"}


@pytest.mark.parametrize(
    "texts", [(), ("setpoint",), ("setpoint=warm",), ("mode=off",), ("power=3",), ("setpoint=nan",)]
)
def test_what_is_no_setting_says_what_to_write(texts: tuple[str, ...]) -> None:
    with pytest.raises(Failure, match="next: for instance racktwin set"):
        values_of(texts)


def test_a_refusal_names_the_rule_by_how_much_and_the_next_step() -> None:
    result: dict[str, Any] = {
        "thing": "racktwin.t:cooling-a",
        "id": "c1",
        "seconds": 0.1,
        "state": "refused",
        "values": {"setpoint": 23.0},
        "rule": "confirm-step",
        "by": 1.0,
        "detail": "a step of 3 K: above 2 K a person must confirm it",
    }
    text = told(result)
    assert "rule confirm-step, by 1" in text and "--confirm" in text
    assert "--approve c1" in told({**result, "state": "awaiting approval", "rule": "second-approver"})
