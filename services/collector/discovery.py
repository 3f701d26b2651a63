"""``discover``: asks each address of a range what it is (Redfish, SNMP). Next: `collector.proposal`."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any, Final

import msgspec

from collector import protocols
from collector.model import ConfigError, Found, Surroundings

_AT_ONCE: Final = 32
_MOST: Final = 4096


def addresses(text: str) -> list[str]:
    """Hosts of ``10.0.0.0/24``, ``10.0.0.5-10.0.0.9``, ``10.0.0.5-9``, a name, or several of them with commas.

    Raises:
        ConfigError: it is none of those, or too large.
    """
    found: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            found += _part(part)
        except ValueError as error:
            raise ConfigError(f"range {part!r}: {error}") from error
        if len(found) > _MOST:
            raise ConfigError(f"range {text!r}: expected at most {_MOST} addresses")
    if not found:
        raise ConfigError(f"range {text!r}: expected for instance 10.0.0.0/24 or 10.0.0.5-10.0.0.9")
    return found


def _part(part: str) -> list[str]:
    if "/" in part:
        network = ipaddress.ip_network(part, strict=False)
        if network.num_addresses > _MOST + 2:
            raise ValueError(f"expected at most {_MOST} addresses")
        return [str(host) for host in network.hosts()]
    first, dash, last = part.partition("-")
    if dash and first.replace(".", "").isdigit():
        begin = ipaddress.ip_address(first)
        end = ipaddress.ip_address(last if "." in last else first.rpartition(".")[0] + "." + last)
        if int(end) < int(begin) or int(end) - int(begin) >= _MOST:
            raise ValueError("expected an end behind the beginning, and not too far")
        return [str(begin + offset) for offset in range(int(end) - int(begin) + 1)]
    return [part]


def options_of(settings: list[str]) -> dict[str, Any]:
    """``community.env=NAME`` and so on, as an entry's fields.

    Raises:
        ConfigError: one is no ``name=value``.
    """
    document: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise ConfigError(f"option {setting!r}: expected name=value, for instance community.env=SNMP_COMMUNITY")
        *outer, last = name.split(".")
        inner = document
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = {"true": True, "false": False}.get(value, value)
    return document


async def discover(
    protocol: str, hosts: list[str], settings: list[str], surroundings: Surroundings, port: int = 0
) -> list[Found]:
    """Devices in a range, in its order.

    Raises:
        ConfigError: the protocol has no discovery, or an option is wrong.
    """
    plugin = protocols.load(protocol)
    if plugin.discover is None:
        raise ConfigError(f"protocol {protocol}: has no discovery; expected redfish or snmp")
    values = {"name": "discovery", "protocol": protocol, "host": "unset", "timeoutS": 2.0, "thing": ""}
    try:
        options = msgspec.convert({**values, **options_of(settings)}, plugin.options, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"protocol {protocol}: {error}") from error
    gate = asyncio.Semaphore(_AT_ONCE)
    ask = plugin.discover

    async def one(host: str) -> Found | None:
        async with gate:
            return await ask(host, port or plugin.default_port, options, surroundings)

    return [found for found in await asyncio.gather(*(one(host) for host in hosts)) if found is not None]
