"""Entries of the configuration for the peers, what each must bring into InfluxDB, and a hundred devices more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INTERVAL = {"critical": 1, "slow": 5}


@dataclass
class Tried:
    """A way of collecting. ``expected``: (thing, feature, property) of which each must arrive. ``uplink``: mqtt, http,
    or none for what posts to Hono by itself."""

    name: str
    expected: list[tuple[str, str, str]]
    entry: dict[str, Any] | None = None
    uplink: str = "mqtt"


def _want(thing: str, *labels: str) -> list[tuple[str, str, str]]:
    return [(thing, *label.split("/")) for label in labels]  # type: ignore[misc]


def _server(thing: str) -> list[tuple[str, str, str]]:
    return _want(
        thing, "thermal/inletTemperature", "thermal/exhaustTemperature", "thermal/cpuTemperature", "power/power",
        "fans/fanSpeed",
    )  # fmt: skip


ROOM = ("environment.top/temperature", "environment.top/relativeHumidity")


def tried(peers: dict[str, Any], broker: int, node_exporter: int, push: tuple[int, int, int]) -> list[Tried]:
    """Every collector, each with a thing of its own."""

    def env(name: str) -> dict[str, str]:
        return {"env": f"CHECK_{name}"}

    def host(port: int) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": port, "interval": INTERVAL}

    def bmc(name: str, **more: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{peers['redfish']['ports'][name]}"
        return {
            "protocol": "redfish", "url": url, "user": peers["redfish"]["user"], "password": env(f"BMC_{name.upper()}"),
            "interval": INTERVAL, **more,
        }  # fmt: skip

    def board(mode: str, at: int) -> dict[str, Any]:
        return {
            "protocol": "thingsboard", "url": f"http://127.0.0.1:{peers['thingsboard']['port']}", "mode": mode,
            "user": peers["thingsboard"]["user"], "password": env("BOARD"), "interval": INTERVAL,
            "devices": [{"device": f"sensor-{at:02}", "thing": f"rack-tb-{mode}", "sensor": "top"}],
        }  # fmt: skip

    v3 = {"version": "3", "user": "ops", "authPassword": env("SNMP_AUTH"), "privPassword": env("SNMP_PRIV")}
    air = [
        {"feature": "environment.{sensor}", "property": "temperature", "path": "t"},
        {"feature": "environment.{sensor}", "property": "relativeHumidity", "path": "h"},
    ]
    feed_a = ("power/powerA", "power/voltageA", "power/currentA", "power/power")
    cooling = ("air/supplyTemperature", "air/returnTemperature", "air/airflow", "control/setpoint", "power/power")

    def placed(device: str, thing: str) -> list[dict[str, str]]:
        return [{"device": device, "thing": thing, "sensor": "top"}]

    return [
        Tried("thingsboard-rest", _want("rack-tb-rest", *ROOM), board("rest", 0)),
        Tried("thingsboard-websocket", _want("rack-tb-websocket", *ROOM), board("websocket", 1)),
        Tried(
            "modbus", _want("cooling-mb", *cooling),
            {"protocol": "modbus", "unit": 1, "thing": "cooling-mb", "map": "cooling-unit", **host(peers["modbus"])},
        ),
        Tried(
            "modbus-over-http", _want("cooling-http", *cooling),
            {"protocol": "modbus", "unit": 2, "thing": "cooling-http", "map": "cooling-unit", **host(peers["modbus"])},
            uplink="http",
        ),
        Tried(
            "snmp-v2c", _want("rack-v2c", *feed_a, "environment.top/temperature"),
            {"protocol": "snmp", "thing": "rack-v2c", "feed": "A", "sensor": "top", "map": "apc-rpdu2",
             "community": env("COMMUNITY"), **host(peers["snmp"]["ports"][0])},
        ),
        Tried(
            "snmp-v3", _want("rack-v3", *feed_a),
            {"protocol": "snmp", "thing": "rack-v3", "feed": "A", "map": "apc-rpdu2", **v3,
             **host(peers["snmp"]["ports"][1])},
        ),
        Tried(
            "snmp-raritan", _want("rack-px", *feed_a),
            {"protocol": "snmp", "thing": "rack-px", "feed": "A", "map": "raritan-px", "community": env("COMMUNITY"),
             **host(peers["snmp"]["raritan"])},
        ),
        Tried("redfish", _server("server-rf"), bmc("subsystem", thing="server-rf", session=True)),
        Tried("redfish-before-2020", _server("server-rf-old"), bmc("legacy", thing="server-rf-old")),
        Tried("redfish-pdu", _want("rack-rf", "power/powerB", *ROOM), bmc("pdu", thing="rack-rf", feed="B", sensor="top")),
        Tried(
            "node_exporter", _want("server-node", "cpu/utilization", "cpu/loadAverage", "memory/used", "disk/used", "network/rx"),
            {"protocol": "prometheus", "url": f"http://127.0.0.1:{node_exporter}/metrics", "thing": "server-node",
             "map": "node_exporter", "interval": INTERVAL},
        ),
        Tried(
            "ipmi_exporter", _server("server-ipmi"),
            {"protocol": "prometheus", "url": f"http://127.0.0.1:{peers['ipmi'][0]}/metrics", "thing": "server-ipmi",
             "map": "ipmi_exporter", "interval": INTERVAL},
        ),
        Tried(
            "snmp_exporter", _want("rack-se", "power/powerA", "power/currentA"),
            {"protocol": "prometheus", "url": f"http://127.0.0.1:{peers['snmp_exporter']}/snmp?target=192.0.2.7",
             "thing": "rack-se", "feed": "A", "map": "snmp_exporter-apc-rpdu2", "interval": INTERVAL},
        ),
        Tried(
            "mqtt", _want("rack-mq", *ROOM),
            {"protocol": "mqtt", **{k: v for k, v in host(broker).items() if k != "interval"},
             "devices": placed("r1", "rack-mq"), "topics": [{"filter": "dc/+/env", "time": "ts", "points": air}]},
        ),
        Tried(
            "mqtt-sparkplug", _want("rack-sp", *ROOM),
            {"protocol": "mqtt", **{k: v for k, v in host(broker).items() if k != "interval"},
             "devices": placed("hall/edge/probe", "rack-sp"), "sparkplug": air},
        ),
        Tried(
            "push-http", _want("rack-push", *ROOM),
            {"protocol": "push", "port": push[0], "token": env("PUSH"), "devices": placed("p", "rack-push"), "points": air},
        ),
        Tried(
            "push-websocket", _want("rack-ws", *ROOM),
            {"protocol": "push", "port": push[2], "wsPort": push[1], "token": env("PUSH"),
             "devices": placed("p", "rack-ws"), "points": air},
        ),
        Tried("csv", _want("rack-csv", *ROOM), _files("csv")),
        Tried("parquet", _want("rack-parquet", *ROOM), _files("parquet")),
        Tried(
            "telegraf", _want("server-tg", "cpu/utilization", "cpu/loadAverage", "memory/used", "disk/used"),
            uplink="none",
        ),
    ]  # fmt: skip


def _files(suffix: str) -> dict[str, Any]:
    columns = (("temperature", "t"), ("relativeHumidity", "h"))
    return {
        "protocol": "files", "pattern": f"old/*.{suffix}", "ledger": f"ledger-{suffix}.json", "rowsPerS": 200,
        "devices": [{"thing": f"rack-{suffix}"}],
        "points": [{"feature": "environment.top", "property": name, "path": column} for name, column in columns],
    }  # fmt: skip


def many(peers: dict[str, Any], devices: int) -> tuple[list[dict[str, Any]], list[str]]:
    """A hundred devices, by four protocols at once: entries and things. Each is read every second."""
    quarter = devices // 4
    urls = [f"http://127.0.0.1:{peers['redfish']['ports'][f'many-{n}']}" for n in range(quarter)]
    entries: list[dict[str, Any]] = [
        {
            "name": "pdus", "protocol": "snmp", "map": "apc-rpdu2", "community": {"env": "CHECK_COMMUNITY"}, "feed": "A",
            "devices": [
                {"host": "127.0.0.1", "port": peers["snmp"]["ports"][n], "thing": f"rack-m{n}"} for n in range(quarter)
            ],
        },
        {
            "name": "units", "protocol": "modbus", "map": "cooling-unit", "host": "127.0.0.1", "port": peers["modbus"],
            "devices": [{"unit": n + 1, "thing": f"cooling-m{n}", "name": f"u{n}"} for n in range(quarter)],
        },
        {
            "name": "bmcs", "protocol": "redfish", "user": "collector",
            "devices": [
                {"url": url, "thing": f"server-m{n}", "password": {"env": f"CHECK_BMC_MANY_{n}"}}
                for n, url in enumerate(urls)
            ],
        },
        {
            "name": "exporters", "protocol": "prometheus", "map": "ipmi_exporter",
            "devices": [
                {"url": f"http://127.0.0.1:{peers['ipmi'][n]}/metrics", "thing": f"server-p{n}"} for n in range(quarter)
            ],
        },
    ]  # fmt: skip
    kinds = ("rack-m", "cooling-m", "server-m", "server-p")
    return entries, [f"{kind}{n}" for kind in kinds for n in range(quarter)]
