"""One module per protocol, each with a `PLUGIN`. Loaded when an entry uses it, so that memory holds no other."""

from __future__ import annotations

import importlib
from typing import Final

from collector.model import ConfigError, Plugin

NAMES: Final = ("files", "modbus", "mqtt", "prometheus", "push", "redfish", "snmp", "thingsboard")


def load(name: str) -> Plugin:
    """The plug-in of a protocol.

    Raises:
        ConfigError: there is none of that name, or its library is not installed.
    """
    if name not in NAMES:
        raise ConfigError(f"protocol {name!r}: expected one of {', '.join(NAMES)}")
    try:
        plugin: Plugin = importlib.import_module(f"collector.protocols.{name}").PLUGIN
    except ModuleNotFoundError as error:
        raise ConfigError(f"protocol {name}: {error}; install racktwin[collect]") from error
    return plugin
