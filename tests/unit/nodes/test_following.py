"""Nodes' usage as servers' readings: quantities, both sources, rates, and what does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.following import Node, Rates, following
from nodes.quantities import Usage, quantity, resource_metrics

NODE = Node(cores=4, memory_bytes=8e9)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", 0.25),
        ("1234567n", 0.001234567),
        ("2", 2),
        ("16Gi", 16 * 2**30),
        ("1500Ki", 1536000),
        ("1e3", 1000),
        ("3k", 3000),
        ("1.5", 1.5),
        ("12E", 12e18),
        ("5u", 5e-6),
    ],
)
def test_quantities(text: str, value: float) -> None:
    assert quantity(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1Xi", "1.2.3", "0x10"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        quantity(text)


KUBELET = """# HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the node in core-seconds
# TYPE node_cpu_usage_seconds_total counter
node_cpu_usage_seconds_total 1000.5 1790000000000
# HELP node_memory_working_set_bytes [STABLE] Current working set of the node in bytes
# TYPE node_memory_working_set_bytes gauge
node_memory_working_set_bytes 2e+09 1790000000001
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="a",namespace="b",pod="c"} 3 1790000000000
# TYPE resource_scrape_error gauge
resource_scrape_error 0
"""


def test_a_kubelets_text() -> None:
    usage = resource_metrics(KUBELET, 5)
    assert usage == Usage(at=1_790_000_000_000, cpu_seconds=1000.5, memory_bytes=2e9)
    with pytest.raises(ValueError, match="neither node_cpu_usage_seconds_total"):
        resource_metrics("up 1\n", 5)


def test_readings_of_a_rate() -> None:
    values = Rates().readings("n", NODE, Usage(at=1000, cpu_cores=1.0, memory_bytes=2e9))
    assert values == {
        ("cpu", "utilization"): 25.0,
        ("memory", "used"): 2e9,
        ("memory", "total"): 8e9,
        ("memory", "utilization"): 25.0,
    }


def test_readings_of_a_counter() -> None:
    rates = Rates()
    # The first of a counter says nothing about load.
    assert ("cpu", "utilization") not in rates.readings("n", NODE, Usage(at=0, cpu_seconds=100, memory_bytes=1))
    assert rates.readings("n", NODE, Usage(at=10_000, cpu_seconds=120))["cpu", "utilization"] == 50.0
    # The same sample again is no new reading, and a counter that went back is none.
    assert rates.readings("n", NODE, Usage(at=10_000, cpu_seconds=120)) == {}
    assert rates.readings("n", NODE, Usage(at=20_000, cpu_seconds=3)) == {}
    assert rates.readings("n", NODE, Usage(at=30_000, cpu_seconds=103))["cpu", "utilization"] == 100.0
    rates.keep([])
    assert rates.readings("n", NODE, Usage(at=31_000, cpu_seconds=200)) == {}


def rack(name: str, *servers: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"servers": list(servers)}}


def test_who_follows_whom() -> None:
    found = following(
        [
            rack("r1", {"name": "a", "followsNode": "n1"}, {"name": "b"}),
            rack("r2", {"name": "c", "followsNode": "n9"}, {"name": "d", "followsNode": "n1"}),
        ],
        {"n1": NODE},
    )
    assert found.servers == {"n1": "a"}
    assert found.problems == (
        "server c of rack r2: followsNode: the cluster has no node n9",
        "server d of rack r2: followsNode: n1 is followed by server a already",
    )
