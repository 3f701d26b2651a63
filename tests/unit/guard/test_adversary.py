"""Random and hostile commands against the rules, judged by an oracle that lets the true rooms run. The whole ten
thousand are in `make bench-optimiser`."""

from __future__ import annotations

from bench.adversary import Arena


def test_no_unsafe_command_passes() -> None:
    tally = Arena(12, seed=5).run(20)
    assert tally.tried > 250 and tally.passed > 50
    assert tally.restarts > 10
    assert tally.unsafe == []


def test_the_oracle_sees_what_a_guard_without_forecast_lets_pass() -> None:
    assert Arena(10, seed=5, blind=True).run(10).unsafe


def test_the_oracle_sees_what_a_guard_without_memory_lets_pass() -> None:
    unsafe = Arena(8, seed=14, blind=True, forgetful=True).run(14).unsafe
    assert any("two units lessened while one has failed" in each for each in unsafe)
    assert any("faster than the unit's pace" in each for each in unsafe)
