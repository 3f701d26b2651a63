"""ThingsBoard: telemetry of its devices by the REST or the WebSocket API, each device mapped to a place by a table.

The table says which device is which thing and sensor (``device, thing, sensor``), and may lie in a CSV file. Devices
are named as in ThingsBoard, or by id. Keys are those of the telemetry; temperature and humidity are the default.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec

from collector import secrets
from collector.config import Common
from collector.fetch import Site, tls_context
from collector.model import ConfigError, Emit, Plugin, Reading, SourceError, Surroundings
from collector.points import Binding, Point, as_number, bind, something
from collector.secrets import Secret

_ID: Final = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)


class ThingsBoardPoint(Point, kw_only=True):
    """``key`` of the telemetry."""

    key: str


_DEFAULT: Final = (
    ThingsBoardPoint(feature="environment.{sensor}", property="temperature", unit="Cel", key="temperature"),
    ThingsBoardPoint(feature="environment.{sensor}", property="relativeHumidity", unit="%", key="humidity"),
)


class Device(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A row of the table."""

    device: str
    thing: str
    sensor: str = ""
    feed: str = ""


class ThingsBoardOptions(Common, kw_only=True):
    """One server. ``mode: rest`` asks at the interval, ``websocket`` is told of each change."""

    url: str
    user: str = ""
    password: Secret | None = None
    api_key: Secret | None = None
    mode: Literal["rest", "websocket"] = "websocket"
    devices: list[Device]
    points: list[ThingsBoardPoint] = msgspec.field(default_factory=lambda: list(_DEFAULT))
    verify: bool = True
    ca_file: str = ""
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.devices:
            raise ValueError("devices: expected rows of device, thing and sensor, or devicesFile")
        if (self.api_key is None) == (self.password is None):
            raise ValueError("expected user and password, or apiKey")


class _ThingsBoard:
    """What both ways share: the table, the login, the ids."""

    def __init__(self, options: ThingsBoardOptions, surroundings: Surroundings) -> None:
        self.name = options.name
        self._options, self._clock = options, surroundings.clock
        self._by_device: dict[str, Sequence[Binding[ThingsBoardPoint]]] = {}
        for device in options.devices:
            try:
                self._by_device[device.device] = something(
                    bind(
                        options.points, site=surroundings.site, thing=device.thing, interval=options.interval,
                        feed=device.feed, sensor=device.sensor,
                    ),
                    "points",
                )  # fmt: skip
            except ConfigError as error:
                raise ConfigError(f"device {device.device}: {error}") from error
        self.bindings: Sequence[Binding[ThingsBoardPoint]] = [b for each in self._by_device.values() for b in each]
        self._device_of = {(b.thing, b.label()): name for name, each in self._by_device.items() for b in each}
        self._site = Site(options.url, timeout_s=options.timeout_s, ca_file=options.ca_file, verify=options.verify)
        self._headers: dict[str, str] | None = None
        self._token = ""
        self._ids: dict[str, str] = {}

    async def close(self) -> None:
        self._site.close()
        self._headers = None

    async def _login(self) -> dict[str, str]:
        if self._headers is not None:
            return self._headers
        options = self._options
        if options.api_key is not None:
            self._headers = {"X-Authorization": f"ApiKey {options.api_key.read()}"}
            return self._headers
        body = msgspec.json.encode({"username": options.user, "password": secrets.read(options.password)})
        answer = await self._site.request(
            "POST", "/api/auth/login", body=body, headers={"Content-Type": "application/json"}
        )
        if answer.status != 200:
            raise SourceError(f"{options.url}: login of {options.user} refused: {answer.status}")
        self._token = str(answer.json().get("token", ""))
        self._headers = {"X-Authorization": f"Bearer {self._token}"}
        return self._headers

    async def _get(self, path: str) -> Any:
        answer = await self._site.request("GET", path, headers=await self._login())
        if answer.status == 401:
            # The token has run out (two and a half hours by default): once more with a new one.
            self._headers = None
            answer = await self._site.request("GET", path, headers=await self._login())
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise SourceError(f"{self._options.url}{path.partition('?')[0]}: {answer.status}")
        return answer.json()

    async def _id_of(self, device: str) -> str:
        if _ID.fullmatch(device):
            return device
        if device not in self._ids:
            found = await self._get(f"/api/tenant/devices?deviceName={quote(device)}")
            if not isinstance(found, dict):
                raise SourceError(f"{self._options.url}: there is no device called {device!r}")
            self._ids[device] = str(found["id"]["id"])
        return self._ids[device]

    def _readings(self, bindings: Sequence[Binding[ThingsBoardPoint]], data: Any) -> list[Reading]:
        """Of ``{key: [{ts, value}, …]}`` or ``{key: [[ts, value], …]}``; a key that has no number has no value."""
        found = []
        for binding in bindings:
            for sample in (data or {}).get(binding.point.key) or ():
                time, value = (sample["ts"], sample["value"]) if isinstance(sample, dict) else sample[:2]
                # ThingsBoard says 0 and null of a key that was never sent.
                if value is None or not as_number(time):
                    continue
                reading = binding.reading(value, int(time))
                if reading is not None:
                    found.append(reading)
        return found


