from __future__ import annotations

import pytest

from bench.sightings import Sightings, latencies, percentile


def test_a_reading_is_seen_with_the_first_state_that_shows_it_or_a_newer_one() -> None:
    states = Sightings()
    states.add(1000, 1040.0)
    states.add(3000, 3100.0)
    found, unseen = latencies([1000, 2000, 3000, 4000], states)
    assert found == [40.0, 1100.0, 100.0]
    assert unseen == 1


def test_an_older_state_after_a_newer_one_changes_nothing() -> None:
    states = Sightings()
    states.add(2000, 2050.0)
    states.add(1000, 2060.0)
    assert states.first_at(1000) == 2050.0
    assert len(states) == 1


def test_ages_are_of_the_readings_that_were_shown_and_of_no_other() -> None:
    states = Sightings()
    states.add(1000, 1040.0)
    states.add(3000, 3100.0)
    assert states.ages([1000, 2000, 3000]) == [40.0, 100.0]
    assert states.ages([2000, 3000]) == [100.0]


def test_percentile_is_a_value_that_occurred() -> None:
    values = [float(v) for v in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile([7.0], 0.99) == 7
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
