"""SNMP v2c and v3: PDUs and environment probes by their OIDs. The maps, one per vendor, are data in ``data/snmp/``.

Values come in one GET of a few dozen OIDs at most. Discovery asks an address for ``sysObjectID`` and finds the map.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    get_cmd,
    usmAesCfb128Protocol,
    usmAesCfb256Protocol,
    usmHMAC128SHA224AuthProtocol,
    usmHMAC192SHA256AuthProtocol,
    usmHMAC384SHA512AuthProtocol,
    usmHMACSHAAuthProtocol,
    usmNoPrivProtocol,
)
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

from collector import maps, secrets
from collector.config import Target
from collector.model import Found, Plugin, Reading, SourceError, Surroundings
from collector.points import Binding, Point, as_number, bind, something
from collector.secrets import Secret

_AT_ONCE: Final = 24
_SYS_DESCR: Final = "1.3.6.1.2.1.1.1.0"
_SYS_OBJECT_ID: Final = "1.3.6.1.2.1.1.2.0"
_SYS_NAME: Final = "1.3.6.1.2.1.1.5.0"
_SYS_LOCATION: Final = "1.3.6.1.2.1.1.6.0"
_AUTH: Final = {
    "sha": usmHMACSHAAuthProtocol,
    "sha224": usmHMAC128SHA224AuthProtocol,
    "sha256": usmHMAC192SHA256AuthProtocol,
    "sha512": usmHMAC384SHA512AuthProtocol,
}
_PRIVACY: Final = {"aes128": usmAesCfb128Protocol, "aes256": usmAesCfb256Protocol, "none": usmNoPrivProtocol}


class SnmpPoint(Point, kw_only=True):
    """``digits_oid``: where the agent says how many decimal digits the value has; asked once."""

    oid: str
    digits_oid: str = ""

    def __post_init__(self) -> None:
        for oid in (self.oid, self.digits_oid or "1.3"):
            if not all(part.isdigit() for part in oid.split(".")):
                raise ValueError(f"oid {oid!r}: expected numbers and dots")


class SnmpOptions(Target, kw_only=True):
    """One agent. v2c: ``community``; v3: ``user`` with ``auth_password`` and ``priv_password``."""

    thing: str = ""
    host: str
    port: int = 161
    version: Literal["2c", "3"] = "2c"
    community: Secret | None = None
    user: str = ""
    auth: Literal["sha", "sha224", "sha256", "sha512"] = "sha256"
    auth_password: Secret | None = None
    priv: Literal["aes128", "aes256", "none"] = "aes128"
    priv_password: Secret | None = None
    map: str = ""
    points: list[SnmpPoint] = []

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.version == "2c" and self.community is None:
            raise ValueError("community: expected {file: PATH} or {env: NAME}")
        if self.version == "3" and (not self.user or self.auth_password is None):
            raise ValueError("version 3: expected user and authPassword")


class _Engines:
    """One engine for all agents: it is the largest thing that SNMP keeps in memory."""

    engine: SnmpEngine | None = None
    loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def get(cls) -> SnmpEngine:
        # Its sockets belong to the loop that it was made in.
        loop = asyncio.get_running_loop()
        if cls.engine is None or cls.loop is not loop:
            cls.engine, cls.loop = SnmpEngine(), loop
        return cls.engine


class SnmpSession:
    """Questions to one agent."""

    def __init__(self, options: SnmpOptions) -> None:
        self._options = options
        self._auth: Any = None
        self._target: Any = None

    async def get(self, oids: Sequence[str]) -> dict[str, Any]:
        """Values by OID; what the agent does not have is left out.

        Raises:
            SourceError: it does not answer, or refuses.
        """
        if self._target is None:
            self._auth = _login(self._options)
            self._target = await UdpTransportTarget.create(
                (self._options.host, self._options.port), timeout=max(0.5, self._options.timeout_s / 2), retries=1
            )
        found: dict[str, Any] = {}
        for at in range(0, len(oids), _AT_ONCE):
            chosen = oids[at : at + _AT_ONCE]
            wanted = [ObjectType(ObjectIdentity(oid)) for oid in chosen]
            trouble, status, index, answers = await get_cmd(
                _Engines.get(), self._auth, self._target, ContextData(), *wanted, lookupMib=False
            )
            where = f"{self._options.host}:{self._options.port}"
            if trouble:
                raise SourceError(f"{where}: {trouble}")
            if status:
                which = f" for {chosen[int(index) - 1]}" if index else ""
                raise SourceError(f"{where}: {status.prettyPrint()}{which}")
            for oid, (_, value) in zip(chosen, answers, strict=True):
                if not isinstance(value, NoSuchObject | NoSuchInstance | EndOfMibView):
                    found[oid] = value
        return found

    def close(self) -> None:
        """Forget the login, which is read anew: a community may have been changed."""
        self._target = None


def _login(options: SnmpOptions) -> CommunityData | UsmUserData:
    if options.version == "2c":
        # Many PDUs speak nothing newer; v3 is there for those that do.
        return CommunityData(secrets.read(options.community), mpModel=1)  # noqa: S508
    private = secrets.read(options.priv_password) or None
    return UsmUserData(
        options.user,
        secrets.read(options.auth_password),
        private,
        authProtocol=_AUTH[options.auth],
        privProtocol=_PRIVACY[options.priv] if private else usmNoPrivProtocol,
    )


class SnmpSource:
    """One agent's values."""

    def __init__(self, options: SnmpOptions, surroundings: Surroundings) -> None:
        points = list(options.points)
        if options.map:
            points += maps.load("snmp", options.map, SnmpPoint, options.folder).points
        self.name = options.name
        self.bindings: Sequence[Binding[SnmpPoint]] = something(
            bind(
                points, site=surroundings.site, thing=options.thing, interval=options.interval, feed=options.feed,
                sensor=options.sensor,
            ),
            options.map or "points",
        )  # fmt: skip
        self._session, self._clock = SnmpSession(options), surroundings.clock
        self._digits: dict[str, int] | None = None

    async def read(self, due: Sequence[Binding[SnmpPoint]]) -> list[Reading]:
        if self._digits is None:
            asked = sorted({b.point.digits_oid for b in self.bindings if b.point.digits_oid})
            answers = await self._session.get(asked) if asked else {}
            self._digits = {oid: int(value) for oid, value in answers.items()}
        values = await self._session.get([binding.point.oid for binding in due])
        now = self._clock()
        readings = []
        for binding in due:
            raw = number(values.get(binding.point.oid))
            if isinstance(raw, float) and binding.point.digits_oid and raw not in binding.invalid:
                digits = self._digits.get(binding.point.digits_oid)
                # Without its digits a value is off by a power of ten.
                raw = None if digits is None else raw / 10**digits
            reading = binding.reading(raw, now)
            if reading is not None:
                readings.append(reading)
        return readings

    async def close(self) -> None:
        self._session.close()
        self._digits = None


