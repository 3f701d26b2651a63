"""What was sent and what is stored: a lost pack counts, a sample that a sensor lost does not."""

from bench.mainjob_figures import Account, account

THING = "racktwin.berlin:rack-a"


def numbers(*present: int) -> dict[int, int]:
    return {number: number * 1000 for number in present}


def test_nothing_is_missing() -> None:
    assert account({(THING, "power"): numbers(5, 6, 7)}) == {(THING, "power"): Account(3, 3, 0)}


def test_a_pack_that_no_feature_has_was_lost() -> None:
    found = account({(THING, "power"): numbers(1, 2, 4), (THING, "environment.top"): numbers(1, 2, 4)})
    assert set(found.values()) == {Account(sent=4, stored=3, lost_by_sensor=0)}


def test_a_sample_that_its_pack_came_without_was_lost_by_the_sensor() -> None:
    found = account({(THING, "power"): numbers(1, 2, 3), (THING, "environment.top"): numbers(1, 3)})
    assert found[(THING, "environment.top")] == Account(sent=2, stored=2, lost_by_sensor=1)
    assert found[(THING, "power")] == Account(3, 3, 0)


def test_things_do_not_answer_for_each_other() -> None:
    found = account({(THING, "power"): numbers(1, 3), ("other", "power"): numbers(1, 2, 3)})
    assert found[(THING, "power")] == Account(sent=3, stored=2, lost_by_sensor=0)
