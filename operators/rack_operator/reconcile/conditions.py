"""Conditions and the status that carries them. Pure: time is passed in.

A status is written only when something in it changed; the time of a condition is that of its last
change of status, as in Kubernetes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

JsonObject = dict[str, Any]
READY = "Ready"
_MESSAGE_LIMIT = 1000


class NotReadyError(Exception):
    """Something keeps a step from being done. `reason` is one CamelCase word, `str()` the sentence."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of one condition type."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


@dataclass
class Verdicts:
    """Verdicts gathered in one reconcile, in the order of their types."""

    types: tuple[str, ...]
    held: dict[str, Verdict] = field(default_factory=dict)

    def good(self, type_: str, message: str = "as desired") -> None:
        """Says that the condition holds."""
        self.held[type_] = Verdict("True", "AsDesired", message)

    def bad(self, type_: str, reason: str, message: str) -> None:
        """Says that the condition does not hold, and why."""
        self.held[type_] = Verdict("False", reason, message[:_MESSAGE_LIMIT])

    def waiting(self, type_: str, message: str) -> None:
        """Says that the condition could not be looked at, unless something worse was said."""
        if type_ not in self.held or self.held[type_].status == "True":
            self.held[type_] = Verdict("Unknown", "Waiting", message)

    def all_good(self) -> bool:
        """Whether every condition holds."""
        return all(type_ in self.held and self.held[type_].status == "True" for type_ in self.types)

    def complete(self) -> dict[str, Verdict]:
        """All verdicts, Ready last; those not reached are Unknown, and Ready repeats the first that is bad."""
        waiting = Verdict("Unknown", "Waiting", "not looked at: an earlier step has not succeeded")
        full = {type_: self.held.get(type_, waiting) for type_ in self.types}
        failed = [(type_, verdict) for type_, verdict in full.items() if verdict.status == "False"]
        if READY in self.held:
            full[READY] = self.held[READY]
        elif failed:
            type_, verdict = failed[0]
            full[READY] = Verdict("False", verdict.reason, f"{type_}: {verdict.message}"[:_MESSAGE_LIMIT])
        elif self.all_good():
            full[READY] = Verdict("True", "AsDesired", "twins and devices are as desired")
        else:
            full[READY] = waiting
        return full


def conditions(verdicts: dict[str, Verdict], previous: list[JsonObject], generation: int, now: str) -> list[JsonObject]:
    """The conditions to write. `now` is an RFC 3339 time; conditions that kept their status keep theirs."""
    before = {entry.get("type"): entry for entry in previous}
    made = []
    for type_, verdict in verdicts.items():
        old = before.get(type_, {})
        same = old.get("status") == verdict.status and old.get("lastTransitionTime")
        made.append(
            {
                "type": type_,
                "status": verdict.status,
                "reason": verdict.reason,
                "message": verdict.message,
                "observedGeneration": generation,
                "lastTransitionTime": old["lastTransitionTime"] if same else now,
            }
        )
    return made


def status_patch(previous: JsonObject, desired: JsonObject) -> JsonObject | None:
    """The merge patch from one status to the other, or None when they are equal."""
    patch = {key: value for key, value in desired.items() if previous.get(key) != value}
    patch.update({key: None for key in previous if key not in desired})
    return patch or None


def ready_of(body: JsonObject) -> tuple[str, str]:
    """Status and reason of the resource's Ready condition; Unknown before there is one."""
    for entry in (body.get("status") or {}).get("conditions") or []:
        if entry.get("type") == READY:
            return entry["status"], entry["reason"]
    return "Unknown", ""


def condition_true(body: JsonObject, type_: str) -> bool:
    """Whether the resource's condition of this type is True."""
    entries = (body.get("status") or {}).get("conditions") or []
    return any(entry.get("type") == type_ and entry.get("status") == "True" for entry in entries)
