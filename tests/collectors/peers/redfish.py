"""A Redfish service with the resources and property names of DMTF's schema bundle: a server, or a rack PDU.

Both generations of thermal and power resources are there on demand: `ThermalSubsystem` and `EnvironmentMetrics`, or
`Thermal` and `Power` as before 2020.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from aiohttp import web
from tests.collectors.peers.values import wave

ROOT = "/redfish/v1"


def link(path: str) -> dict[str, str]:
    """A reference to another resource."""
    return {"@odata.id": ROOT + path}


def collection(path: str, name: str, members: list[str]) -> dict[str, Any]:
    """A collection of resources."""
    return {
        "@odata.id": ROOT + path, "@odata.type": f"#{name}.{name}", "Name": name, "Members": [link(m) for m in members],
        "Members@odata.count": len(members),
    }  # fmt: skip


def excerpt(path: str, reading: float) -> dict[str, Any]:
    """A sensor's value inside another resource, as Sensor excerpts are."""
    return {"DataSourceUri": f"{ROOT}{path}", "Reading": round(reading, 1)}


class Mockup:
    """One service. ``generation``: ``subsystem`` (2020.4 and on) or ``legacy``; ``kind``: ``server`` or ``pdu``."""

    def __init__(
        self, device: int = 0, *, generation: str = "subsystem", kind: str = "server", expand: bool = True
    ) -> None:
        self.device, self.generation, self.kind, self.expand = device, generation, kind, expand
        self.user, self.password = "collector", secrets.token_urlsafe(12)
        self.token = secrets.token_urlsafe(12)
        self.requests: list[str] = []
        # How many are logged in by a session.
        self.sessions = 0

    def application(self) -> web.Application:
        """The service as an aiohttp application."""
        app = web.Application()
        app.router.add_post(f"{ROOT}/SessionService/Sessions", self._session)
        app.router.add_delete(f"{ROOT}/SessionService/Sessions/1", self._logout)
        app.router.add_get("/redfish/v1{path:.*}", self._get)
        return app

    async def _session(self, request: web.Request) -> web.Response:
        body = await request.json()
        if (body.get("UserName"), body.get("Password")) != (self.user, self.password):
            return web.json_response({"error": {"code": "Base.1.0.InsufficientPrivilege"}}, status=401)
        self.sessions += 1
        where = str(request.url.with_path(f"{ROOT}/SessionService/Sessions/1"))
        return web.json_response({"Id": "1"}, status=201, headers={"X-Auth-Token": self.token, "Location": where})

    async def _logout(self, request: web.Request) -> web.Response:
        if not self._admitted(request):
            return web.json_response({"error": {"code": "Base.1.0.NoValidSession"}}, status=401)
        self.sessions -= 1
        return web.Response(status=204)

    async def _get(self, request: web.Request) -> web.Response:
        path = request.match_info["path"].rstrip("/")
        self.requests.append(path)
        # The root alone is for everybody (DSP0266).
        if path and not self._admitted(request):
            return web.json_response({"error": {"code": "Base.1.0.NoValidSession"}}, status=401)
        found = self.resources().get(path)
        if found is None:
            return web.json_response({"error": {"code": "Base.1.0.ResourceMissingAtURI"}}, status=404)
        if "$expand" in request.query and self.expand and "Members" in found:
            all_ = self.resources()
            found = {**found, "Members": [all_[m["@odata.id"].removeprefix(ROOT)] for m in found["Members"]]}
        return web.json_response(found)

    def _admitted(self, request: web.Request) -> bool:
        if request.headers.get("X-Auth-Token") == self.token:
            return True
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return request.headers.get("Authorization", "") == f"Basic {login}"

    def resources(self) -> dict[str, dict[str, Any]]:
        """Every resource by its path below the root."""
        root: dict[str, Any] = {
            "@odata.id": ROOT, "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot", "Id": "RootService", "RedfishVersion": "1.20.0",
            "Name": "Root Service", "Chassis": link("/Chassis"),
            "ProtocolFeaturesSupported": {"ExpandQuery": {"NoLinks": self.expand, "Levels": self.expand}},
        }  # fmt: skip
        found = {"": root, "/Chassis": collection("/Chassis", "ChassisCollection", ["/Chassis/1"])}
        chassis: dict[str, Any] = {
            "@odata.id": f"{ROOT}/Chassis/1", "@odata.type": "#Chassis.v1_25_0.Chassis", "Id": "1", "Name": "Chassis",
            "ChassisType": "RackMount", "Manufacturer": "Contoso", "Model": "3500RX", "SerialNumber": f"SN{self.device:04}",
            "HeightMm": 88.9,
            "Location": {"Placement": {"Row": "R1", "Rack": "A03", "RackOffset": 10 + 2 * self.device, "RackOffsetUnits": "EIA_310"}},
            "Sensors": link("/Chassis/1/Sensors"),
        }  # fmt: skip
        found["/Chassis/1"] = chassis
        if self.kind == "server":
            root["Systems"] = link("/Systems")
            found["/Systems"] = collection("/Systems", "ComputerSystemCollection", ["/Systems/1"])
            found["/Systems/1"] = {
                "@odata.id": f"{ROOT}/Systems/1", "@odata.type": "#ComputerSystem.v1_22_0.ComputerSystem", "Id": "1",
                "Name": "System", "HostName": f"node{self.device:02}", "Manufacturer": "Contoso", "Model": "3500RX",
                "SerialNumber": f"SN{self.device:04}", "MemorySummary": {"TotalSystemMemoryGiB": 256},
                "Storage": link("/Systems/1/Storage"),
            }  # fmt: skip
            found |= self._storage()
            found |= self._subsystem(chassis) if self.generation == "subsystem" else self._legacy(chassis)
        else:
            root["PowerEquipment"] = link("/PowerEquipment")
            found["/PowerEquipment"] = {
                "@odata.id": f"{ROOT}/PowerEquipment",
                "RackPDUs": link("/PowerEquipment/RackPDUs"),
            }
            found["/PowerEquipment/RackPDUs"] = collection(
                "/PowerEquipment/RackPDUs", "PowerDistributionCollection", ["/PowerEquipment/RackPDUs/1"]
            )
            pdu = "/PowerEquipment/RackPDUs/1"
            found[pdu] = {
                "@odata.id": ROOT + pdu, "@odata.type": "#PowerDistribution.v1_4_0.PowerDistribution", "Id": "1",
                "EquipmentType": "RackPDU", "Metrics": link(f"{pdu}/Metrics"),
            }  # fmt: skip
            found[f"{pdu}/Metrics"] = {
                "@odata.id": f"{ROOT}{pdu}/Metrics",
                "@odata.type": "#PowerDistributionMetrics.v1_3_0.PowerDistributionMetrics", "Id": "Metrics",
                "PowerWatts": excerpt(f"{pdu}/Sensors/Power", wave(4200, 200, self.device)),
                "EnergykWh": excerpt(f"{pdu}/Sensors/Energy", 325_675.2),
                "TemperatureCelsius": excerpt(f"{pdu}/Sensors/Temperature", wave(24, 1, self.device)),
                "HumidityPercent": excerpt(f"{pdu}/Sensors/Humidity", wave(44, 2, self.device)),
            }  # fmt: skip
        return found

    def _storage(self) -> dict[str, dict[str, Any]]:
        """A controller with a disk, an empty bay and a disk that fails, and NVMe without one; two have the same id."""
        base = "/Systems/1/Storage"
        found = {base: collection(base, "StorageCollection", [f"{base}/RAID1", f"{base}/NVMe"])}
        for storage, ids in (("RAID1", ("Disk.Bay.0", "Disk.Bay.1", "2")), ("NVMe", ("2",))):
            paths = [f"{base}/{storage}/Drives/{id_}" for id_ in ids]
            found[f"{base}/{storage}"] = {
                "@odata.id": f"{ROOT}{base}/{storage}", "@odata.type": "#Storage.v1_17_0.Storage", "Id": storage,
                "Drives": [link(path) for path in paths],
            }  # fmt: skip
            for id_, path in zip(ids, paths, strict=True):
                found[path] = {
                    "@odata.id": ROOT + path, "@odata.type": "#Drive.v1_21_0.Drive", "Id": id_,
                    "Status": {"State": "Absent" if id_ == "Disk.Bay.1" else "Enabled", "Health": "OK"},
                    "SerialNumber": f"{storage}-{id_}-{self.device}", "Model": "Contoso D1", "CapacityBytes": 8 * 10**12,
                    "MediaType": "SSD" if storage == "NVMe" else "HDD", "FailurePredicted": id_ == "Disk.Bay.0",
                }  # fmt: skip
        ssd = found[f"{base}/NVMe/Drives/2"]
        ssd |= {"PredictedMediaLifeLeftPercent": 37, "Metrics": link(f"{base}/NVMe/Drives/2/Metrics")}
        ssd |= {"EnvironmentMetrics": link(f"{base}/NVMe/Drives/2/EnvironmentMetrics")}
        found[f"{base}/NVMe/Drives/2/Metrics"] = {
            "@odata.type": "#DriveMetrics.v1_2_0.DriveMetrics", "PowerOnHours": 1200.5, "BadBlockCount": 3,
            "NVMeSMART": {"AvailableSparePercent": 98, "MediaAndDataIntegrityErrors": 1},
        }  # fmt: skip
        found[f"{base}/NVMe/Drives/2/EnvironmentMetrics"] = {"TemperatureCelsius": {"Reading": 41.5}}
        return found

    def _subsystem(self, chassis: dict[str, Any]) -> dict[str, dict[str, Any]]:
        base, d = "/Chassis/1", self.device
        thermal = f"{base}/ThermalSubsystem"
        chassis |= {"ThermalSubsystem": link(thermal), "EnvironmentMetrics": link(f"{base}/EnvironmentMetrics")}
        fans = [f"{thermal}/Fans/Bay{number}" for number in (1, 2)]
        found = {
            thermal: {
                "@odata.id": ROOT + thermal, "@odata.type": "#ThermalSubsystem.v1_3_2.ThermalSubsystem",
                "ThermalMetrics": link(f"{thermal}/ThermalMetrics"), "Fans": link(f"{thermal}/Fans"),
            },
            f"{thermal}/ThermalMetrics": {
                "@odata.id": f"{ROOT}{thermal}/ThermalMetrics", "@odata.type": "#ThermalMetrics.v1_3_1.ThermalMetrics",
                "TemperatureSummaryCelsius": {
                    "Intake": excerpt(f"{base}/Sensors/IntakeTemp", wave(23, 1.5, d)),
                    "Exhaust": excerpt(f"{base}/Sensors/ExhaustTemp", wave(38, 2, d)),
                },
                "TemperatureReadingsCelsius": [
                    {**excerpt(f"{base}/Sensors/CPU{n}Temp", wave(62 + n, 6, d)), "PhysicalContext": "CPU", "DeviceName": f"CPU{n}"}
                    for n in (1, 2)
                ],
            },
            f"{base}/EnvironmentMetrics": {
                "@odata.id": f"{ROOT}{base}/EnvironmentMetrics", "@odata.type": "#EnvironmentMetrics.v1_4_0.EnvironmentMetrics",
                "PowerWatts": excerpt(f"{base}/Sensors/TotalPower", wave(374, 40, d)),
                "EnergykWh": excerpt(f"{base}/Sensors/TotalEnergy", 1325.6),
            },
            f"{thermal}/Fans": collection(f"{thermal}/Fans", "FanCollection", fans),
            f"{base}/Sensors": collection(f"{base}/Sensors", "SensorCollection", []),
        }  # fmt: skip
        for number, path in enumerate(fans, 1):
            percent = wave(45, 5, d + number)
            found[path] = {
                "@odata.id": ROOT + path, "@odata.type": "#Fan.v1_5_2.Fan", "Id": f"Bay{number}",
                "SpeedPercent": {**excerpt(f"{base}/Sensors/Fan{number}", percent), "SpeedRPM": round(percent * 110)},
            }  # fmt: skip
        return found

    def _legacy(self, chassis: dict[str, Any]) -> dict[str, dict[str, Any]]:
        base, d = "/Chassis/1", self.device
        chassis |= {"Thermal": link(f"{base}/Thermal"), "Power": link(f"{base}/Power")}
        rows = [("CPU1 Temp", "CPU", 63), ("CPU2 Temp", "CPU", 66), ("Inlet", "Intake", 23), ("Exhaust", "Exhaust", 39)]
        return {
            f"{base}/Thermal": {
                "@odata.id": f"{ROOT}{base}/Thermal", "@odata.type": "#Thermal.v1_7_1.Thermal",
                "Temperatures": [
                    {"MemberId": str(n), "Name": name, "PhysicalContext": where, "ReadingCelsius": round(wave(mean, 2, d), 1)}
                    for n, (name, where, mean) in enumerate(rows)
                ],
                "Fans": [{"MemberId": str(n), "Name": f"Fan {n}", "Reading": 5100 + n, "ReadingUnits": "RPM"} for n in (0, 1)],
            },
            f"{base}/Power": {
                "@odata.id": f"{ROOT}{base}/Power", "@odata.type": "#Power.v1_7_1.Power",
                "PowerControl": [{"MemberId": "0", "Name": "Server Power Control", "PowerConsumedWatts": round(wave(344, 30, d))}],
            },
        }  # fmt: skip


async def serve(mockup: Mockup, port: int = 0) -> tuple[web.AppRunner, int]:
    """Serve a service on loopback; the runner and its port."""
    return await serve_application(mockup.application(), port)


async def serve_application(app: web.Application, port: int = 0) -> tuple[web.AppRunner, int]:
    """Serve any application on loopback."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    return runner, int(runner.addresses[0][1])
