"""Every map that is shipped: read, bound to every kind it is for, and of one mind with the mapping table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from collector import maps
from collector.config import Interval
from collector.points import Point, bind
from collector.protocols.modbus import ModbusPoint
from collector.protocols.prometheus import PrometheusPoint
from collector.protocols.redfish import RedfishPoint
from collector.protocols.snmp import SnmpPoint, best_map

TYPES: dict[str, type[Point]] = {
    "modbus": ModbusPoint, "snmp": SnmpPoint, "redfish": RedfishPoint, "prometheus": PrometheusPoint,
}  # fmt: skip
ALL = [(protocol, name) for protocol in TYPES for name in maps.names(protocol)]
TABLE = yaml.safe_load((Path(__file__).parents[3] / "thing-definitions/mapping.yaml").read_text())["features"]
# Models in the table by feature.
MODEL = {"environment.{sensor}": "environment", "drive.{disk}": "drive"}


@pytest.mark.parametrize(("protocol", "name"), ALL)
def test_a_shipped_map_applies_to_what_it_is_for(protocol: str, name: str) -> None:
    found = maps.load(protocol, name, TYPES[protocol])
    assert found.title and found.source
    kinds = {kind for point in found.points for kind in point.kinds} or {found.kind or "pdu"}
    bound: set[tuple[str, str]] = set()
    for kind in sorted(kinds | {"rack"} - {"pdu"} if found.kind in ("pdu", "rack") else kinds):
        for feed, sensor in (("", ""), ("A", "top"), ("B", "rear-bottom")):
            place = sensor if kind == "rack" else ""
            bindings = bind(found.points, site="t", thing=f"{kind}-x", interval=Interval(), feed=feed, sensor=place)
            assert len({(b.feature, b.property) for b in bindings}) == len(bindings)
            bound |= {(b.point.feature, b.point.property) for b in bindings}
    assert bound == {(point.feature, point.property) for point in found.points}


def test_redfish_stands_where_the_mapping_table_says() -> None:
    for point in maps.load("redfish", "redfish", RedfishPoint).points:
        name = point.property.replace("{feed}", "")
        stated = TABLE[MODEL.get(point.feature, point.feature)][name].get("redfish", "")
        leaf = re.split(r"[.\[]", stated)
        paths = [f"{place.resource}.{place.path}" for place in point.places]
        assert any(all(part in path for part in leaf[1:2]) for path in paths), (point.feature, name, stated, paths)


@pytest.mark.parametrize(("name", "column"), [("node_exporter", "node"), ("ipmi_exporter", "ipmi")])
def test_exporters_metrics_are_those_of_the_mapping_table(name: str, column: str) -> None:
    for point in maps.load("prometheus", name, PrometheusPoint).points:
        stated = TABLE[point.feature][point.property][column]
        assert point.of.metric in stated, (point.feature, point.property, stated)


def test_discovery_knows_a_device_by_the_longest_beginning() -> None:
    assert best_map("1.3.6.1.4.1.318.1.3.4.6") == ("apc-rpdu2", "pdu")
    assert best_map("1.3.6.1.4.1.13742.6.1") == ("raritan-px", "pdu")
    assert best_map("1.3.6.1.4.1.318.1.3.4.66") == ("", "")
