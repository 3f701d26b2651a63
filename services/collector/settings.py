"""Settings of the process itself, from the environment. What is collected stands in the configuration file.

Not pydantic, as other processes have it: that alone takes a fifth of the memory which the collectors may use.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from collector.model import ConfigError

_PREFIX = "RACKTWIN_"
_LEVELS = ("debug", "info", "warning", "error")


def _setting(default: Any, description: str) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """Each is ``RACKTWIN_<NAME>`` in the environment."""

    collector_config: str = _setting("", "Configuration file, as --config.")
    log_level: str = _setting("info", "Least severe level that is logged: debug, info, warning, error.")
    health_host: str = _setting(
        "127.0.0.1", "Address that /healthz, /readyz and /metrics listen on (0.0.0.0 in a pod)."
    )
    health_port: int = _setting(0, "Port of /healthz, /readyz and /metrics; 0 picks a free one.")
    health_tls_cert: str = _setting(
        "", "PEM file of the certificate for /healthz, /readyz and /metrics; plain HTTP without one."
    )
    health_tls_key: str = _setting("", "PEM file of its key.")

    @property
    def certificate(self) -> tuple[Path | None, Path | None]:
        """Certificate and key, None where there is none."""
        return (
            Path(self.health_tls_cert) if self.health_tls_cert else None,
            Path(self.health_tls_key) if self.health_tls_key else None,
        )


def describe() -> list[dict[str, Any]]:
    """Every setting: environment name, type, default, description."""
    return [
        {
            "name": _PREFIX + item.name.upper(),
            "type": type(item.default).__name__,
            "default": item.default,
            "required": False,
            "description": item.metadata["description"],
        }
        for item in fields(CollectorSettings)
    ]


def load(environment: Mapping[str, str] = os.environ) -> CollectorSettings:
    """Settings from the environment.

    Raises:
        ConfigError: one is wrong; the text names it.
    """
    values: dict[str, Any] = {}
    for item in fields(CollectorSettings):
        name = _PREFIX + item.name.upper()
        text = environment.get(name)
        if text is None or text == "":
            continue
        if isinstance(item.default, int):
            if not text.isdigit() or int(text) > 65535:
                raise ConfigError(f"{name} {text!r}: expected a number from 0 to 65535")
            values[item.name] = int(text)
        else:
            values[item.name] = text
    settings = CollectorSettings(**values)
    if settings.log_level not in _LEVELS:
        raise ConfigError(f"{_PREFIX}LOG_LEVEL {settings.log_level!r}: expected one of {', '.join(_LEVELS)}")
    return settings
