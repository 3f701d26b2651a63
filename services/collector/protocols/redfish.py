"""Redfish: temperatures, power, fans and sensors of servers and of rack equipment, by DMTF's schema.

Resources are found by their links, never by guessed paths. What each property is called stands in ``data/redfish/``;
a point names several places, newest schema first, and the first that a service has is used. A map also says which
resources matter, so that nothing else is fetched.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import structlog

from collector import maps, paths, secrets
from collector.config import Target
from collector.fetch import Site, basic
from collector.model import Found, Plugin, Reading, SourceError, Surroundings
from collector.points import Binding, Point, bind, something
from collector.redfish_drives import Drives
from collector.secrets import Secret

_log: Final = structlog.stdlib.get_logger()
_ROOT: Final = "/redfish/v1/"
_LOGOUT_S: Final = 2.0
# How to each resource from the chassis, the system or the PDU: link after link.
_LINKS: Final[dict[str, tuple[str, ...]]] = {
    "Chassis": ("chassis",),
    "ComputerSystem": ("system",),
    "EnvironmentMetrics": ("chassis", "EnvironmentMetrics"),
    "ThermalMetrics": ("chassis", "ThermalSubsystem", "ThermalMetrics"),
    "Fans": ("chassis", "ThermalSubsystem", "Fans"),
    "Thermal": ("chassis", "Thermal"),
    "Power": ("chassis", "Power"),
    "Sensors": ("chassis", "Sensors"),
    "PDU": ("pdu", "Metrics"),
    "Storage": ("system", "Storage"),
    # Many, each a disk of its own: see `collector.redfish_drives`.
    "Drives": ("system", "Storage"),
}
_COLLECTIONS: Final = ("Fans", "Sensors", "Storage")
_DISK: Final = "{disk}"


class Place(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One place where a value may stand."""

    resource: str
    path: str
    aggregate: paths.Aggregate = "first"
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.resource not in _LINKS:
            raise ValueError(f"resource {self.resource!r}: expected one of {', '.join(_LINKS)}")
        paths.parse(self.path)


class RedfishPoint(Point, kw_only=True):
    """``places``: newest schema first."""

    places: list[Place]


class RedfishOptions(Target, kw_only=True):
    """One service. ``chassis`` and ``system`` are ids; the first of each when left out."""

    thing: str = ""
    url: str = ""
    host: str = ""
    port: int = 443
    user: str = ""
    password: Secret | None = None
    session: bool = False
    """Log in once and use a token, instead of basic authentication."""
    verify: bool = True
    ca_file: str = ""
    chassis: str = ""
    system: str = ""
    map: str = "redfish"
    points: list[RedfishPoint] = []
    timeout_s: float = 8.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url and not self.host:
            raise ValueError("expected url, or host (and port)")

    @property
    def address(self) -> str:
        """URL of the service."""
        return self.url or f"https://{self.host}:{self.port}"


