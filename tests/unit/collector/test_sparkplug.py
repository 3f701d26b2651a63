"""Sparkplug B: our reading against payloads written by protobuf itself, from a descriptor of the published schema."""

from __future__ import annotations

from typing import Any

import pytest
from tests.collectors.peers.sparkplug import PAYLOAD
from tests.unit.collector.helpers import source

from collector.protocols.mqtt import wildcards
from collector.sparkplug import NODE_REBIRTH, Nodes, decode, rebirth

NOW = 1_767_225_600_000
TEMPERATURE = "readings[0].t"


def written(*metrics: dict[str, Any]) -> bytes:
    return PAYLOAD(timestamp=NOW, metrics=list(metrics), seq=1).SerializeToString()


def test_values_of_every_type() -> None:
    time, metrics = decode(
        written(
            {"name": "f", "datatype": 9, "float_value": 21.5},
            {"name": "d", "datatype": 10, "double_value": -1.25},
            {"name": "i16", "datatype": 2, "int_value": 2**32 - 5},
            {"name": "i64", "datatype": 4, "long_value": 2**64 - 7},
            {"name": "u32", "datatype": 7, "int_value": 4_000_000_000},
            {"name": "b", "datatype": 11, "boolean_value": True},
            {"name": "s", "datatype": 12, "string_value": "auto"},
            {"name": "n", "datatype": 9, "is_null": True},
        )
    )
    assert time == NOW
    assert [m.value for m in metrics] == [21.5, -1.25, -5, -7, 4_000_000_000, True, "auto", None]


def test_aliases_are_those_of_the_birth() -> None:
    nodes = Nodes()
    birth = written({"name": "Inlet/Temp", "alias": 5, "datatype": 9, "float_value": 20.0})
    born = nodes.take("spBv1.0/hall/DBIRTH/edge/probe", birth, NOW)
    assert born is not None and born.device == "hall/edge/probe" and born.values == {"Inlet/Temp": (20.0, NOW)}
    data = written({"alias": 5, "timestamp": NOW + 9, "datatype": 9, "float_value": 20.5})
    later = nodes.take("spBv1.0/hall/DDATA/edge/probe", data, NOW)
    assert later is not None and later.values == {"Inlet/Temp": (20.5, NOW + 9)} and not later.unknown
    # The node died, and a data message comes before its birth.
    assert nodes.take("spBv1.0/hall/NDEATH/edge", b"", NOW) is None
    stranger = nodes.take("spBv1.0/hall/DDATA/edge/probe", data, NOW)
    assert stranger is not None and stranger.unknown and not stranger.values


def test_the_rebirth_command_is_readable() -> None:
    command = PAYLOAD.FromString(rebirth(NOW))
    (metric,) = command.metrics
    assert (metric.name, metric.boolean_value, metric.datatype, command.timestamp) == (NODE_REBIRTH, True, 11, NOW)


@pytest.mark.parametrize("payload", [b"\x12\xff", b"\x0b", b"\xff" * 20, b"\x12\x04\x65\x00"])
def test_rubbish_is_passed_over(payload: bytes) -> None:
    assert Nodes().take("spBv1.0/g/NDATA/n", payload, NOW) is None


@pytest.mark.parametrize(
    ("filter_", "topic", "name"),
    [("dc/+/env", "dc/r1/env", "r1"), ("+/x/#", "a/x/b/c", "a/b/c"), ("fixed", "fixed", ""), ("a/#", "a", "")],
)
def test_a_topics_wildcards_name_the_device(filter_: str, topic: str, name: str) -> None:
    assert wildcards(filter_, topic) == name


class _Client:
    def __init__(self) -> None:
        self.published: list[tuple[str, bytes]] = []

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        self.published.append((topic, payload))


def test_messages_of_any_topic_by_paths() -> None:
    one = source(
        protocol="mqtt", host="h",
        devices=[
            {"device": "r1", "thing": "rack-a", "sensor": "top"},
            {"device": "", "thing": "cooling-c"},
            {"device": "hall/edge/probe", "thing": "rack-b", "sensor": "bottom"},
        ],
        topics=[
            {
                "filter": "dc/+/env",
                "time": "ts",
                "points": [
                    {"feature": "environment.top", "property": "temperature", "path": TEMPERATURE, "kinds": ["rack"]},
                    {"feature": "air", "property": "supplyTemperature", "path": TEMPERATURE, "kinds": ["cooling"]},
                ],
            }
        ],
    )  # fmt: skip
    client: Any = _Client()
    found = one._readings(client, "dc/r1/env", b'{"ts": 1767225600, "readings": [{"t": 21.5}]}')
    assert [(r.thing, r.value, r.time) for r in found] == [("racktwin.t:rack-a", 21.5, NOW)]
    assert one._readings(client, "dc/unlisted/env", b'{"readings": [{"t": 18}]}')[0].thing == "racktwin.t:cooling-c"
    assert one._readings(client, "elsewhere", b"1") == []
    assert one._readings(client, "dc/r1/env", b"\xff not json") == []


def test_a_bare_number_is_a_value_and_sparkplug_asks_for_a_rebirth() -> None:
    point = {"feature": "environment.{sensor}", "property": "temperature"}
    one = source(
        protocol="mqtt", host="h",
        devices=[{"device": "r1", "thing": "rack-a", "sensor": "top"}],
        topics=[{"filter": "t/+", "points": [{**point, "path": "value"}]}],
        sparkplug=[{**point, "path": "Inlet/Temp"}],
    )  # fmt: skip
    client: Any = _Client()
    assert one._readings(client, "t/r1", b"22.25")[0].value == 22.25
    assert one._readings(client, "spBv1.0/g/NDATA/r1", written({"alias": 3, "float_value": 1.0})) == []
    ((topic, payload),) = client.published
    assert topic == "spBv1.0/g/NCMD/r1" and NODE_REBIRTH.encode() in payload
