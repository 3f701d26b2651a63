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
_SILENT: Final = "not told"
_FIELD: Final = "${__field.labels._field}"
_NO_DISKS: Final = "nobody tells of this server's disks: see Watch the disks in the README"
_DISK_FIELD: Final = "${__field.labels.disk} ${__field.name}"
_COUNTERS: Final = (
    "reallocatedSectors",
    "pendingSectors",
    "offlineUncorrectable",
    "reportedUncorrectable",
    "mediaErrors",
)
_TOLD: Final = (
    *_COUNTERS,
    "model",
    "serial",
    "health",
    "powerOnHours",
    "percentageUsed",
    "availableSpare",
    "temperature",
)
# Texts and numbers stand in one table as texts.
_DISKS: Final = (
    flux.points("smart", _TOLD, flux.BY_SERVER, bucket="${site}", start="-1h", stop="now()")
    + '\n  |> last()\n  |> toString()\n  |> keep(columns: ["disk", "_field", "_value"])\n  |> group()'
    + '\n  |> pivot(rowKey: ["disk"], columnKey: ["_field"], valueColumn: "_value")\n  |> sort(columns: ["disk"])'
)

PAGE: Final = Page(
    uid="racktwin-server",
    title="Server",
    description="Processors, memory, disks, network, temperatures, fans and power of a server.",
    variables=("server",),
    about=flux.BY_SERVER,
    console="/room/${site}?thing=racktwin.${site}:server-${server}",
    ditto_ui="/?filter=racktwin.${site}:server-${server}",
    sections=(
        (
            "Now",
            (
                panels.stat(
                    "Processors", "Time not idle.", _newest("cpu", "utilization"), "percent", decimals=0, none=_SILENT
                ),
                panels.stat(
                    "Memory",
                    "Used as a share of what is installed.",
                    _newest("memory", "utilization"),
                    "percent",
                    decimals=0,
                    none=_SILENT,
                ),
                panels.stat(
                    "Disk",
                    "Used as a share of the size.",
                    _newest("disk", "utilization"),
                    "percent",
                    decimals=0,
                    none=_SILENT,
                ),
                panels.stat(
                    "Processor temperature",
                    "The hottest processor.",
                    _newest("thermal", "cpuTemperature"),
                    "celsius",
                    decimals=0,
                    none=_SILENT,
                ),
                panels.stat(
                    "Inlet",
                    "Air at the server's front.",
                    _newest("thermal", "inletTemperature"),
                    "celsius",
                    steps=panels.INLET,
                    decimals=1,
                    none=_SILENT,
                ),
                panels.stat(
                    "Power", "Active power of the server.", _newest("power", "power"), "watt", decimals=0, none=_SILENT
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
            "Disks",
            (
                panels.rows(
                    "What each disk tells",
                    "SMART attributes of the newest reading: sectors reallocated, waiting and not read, errors told to the host, rated writes used up. Which of it is too much the maintenance page says.",
                    _DISKS,
                    names={
                        "disk": "Disk",
                        "model": "Model",
                        "serial": "Serial",
                        "health": "Says of itself",
                        "powerOnHours": "Hours",
                        "reallocatedSectors": "Reallocated",
                        "pendingSectors": "Pending",
                        "offlineUncorrectable": "Unreadable",
                        "reportedUncorrectable": "Reported",
                        "mediaErrors": "Media errors",
                        "percentageUsed": "Used up (%)",
                        "availableSpare": "Spare (%)",
                        "temperature": "Temperature (°C)",
                    },
                    none=_NO_DISKS,
                ),
                panels.lines(
                    "Bad sectors and errors",
                    "Counters that go before a failure. What matters is growth: at rest they may stay for years.",
                    flux.over_time(
                        flux.points("smart", _COUNTERS, flux.BY_SERVER),
                        ["disk", "_field"],
                        "max",
                    ),
                    "none",
                    name=_DISK_FIELD,
                    many=True,
                    low=0,
                    none=_NO_DISKS,
                ),
                panels.lines(
                    "Rated writes used up, and spare",
                    "Of flash alone. A disk may outlive its rated writes; its warranty does not.",
                    flux.over_time(
                        flux.points("smart", ("percentageUsed", "availableSpare"), flux.BY_SERVER), ["disk", "_field"]
                    ),
                    "percent",
                    name=_DISK_FIELD,
                    many=True,
                    low=0,
                    none="no disk of flash tells of its wear",
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
                        flux.points(
                            "score", ["annotation"], flux.BY_SERVER, 'r.feature == "experiment"', bucket="${site}_log"
                        ),
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
