"""What the parts of the collectors hand to each other: readings, and the shape that every plug-in has.

Types only. A plug-in is one module of `collector.protocols` with a `PLUGIN`; its sources are either asked (`Polled`) or
speak by themselves (`Listening`). Next: `collector.runner` drives them, `collector.packs` sends what they give.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from collector.config import Common
    from collector.points import Binding


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One value in the catalogue's unit. ``time`` is epoch milliseconds UTC."""

    thing: str
    feature: str
    property: str
    value: float | str
    time: int


class SourceError(Exception):
    """A device cannot be read at present; the text says why, in words for a person."""


class ConfigError(Exception):
    """The configuration is wrong; the text names the field and what was expected."""


Emit = Callable[[Sequence[Reading]], None]


class Source(Protocol):
    """One device, or one server that speaks for several."""

    name: str

    async def close(self) -> None:
        """Let go of connections; it may be used again afterwards."""


class Polled(Source, Protocol):
    """A source that is asked."""

    bindings: Sequence[Binding[Any]]

    async def read(self, due: Sequence[Binding[Any]]) -> list[Reading]:
        """Ask for these values, now. What the device does not have is left out.

        Raises:
            SourceError, OSError, TimeoutError: it cannot be asked.
        """


class Listening(Source, Protocol):
    """A source that speaks by itself."""

    async def listen(self, emit: Emit) -> None:
        """Hand on what comes, until cancelled.

        Raises:
            SourceError, OSError, TimeoutError: the connection is gone or was refused.
        """


class Found(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One device that discovery met. ``rack``, ``unit`` (its lowest U) and ``row`` only where the device says so."""

    protocol: str
    host: str
    port: int
    name: str
    kind: str
    map: str = ""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    rack: str = ""
    row: str = ""
    unit: float | None = None
    height: float | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a plug-in is given beside its options: the clock (epoch ms) and the site's name."""

    site: str
    clock: Callable[[], int]


def speaks(source: Polled | Listening) -> TypeGuard[Listening]:
    """Whether a source speaks by itself."""
    return hasattr(source, "listen")


@runtime_checkable
class Previewed(Protocol):
    """A source that remembers what it handed on, and can say what it would hand on without remembering it."""

    def preview(self) -> AsyncGenerator[Sequence[Reading]]:
        """What `listen` would hand on next, row by row, a bounded number of them. Nothing is written.

        Raises:
            SourceError, OSError: it cannot be read.
        """


Make = Callable[[Any, Surroundings], "Polled | Listening"]
Discover = Callable[[str, int, Any, Surroundings], Awaitable["Found | None"]]


@dataclass(frozen=True, slots=True)
class Plugin:
    """One protocol. ``shared``: one source speaks for all ``devices`` of an entry, else each is a source of its own.

    ``discover`` asks one address (host, port, options) what it is; None where a protocol has no such question.
    """

    options: type[Common]
    make: Make
    shared: bool = False
    discover: Discover | None = None
    default_port: int = 0