class Service:
    """A Redfish service: login, links, resources."""

    def __init__(self, options: RedfishOptions) -> None:
        """Raises ValueError for an address that is none."""
        self._options = options
        self._site = Site(options.address, timeout_s=options.timeout_s, ca_file=options.ca_file, verify=options.verify)
        self._headers: dict[str, str] | None = None
        self._session = ""
        self._links: dict[str, str | None] = {}
        self._expands = False
        self.root: dict[str, Any] = {}

    async def get(self, path: str) -> Any:
        """The resource at a path, None where there is none. Raises SourceError."""
        if self._headers is None:
            await self._login()
        return await self._site.get_json(path, self._headers)

    async def resource(self, name: str) -> Any:
        """A resource by its name in the map, None where the service has none. Raises SourceError."""
        path = self._links[name] if name in self._links else await self._follow(name)
        if path is None:
            return None
        if name in _COLLECTIONS:
            return await self._members(path)
        return await self.get(path)

    async def first(self, collection: str, wanted: str = "") -> str | None:
        """Path of a member of a root collection: the one with this id, or the first."""
        link = (self.root.get(collection) or {}).get("@odata.id")
        found = await self.get(link) if link else None
        members = [member["@odata.id"] for member in (found or {}).get("Members", ())]
        if wanted:
            for path in members:
                if path.rstrip("/").rpartition("/")[2] == wanted:
                    return str(path)
            raise SourceError(f"{self._options.address}: {collection} has no {wanted}; it has {', '.join(members)}")
        return str(members[0]) if members else None

    async def close(self) -> None:
        """Log out where there is a session (a service has few of them), hang up, look at everything anew next time."""
        headers, self._headers = self._headers, None
        session, self._session = self._session, ""
        if session:
            with contextlib.suppress(SourceError, TimeoutError):
                async with asyncio.timeout(_LOGOUT_S):
                    await self._site.request("DELETE", session, headers=headers)
        self._site.close()
        self._links.clear()

    async def _login(self) -> None:
        options = self._options
        password = secrets.read(options.password)
        headers: dict[str, str] = {}
        if options.session and options.user:
            body = msgspec.json.encode({"UserName": options.user, "Password": password})
            answer = await self._site.request(
                "POST", f"{_ROOT}SessionService/Sessions", body=body, headers={"Content-Type": "application/json"}
            )
            if answer.status not in (200, 201) or not answer.token:
                raise SourceError(f"{options.address}: no session for {options.user}: {answer.status}")
            headers = {"X-Auth-Token": answer.token}
            # A path; some services give the whole address.
            self._session = urlsplit(answer.location).path
        elif options.user:
            headers = basic(options.user, password)
        root = await self._site.get_json(_ROOT, headers)
        if not isinstance(root, dict):
            raise SourceError(f"{options.address}: no Redfish service at {_ROOT}")
        self._headers, self.root = headers, root
        features = root.get("ProtocolFeaturesSupported") or {}
        self._expands = bool((features.get("ExpandQuery") or {}).get("NoLinks"))
        for name, collection, wanted in (
            ("chassis", "Chassis", options.chassis),
            ("system", "Systems", options.system),
        ):
            self._links[name] = await self.first(collection, wanted)
        self._links["pdu"] = await self._pdu()

    async def _pdu(self) -> str | None:
        equipment = (self.root.get("PowerEquipment") or {}).get("@odata.id")
        found = await self.get(equipment) if equipment else None
        for collection in ("RackPDUs", "FloorPDUs"):
            link = ((found or {}).get(collection) or {}).get("@odata.id")
            members = ((await self.get(link) if link else None) or {}).get("Members") or []
            if members:
                return str(members[0]["@odata.id"])
        return None

    async def _follow(self, name: str) -> str | None:
        if self._headers is None:
            await self._login()
        first, *rest = _LINKS[name]
        path = self._links[first]
        for link in rest:
            found = await self.get(path) if path is not None else None
            path = ((found or {}).get(link) or {}).get("@odata.id")
        self._links[name] = path
        return path

    async def _members(self, path: str) -> dict[str, Any] | None:
        found = await self.get(f"{path}?$expand=.($levels=1)" if self._expands else path)
        if not isinstance(found, dict):
            return None
        members = [
            member if set(member) != {"@odata.id"} else await self.get(member["@odata.id"])
            for member in found.get("Members", ())
        ]
        return {"Members": [member for member in members if member is not None]}


