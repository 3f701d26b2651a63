"""The line through resident memory, after the warm-up."""

from __future__ import annotations

from bench.pipeline_memory import Memory


def test_a_leak_is_told_from_warming_up():
    memory = Memory()
    for second in range(0, 600, 10):
        memory.add(second, {"leaks": 100 + second // 10, "warms": min(200, second), "still": 50})
    growth = memory.growth_mb_per_10min()
    assert abs(growth["leaks"] - 60) < 1
    assert growth["warms"] == growth["still"] == 0


def test_nothing_is_said_of_a_short_run():
    memory = Memory()
    memory.add(0, {"one": 1})
    memory.add(10, {"one": 9})
    assert memory.growth_mb_per_10min() == {}
