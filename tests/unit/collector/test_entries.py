"""What is wrong with an entry of the collectors' file is named, with the entry."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.collector.helpers import sources

from collector.model import ConfigError


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"protocol": "telepathy"}, "expected one of files, modbus"),
        ({"protocol": "modbus", "thing": "rack-a", "host": "h"}, "no value of it applies"),
        ({"protocol": "modbus", "thing": "rack-a", "host": "h", "map": "none"}, "those shipped: cooling-unit"),
        ({"protocol": "modbus", "thing": "rack-a", "hosts": "h"}, "unknown field|missing required field"),
        ({"protocol": "snmp", "thing": "rack-a", "host": "h", "map": "apc-rpdu2"}, "community: expected"),
        ({"protocol": "snmp", "thing": "rack-a", "host": "h", "community": "public"}, "Expected `object"),
        ({"protocol": "prometheus", "thing": "server-a", "url": "host:9100", "map": "node_exporter"}, "http://host"),
        ({"protocol": "redfish", "thing": "cooling-a", "host": "h"}, "no value of it applies"),
    ],
)
def test_a_wrong_entry_is_named(entry: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text) as raised:
        sources({"name": "that-one", **entry})
    assert str(raised.value).startswith("collectors[0] (that-one): ")
