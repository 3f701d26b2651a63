"""What a command to a cooling unit looks like: as a wish on its twin, as Hono's message, and in the audit. Pure.

A wish is the whole of ``desiredProperties`` of the unit's feature ``control``: set-points, and beside them `request`,
which says who asks, why, and how long it holds. A wish without `request` (a plain write over Ditto's API) counts as
one too. The guard turns wishes into Hono commands; whoever makes a wish (the command line, the optimiser) makes it
here, and the simulated devices read the command's payload here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from racktwin.decoding import read_json

FEATURE: Final = "control"
# What may be commanded. `mode` says who controls: the unit itself (auto), a person (manual), the optimiser (mpc).
SETTABLE: Final = ("setpoint", "fanSpeed", "mode")
MODES: Final = ("auto", "manual", "mpc")
# Subject (name) of the Hono command that carries set-points.
SUBJECT: Final = "set"

State = Literal[
    "requested",  # sent to the unit, no answer yet
    "offline",  # the unit is not connected; sent again when it is, while the wish holds
    "accepted",  # the unit said yes, or reports the wished values
    "refused",  # by the guard (with rule and by how much) or by the unit
    "timed out",  # no answer while the wish held
    "expired",  # the wish was too old, or replaced, before it could be sent
    "awaiting approval",  # a second person must agree
]
OPEN_STATES: Final = ("requested", "offline", "awaiting approval")
# How long a wish holds that does not say so (ms).
DEFAULT_VALIDITY_MS: Final = 600_000


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Who asks for the values beside it, and on what terms. Times are epoch milliseconds UTC."""

    id: str = ""
    origin: str = ""
    """What asked: ``cli``, ``optimiser``, ``console``, ``guard``, ``api``."""
    who: str = ""
    """The person who asked, or the optimiser's instance."""
    confirm: bool = False
    """A person has seen that the step is large or the set-point unusual, and wants it."""
    one_way: bool = False
    """Ask the device for no answer; its reports must show the values."""
    at: int | None = None
    valid_until: int | None = None
    approved_by: str = ""
    """The second person, where the unit asks for one."""
    approval_of: str = ""
    """Id of the wish that is approved."""
    instance: str = ""
    """The optimiser's instance, for one that controls by itself."""
    proposal: str = ""
    """Id of the optimiser's proposal that this is a part of."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One command that somebody wants: the unit, the values, the request."""

    thing: str
    values: dict[str, float | str]
    request: Request
    digest: str

    @property
    def id(self) -> str:
        """Id of the command: the request's, or one made of what is wished."""
        return self.request.id or f"w-{self.digest}"


class LastCommand(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the twin tells of its last command. Absent values are null in a merge, so that nothing old stays."""

    id: str
    state: State
    origin: str
    who: str
    at: int
    requested_at: int | None = None
    values: dict[str, float | str] | None = None
    rule: str | None = None
    by: float | None = None
    detail: str | None = None
    approved_by: str | None = None
    attempts: int | None = None
    valid_until: int | None = None
    digest: str | None = None


class Pace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What an approved command takes of its unit's pace: a guard started anew knows from it what went before."""

    digest: str
    less: bool
    """Whether the unit cools less by it."""
    setpoint_up_k: float = 0.0
    fan_down: float = 0.0
    """Percentage points."""
    supply_low: float | None = None
    """The unit's coldest supply of the hour before (°C)."""


class Audit(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """One line of the audit: what was asked, decided, sent, answered. Key: the thing id."""

    thing: str
    at: int
    event: str
    """requested, approved, refused, awaiting, sent, accepted, timed out, offline, expired, local control, mode; of an
    action: acknowledged, scenario asked, scenario deleted, proposal accepted, proposal left, optimiser mode"""
    id: str
    origin: str
    who: str
    kind: str
    room: str | None = None
    values: dict[str, float | str] = {}
    rule: str | None = None
    by: float | None = None
    detail: str | None = None
    approved_by: str | None = None
    action: bool = False
    """A person's action in the console that is no command; `id` names what it was done with."""
    pace: Pace | None = None
    """Of `approved`."""
    v: int


_audit = msgspec.json.Decoder(Audit)


def wish_of(thing: str, desired: Mapping[str, Any]) -> Wish | None:
    """The wish that ``desiredProperties`` of ``control`` make; None when they ask for nothing.

    Values are taken as they stand, right or wrong: whether they may pass is the guard's business. A `request` that
    cannot be read counts as none.
    """
    values = {name: value for name, value in desired.items() if name != "request" and value is not None}
    if not values:
        return None
    try:
        request = msgspec.convert(desired.get("request") or {}, Request)
    except msgspec.ValidationError:
        request = Request()
    return Wish(thing=thing, values=values, request=request, digest=digest_of(desired))


def digest_of(desired: Mapping[str, Any]) -> str:
    """Short fingerprint of a wish: equal wishes have equal ones."""
    return hashlib.sha256(msgspec.json.encode(desired, order="deterministic")).hexdigest()[:16]


def desired_of(values: Mapping[str, float | str], request: Request) -> dict[str, Any]:
    """``desiredProperties`` that say this wish: written as a whole, so that nothing of an earlier wish stays."""
    return {**values, "request": msgspec.to_builtins(request)}


def fault_of(values: Mapping[str, Any]) -> str:
    """Why the values are not a command at all; empty when they are one."""
    for name, value in values.items():
        if name not in SETTABLE:
            return f"{name}: expected one of {', '.join(SETTABLE)}"
        if name == "mode":
            if value not in MODES:
                return f"mode {value!r}: expected one of {', '.join(MODES)}"
        elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return f"{name} {value!r}: expected a number"
    return ""


def encode_audit(record: Audit) -> bytes:
    """JSON bytes of a line of the audit."""
    return msgspec.json.encode(record)


def decode_audit(data: bytes) -> Audit:
    """Read a line of the audit.

    Raises:
        msgspec.DecodeError: not JSON, or a field is missing or of a wrong type (the message names it).
    """
    return read_json(_audit, data)
