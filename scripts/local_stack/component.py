"""What a component of the stack is: how it is configured, started, probed and stopped. `stack` acts on it."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from local_stack.instance import Instance


class NotReadyError(Exception):
    """A probe found the component not ready; the text says why."""


def _no_files(_instance: Instance) -> Mapping[Path, str]:
    return {}


def _no_environment(_instance: Instance) -> Mapping[str, str]:
    return {}


def _nothing(_instance: Instance) -> None:
    return None


@dataclasses.dataclass(frozen=True)
class Component:
    """One process of the stack."""

    name: str
    why: str
    """One line for people: what it is for."""
    command: Callable[[Instance], list[str]]
    probe: Callable[[Instance], None]
    """Returns when the component can do its work; raises NotReadyError, or an OSError when nothing answers."""
    after: tuple[str, ...] = ()
    """Components that must be ready before this one starts, and stop after it."""
    artefacts: tuple[str, ...] = ()
    """What the toolchain must have made."""
    ports: tuple[str, ...] = ()
    """Names of the ports it listens on."""
    files: Callable[[Instance], Mapping[Path, str]] = _no_files
    """Configuration files by path; they are private, and a change of one restarts the component."""
    environment: Callable[[Instance], Mapping[str, str]] = _no_environment
    before_start: Callable[[Instance], None] = _nothing
    """Runs before each start by hand of the stack: formats storage, for instance. Must be repeatable."""
    after_ready: Callable[[Instance], None] = _nothing
    """Runs once the component is ready: creates accounts, for instance. Must be repeatable."""