def number(value: Any) -> float | str | None:
    """An agent's value as a number, where it is one or is text that holds one."""
    if value is None:
        return None
    try:
        return float(int(value))
    except (TypeError, ValueError):
        text = str(value.prettyPrint())
        found = as_number(text)
        return text if found is None else found


async def discover(host: str, port: int, options: SnmpOptions, _surroundings: Surroundings) -> Found | None:
    """What an address says it is; None where no agent answers."""
    one = msgspec.structs.replace(options, host=host, port=port)
    try:
        answers = await SnmpSession(one).get([_SYS_DESCR, _SYS_OBJECT_ID, _SYS_NAME, _SYS_LOCATION])
    except SourceError:
        return None
    if not answers:
        return None
    text = {oid: str(value.prettyPrint()) for oid, value in answers.items()}
    identity = text.get(_SYS_OBJECT_ID, "")
    name, kind = best_map(identity)
    return Found(
        protocol="snmp", host=host, port=port, name=text.get(_SYS_NAME, "") or host, kind=kind or "unknown", map=name,
        model=text.get(_SYS_DESCR, "")[:120], rack=text.get(_SYS_LOCATION, ""),
    )  # fmt: skip


def best_map(identity: str) -> tuple[str, str]:
    """Name and kind of the shipped map whose ``identify`` is the longest beginning of a ``sysObjectID``; or empty."""
    best = ("", "", 0)
    for name in maps.names("snmp"):
        found = maps.load("snmp", name, SnmpPoint)
        for prefix in found.identify:
            if (identity + ".").startswith(prefix.rstrip(".") + ".") and len(prefix) > best[2]:
                best = (name, found.kind, len(prefix))
    return best[0], best[1]


PLUGIN = Plugin(SnmpOptions, SnmpSource, discover=discover, default_port=161)
