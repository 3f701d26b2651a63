"""One server: load, temperatures, fans, power."""

from __future__ import annotations

from typing import Final

from dashboards import flux, panels
from dashboards.frame import Page


def _of(measurement: str, *fields: str) -> str:
    return flux.over_time(flux.points(measurement, fields, flux.BY_SERVER), ["_field"])


def _newest(measurement: str, field: str) -> str:
    return flux.together(flux.now(measurement, [field], flux.BY_SERVER), "last")


_NONE: Final = "this server does not report it"
_FIELD: Final = "${__field.labels._field}"

PAGE: Final = Page(
    uid="racktwin-server",
    title="Server",
    description="Processors, memory, disks, network, temperatures, fans and power of a server.",
    variables=("server",),
    console="/room/${site}?thing=racktwin.${site}:server-${server}",
    sections=(
        (
            "Now",
            (
                panels.stat(
                    "Processors", "Time not idle.", _newest("cpu", "utilization"), "percent", decimals=0, none=_NONE
                ),
                panels.stat(
                    "Memory",
                    "Used as a share of what is installed.",
                    _newest("memory", "utilization"),
                    "percent",
                    decimals=0,
                    none=_NONE,
                ),
                panels.stat(
                    "Disk",
                    "Used as a share of the size.",
                    _newest("disk", "utilization"),
                    "percent",
                    decimals=0,
                    none=_NONE,
                ),
                panels.stat(
                    "Processor temperature",
                    "The hottest processor.",
                    _newest("thermal", "cpuTemperature"),
                    "celsius",
                    decimals=0,
                    none=_NONE,
                ),
                panels.stat(
                    "Inlet",
                    "Air at the server's front.",
                    _newest("thermal", "inletTemperature"),
                    "celsius",
                    steps=panels.INLET,
                    decimals=1,
                    none=_NONE,
                ),
                panels.stat(
                    "Power", "Active power of the server.", _newest("power", "power"), "watt", decimals=0, none=_NONE
                ),
            ),
        ),
        (
            "Load",
            (
                panels.lines(
                    "Processors", "Time not idle.", _of("cpu", "utilization"), "percent", name=_FIELD, low=0, none=_NONE
                ),
                panels.lines(
                    "Memory",
                    "Used and installed.",
                    _of("memory", "used", "total"),
                    "bytes",
                    name=_FIELD,
                    low=0,
                    none=_NONE,
                ),
                panels.lines(
                    "Disk",
                    "Read and write rates.",
                    _of("disk", "readBytes", "writeBytes"),
                    "Bps",
                    name=_FIELD,
                    low=0,
                    none=_NONE,
                ),
                panels.lines(
                    "Network",
                    "Receive and transmit rates of all interfaces.",
                    _of("network", "rx", "tx"),
                    "Bps",
                    name=_FIELD,
                    low=0,
                    none=_NONE,
                ),
            ),
        ),
        (
            "Heat",
            (
                panels.lines(
                    "Temperatures",
                    "Processor, inlet and exhaust. Hot because the inlet is hot is the room's fault; hot at a cool inlet is the server's.",
                    _of("thermal", "cpuTemperature", "inletTemperature", "exhaustTemperature"),
                    "celsius",
                    name=_FIELD,
                    none=_NONE,
                ),
                panels.lines(
                    "Fans", "Speed of the fans.", _of("thermal", "fanSpeed"), "rotrpm", name=_FIELD, low=0, none=_NONE
                ),
                panels.lines(
                    "Power",
                    "Active power of the server.",
                    _of("power", "power"),
                    "watt",
                    name=_FIELD,
                    low=0,
                    none=_NONE,
                ),
                panels.lines(
                    "Frequency",
                    "Clock of the processors.",
                    _of("cpu", "frequency"),
                    "hertz",
                    name=_FIELD,
                    low=0,
                    none=_NONE,
                ),
            ),
        ),
        (
            "Experiments",
            (
                panels.history_of_states(
                    "What was tried",
                    "Deliberate loads on the server, from their beginning on, as `racktwin experiment` announces them.",
                    flux.over_time(
                        flux.points("score", ["annotation"], flux.BY_SERVER, 'r.feature == "experiment"'),
                        ["thing"],
                        "last",
                    ),
                    height=5,
                    none="no experiment was announced in this time",
                ),
            ),
        ),
    ),
)
