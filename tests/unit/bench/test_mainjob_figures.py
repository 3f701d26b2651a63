"""What was sent and what is stored: a lost pack counts, a sample that a sensor lost does not."""

from bench.mainjob_figures import Account, Watcher, account, summarise

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


def test_a_prediction_counts_from_its_own_reading_and_from_those_that_waited_for_it() -> None:
    watcher = Watcher("http://localhost")
    for at in range(1000, 21_000, 1000):
        watcher._event({"thingId": THING, "features": {"environment.top": {"properties": {"observedAt": at}}}}, at + 50)
    for at in (10_000, 20_000):
        prediction = {"prediction.inlet-temperature.top": {"properties": {"basedOn": at}}}
        watcher._event({"thingId": THING, "features": prediction}, at + 140)
    figures, problems = summarise({(THING, "environment.top"): numbers(*range(1, 21))}, watcher)
    assert problems == []
    assert figures["mqtt_to_its_prediction_p50_ms"] == figures["mqtt_to_its_prediction_p99_ms"] == 140
    assert figures["mqtt_to_prediction_p99_ms"] == 9140
    assert figures["mqtt_to_twin_p99_ms"] == 50
