"""One stack's identity and folders: its name, ports, secrets and state, kept below the home folder.

Two stacks share nothing but the toolchain, so that a demo, a test run and experiments live beside each other. Next:
`components` turn an instance into commands and configuration, `stack` runs them.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local_stack import config, paths

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
LOOPBACK = "127.0.0.1"


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def _port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _taken_bases() -> set[int]:
    bases = set(config.settings()["port_bases"].values())
    for file in paths.stack_dir("x").parent.glob("*/stack.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            bases.add(int(json.loads(file.read_text(encoding="utf-8"))["port_base"]))
    return bases


def choose_port_base(name: str) -> int:
    """The base from the settings, or for other names the first one that no other stack has and whose ports are free.

    Raises:
        RuntimeError: the whole range is taken.
    """
    settings = config.settings()
    if name in settings["port_bases"]:
        return int(settings["port_bases"][name])
    taken = _taken_bases()
    step = int(settings["range"]["ports_per_stack"])
    used = sorted(set(settings["ports"].values()))
    for base in range(int(settings["range"]["first"]), int(settings["range"]["last"]), step):
        if all(abs(base - other) >= step for other in taken) and all(_port_free(base + offset) for offset in used):
            return base
    raise RuntimeError("no free range of ports for another stack; stop one that is not needed, or pass --port-base")


@dataclasses.dataclass(frozen=True)
class Instance:
    """A stack on disk."""

    name: str
    port_base: int

    @classmethod
    def load(cls, name: str, port_base: int | None = None) -> "Instance":
        """Open the stack `name`, creating its folder the first time. `port_base` overrides what it had.

        Raises:
            ValueError: the name is not lower-case letters, digits and dashes.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"stack name {name!r}: lower-case letters, digits and dashes, starting with a letter, at most 31"
            )
        file = paths.stack_dir(name) / "stack.json"
        file.parent.parent.mkdir(parents=True, exist_ok=True)
        # Two stacks created at the same moment must not choose the same ports.
        with (file.parent.parent / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            chosen = port_base or known.get("port_base") or choose_port_base(name)
            instance = cls(name, int(chosen))
            if known.get("port_base") != chosen:
                instance.keep()
        return instance

    def keep(self) -> None:
        """Remember name and ports on disk, also after the folder was removed."""
        write_private(self.folder / "stack.json", json.dumps({"name": self.name, "port_base": self.port_base}))

    @property
    def folder(self) -> Path:
        """Everything of this stack."""
        return paths.stack_dir(self.name)

    @property
    def config_dir(self) -> Path:
        """Generated configuration; may hold secrets."""
        return self.folder / "config"

    @property
    def logs(self) -> Path:
        """One log per component."""
        return self.folder / "logs"

    def data(self, component: str) -> Path:
        """Where a component keeps its data; created."""
        folder = self.folder / "data" / component
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def port(self, name: str) -> int:
        """A port by its name in the settings file."""
        return self.port_base + config.port_offset(name)

    def url(self, port: str, scheme: str = "http") -> str:
        """Base URL of a named port."""
        return f"{scheme}://{LOOPBACK}:{self.port(port)}"

    def secret(self, name: str, length: int = 32) -> str:
        """A random text of this stack, made on first use and kept: `length` random bytes in hexadecimal."""
        file = self.folder / "secrets" / name
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError:
            write_private(file, secrets.token_hex(length))
            return file.read_text(encoding="utf-8")

    def state(self) -> dict[str, Any]:
        """What the stack remembers about itself, such as `warm_start_s`."""
        try:
            loaded: dict[str, Any] = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return loaded

    def remember(self, **values: object) -> None:
        """Add to the state."""
        write_private(self.folder / "state.json", json.dumps({**self.state(), **values}, indent=1))

    @contextlib.contextmanager
    def exclusive(self, nonblocking: bool = False, what: str = "") -> Iterator[None]:
        """Only one command at a time changes a stack, or ``what`` of it.

        Raises:
            BlockingIOError: `nonblocking`, and another command is at it.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / f".lock{what and f'-{what}'}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | (fcntl.LOCK_NB if nonblocking else 0))
            yield
