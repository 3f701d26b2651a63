"""Passwords, communities and tokens: from a file or the environment, never from the configuration itself."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from collector.model import ConfigError


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is: ``{file: /run/secrets/name}`` or ``{env: NAME}``. Read anew each time."""

    file: str = ""
    env: str = ""

    def __post_init__(self) -> None:
        if bool(self.file) == bool(self.env):
            raise ValueError("expected {file: PATH} or {env: NAME}")

    def read(self) -> str:
        """The secret's text, without the line break at its end.

        Raises:
            ConfigError: the file cannot be read, or the variable is not set.
        """
        if self.env:
            try:
                return os.environ[self.env]
            except KeyError:
                raise ConfigError(f"environment variable {self.env} is not set; it should hold a secret") from None
        try:
            return Path(self.file).read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise ConfigError(f"secret file {self.file}: {error.strerror}") from error


def read(secret: Secret | None) -> str:
    """A secret's text, empty where there is none."""
    return "" if secret is None else secret.read()