class RedfishSource:
    """One service's values."""

    def __init__(self, options: RedfishOptions, surroundings: Surroundings) -> None:
        points = list(options.points)
        if options.map:
            points += maps.load("redfish", options.map, RedfishPoint, options.folder).points
        self.name = options.name
        self.bindings: Sequence[Binding[RedfishPoint]] = something(
            bind(
                points, site=surroundings.site, thing=options.thing, interval=options.interval, feed=options.feed,
                sensor=options.sensor,
            ),
            options.map or "points",
        )  # fmt: skip
        self._service, self._clock = Service(options), surroundings.clock
        # Drives have what is left of half of the time that a reading may take, so that what goes with it is not lost.
        self._for_drives_s = options.timeout_s / 2.0
        self._drives = Drives(self._service.get, time.monotonic)
        self._no_drives = ""
        # Where each value was found; a service does not change its schema while it runs.
        self._chosen: dict[str, Place] = {}

    async def read(self, due: Sequence[Binding[RedfishPoint]]) -> list[Reading]:
        ends = time.monotonic() + self._for_drives_s
        fetched: dict[str, Any] = {}
        readings = []
        of_drives = [binding for binding in due if _DISK in binding.feature]
        for binding in due:
            if _DISK in binding.feature:
                continue
            raw = await self._value(binding, fetched)
            reading = binding.reading(raw, self._clock())
            if reading is not None:
                readings.append(reading)
        # Last: that the service does not let us in is said by what every service has.
        if of_drives:
            readings += await self._of_drives(of_drives, ends)
        return readings

    async def close(self) -> None:
        await self._service.close()
        self._chosen.clear()

    async def _of_drives(self, due: Sequence[Binding[RedfishPoint]], ends: float) -> list[Reading]:
        """Each value of each drive; one that has none of a schema's places is another kind of disk."""
        try:
            async with asyncio.timeout(max(0.0, ends - time.monotonic())):
                storages = await self._service.resource("Storage")
            found = await self._drives.read(storages, ends)
        except (SourceError, TimeoutError) as error:
            # Many services let a reader see everything else; then everything else is read.
            reason = str(error) or "Storage is not read in half of timeout_s; next: raise timeout_s"
            if reason != self._no_drives:
                _log.warning("drives are not read", source=self.name, reason=reason)
            self._no_drives = reason
            return []
        self._no_drives = ""
        readings = []
        for feature, drive in found.items():
            now = self._clock()
            for binding in due:
                raw = next((value for place in binding.point.places if (value := _at(drive, place)) is not None), None)
                reading = binding.reading(raw, now)
                if reading is not None:
                    readings.append(msgspec.structs.replace(reading, feature=feature))
        return readings

    async def _value(self, binding: Binding[RedfishPoint], fetched: dict[str, Any]) -> Any:
        chosen = self._chosen.get(binding.label())
        for place in (chosen,) if chosen is not None else binding.point.places:
            if place.resource not in fetched:
                fetched[place.resource] = await self._service.resource(place.resource)
            raw = _at(fetched[place.resource], place)
            if raw is not None:
                self._chosen[binding.label()] = place
                return raw
        return None


def _at(document: Any, place: Place) -> Any:
    raw = paths.pick(document, place.path, place.aggregate)
    return raw * place.scale if place.scale != 1.0 and isinstance(raw, int | float) else raw


async def discover(host: str, port: int, options: RedfishOptions, _surroundings: Surroundings) -> Found | None:
    """What an address says it is; None where no Redfish service answers."""
    scheme = options.url.partition("://")[0] or "https"
    service = Service(msgspec.structs.replace(options, url=f"{scheme}://{host}:{port}", host=host, port=port))
    try:
        chassis = await service.resource("Chassis") or {}
        system = await service.resource("ComputerSystem")
        pdu = await service.resource("PDU")
    except SourceError:
        return None
    finally:
        await service.close()
    of = system or chassis
    placement = (chassis.get("Location") or of.get("Location") or {}).get("Placement") or {}
    unit, height = placement.get("RackOffset"), chassis.get("HeightMm")
    return Found(
        protocol="redfish",
        host=host,
        port=port,
        name=str(of.get("HostName") or of.get("AssetTag") or of.get("Name") or host),
        kind="server" if system else "pdu" if pdu else "rack",
        map="redfish",
        vendor=str(of.get("Manufacturer") or ""),
        model=str(of.get("Model") or ""),
        serial=str(of.get("SerialNumber") or ""),
        rack=str(placement.get("Rack") or ""),
        row=str(placement.get("Row") or ""),
        unit=float(unit) if isinstance(unit, int | float) else None,
        # A rack unit is 44.45 mm.
        height=max(1.0, round(height / 44.45)) if isinstance(height, int | float) else None,
    )


PLUGIN = Plugin(RedfishOptions, RedfishSource, discover=discover, default_port=443)
