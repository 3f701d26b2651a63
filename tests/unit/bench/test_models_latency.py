"""Where a prediction's time goes, in figures that add up."""

from bench.models_latency import Latency, Seen


def test_stages_add_up_to_the_whole() -> None:
    seen = Seen(based_on=1000, issued_at=1080, written_at=1087, seen_at=1090.5)
    assert seen.stages_ms == {"decided": 80, "written": 7, "read": 3.5}
    assert sum(seen.stages_ms.values()) == seen.total_ms == 90.5


def test_the_slowest_say_where_they_lost_their_time() -> None:
    usual = [Seen(0, 80, 90, 95.0)] * 99
    latency = Latency([*usual, Seen(0, 80, 1090, 1095.0)], warm_s=2.0, cores=0.1)
    assert latency.ms(0.99) == 95
    assert latency.ms(1.0) == 1095
    assert "the slowest hundredth on average: decided 80, written 1010, read 5" in str(latency)
