"""Commands, their headers and their answers, whether they came by HTTP or by the Ditto Protocol.

Plain data. Next: :mod:`ditto_lite.twin` executes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ditto_lite.fields import Selector
from ditto_lite.pointers import MISSING, Path

Kind = Literal["retrieve", "create", "modify", "merge", "delete"]


@dataclass(slots=True)
class Command:
    """One command on a thing or a policy.

    ``headers`` are Ditto's, lower case: ``if-match``, ``if-none-match``, ``if-equal``, ``condition``,
    ``correlation-id`` …;
    ``origin`` is the connection that it came through, whose events are not sent back to it.
    """

    kind: Kind
    entity_id: str
    path: Path
    subjects: tuple[str, ...]
    value: Any = MISSING
    headers: dict[str, Any] = field(default_factory=dict)
    fields: Selector | None = None
    origin: str | None = None
    channel: str = "twin"


@dataclass(slots=True)
class Result:
    """The answer to a command: ``body`` is ``MISSING`` when there is none."""

    status: int
    body: Any = MISSING
    revision: int | None = None
    etag: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Event:
    """A change of a thing, as it is published. ``thing`` is the thing after it (before it, when it was deleted)."""

    thing_id: str
    action: Literal["created", "modified", "merged", "deleted"]
    path: Path
    value: Any
    revision: int
    at_ms: int
    thing: dict[str, Any]
    policy_id: str
    command: Command