class RestSource(_ThingsBoard):
    """Asks for the latest telemetry of each device."""

    def __init__(self, options: ThingsBoardOptions, surroundings: Surroundings) -> None:
        super().__init__(options, surroundings)
        self._last: dict[tuple[str, str], int] = {}

    async def read(self, due: Sequence[Binding[ThingsBoardPoint]]) -> list[Reading]:
        by_device: dict[str, list[Binding[ThingsBoardPoint]]] = defaultdict(list)
        for binding in due:
            by_device[self._device_of[binding.thing, binding.label()]].append(binding)
        readings = []
        for device, bindings in by_device.items():
            keys = ",".join(sorted({quote(binding.point.key) for binding in bindings}))
            path = f"/api/plugins/telemetry/DEVICE/{await self._id_of(device)}/values/timeseries?keys={keys}"
            readings += self._readings(bindings, await self._get(path))
        # What was not sent anew since the last question is no new reading.
        fresh = [r for r in readings if self._last.get((r.thing, r.feature + r.property)) != r.time]
        for reading in fresh:
            self._last[reading.thing, reading.feature + reading.property] = reading.time
        return fresh


class WebSocketSource(_ThingsBoard):
    """Subscribes to the telemetry of each device."""

    async def listen(self, emit: Emit) -> None:
        from websockets.asyncio.client import connect  # noqa: PLC0415 - memory: for this mode alone
        from websockets.exceptions import WebSocketException  # noqa: PLC0415 - likewise

        options = self._options
        commands, bound = [], {}
        counter = itertools.count(1)
        # With a key instead of a token the REST login is all there is; the socket takes the key in its header.
        headers = await self._login()
        for device, bindings in self._by_device.items():
            number = next(counter)
            bound[number] = bindings
            commands.append(
                {
                    "cmdId": number,
                    "type": "TIMESERIES",
                    "entityType": "DEVICE",
                    "entityId": await self._id_of(device),
                    "scope": "LATEST_TELEMETRY",
                    "keys": ",".join(sorted({b.point.key for b in bindings})),
                }
            )
        hello: dict[str, Any] = {"cmds": commands}
        if self._token:
            hello["authCmd"] = {"cmdId": 0, "token": self._token}
        url = "ws" + options.url.rstrip("/").removeprefix("http") + "/api/ws"
        context = tls_context(options.ca_file, options.verify) if url.startswith("wss") else None
        try:
            async with connect(
                url, ssl=context, open_timeout=options.timeout_s, ping_interval=20, ping_timeout=20, proxy=None,
                additional_headers={} if self._token else headers,
            ) as socket:  # fmt: skip
                await socket.send(json.dumps(hello))
                async for text in socket:
                    update = json.loads(text)
                    if update.get("errorCode"):
                        raise SourceError(f"{options.url}: {update['errorCode']} {update.get('errorMsg')}")
                    readings = self._readings(bound.get(update.get("subscriptionId"), ()), update.get("data"))
                    if readings:
                        emit(readings)
        except (WebSocketException, ValueError) as error:
            raise SourceError(f"{options.url}: {error}") from error
        raise SourceError(f"{options.url}: the server ended the connection")


def _make(options: ThingsBoardOptions, surroundings: Surroundings) -> RestSource | WebSocketSource:
    return (RestSource if options.mode == "rest" else WebSocketSource)(options, surroundings)


PLUGIN = Plugin(ThingsBoardOptions, _make, shared=True, default_port=8080)
