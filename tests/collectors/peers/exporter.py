"""Exporters made with Prometheus' own client library: one with ipmi_exporter's metric names, one as snmp_exporter is."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, start_http_server
from tests.collectors.peers.values import wave


def ipmi(device: int, port: int = 0) -> tuple[object, int]:
    """A server's BMC by ipmi_exporter; the server and its port."""
    registry = CollectorRegistry()
    temperature = Gauge(
        "ipmi_temperature_celsius", "Temperature reading in degree Celsius.", ["id", "name"], registry=registry
    )
    for number, (name, mean) in enumerate(
        (("Inlet Temp", 22.0), ("Exhaust Temp", 37.0), ("CPU1 Temp", 60.0), ("CPU2 Temp", 64.0))
    ):
        temperature.labels(str(number), name).set_function(lambda mean=mean: wave(mean, 1.5, device))
    fans = Gauge("ipmi_fan_speed_rpm", "Fan speed in rotations per minute.", ["id", "name"], registry=registry)
    ratio = Gauge(
        "ipmi_fan_speed_ratio", "Fan speed as a proportion of the maximum speed.", ["id", "name"], registry=registry
    )
    for number in (1, 2):
        fans.labels(str(40 + number), f"Fan{number} RPM").set_function(lambda: wave(5200, 200, device))
        ratio.labels(str(40 + number), f"Fan{number} RPM").set_function(lambda: wave(0.42, 0.02, device))
    power = Gauge("ipmi_dcmi_power_consumption_watts", "Current power consumption in Watts.", registry=registry)
    power.set_function(lambda: wave(361, 25, device))
    server, _ = start_http_server(port, addr="127.0.0.1", registry=registry)
    return server, int(server.server_address[1])


def snmp(device: int, port: int = 0) -> tuple[object, int]:
    """An APC PDU by snmp_exporter."""
    registry = CollectorRegistry()
    Gauge("rPDU2DeviceStatusPower", "Power consumption in hundredths of kilowatts", ["rPDU2DeviceStatusIndex"], registry=registry).labels(
        "1"
    ).set_function(lambda: round(wave(480, 30, device)))  # fmt: skip
    Gauge("rPDU2PhaseStatusCurrent", "Current in tenths of amps", ["rPDU2PhaseStatusIndex"], registry=registry).labels(
        "1"
    ).set_function(lambda: round(wave(208, 12, device)))  # fmt: skip
    server, _ = start_http_server(port, addr="127.0.0.1", registry=registry)
    return server, int(server.server_address[1])
