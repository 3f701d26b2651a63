"""When a schedule in cron's five fields is due. Pure; UTC.

Minute, hour, day of the month, month, day of the week (0 and 7 are Sunday): `*`, numbers, ranges, lists and steps. As
in cron, where both days are restricted either of them fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
# No schedule that can ever be due waits longer: a 29 February on a given weekday takes up to 40 years, within a leap
# year's four where the weekday is free.
_LONGEST = timedelta(days=4 * 366)


@dataclass(frozen=True)
class Schedule:
    """Values that fit, field by field; `either`: both days are restricted."""

    fields: tuple[frozenset[int], ...]
    either: bool

    def before(self, now: datetime) -> datetime | None:
        """The newest time at or before `now` that fits; None where there is none within four years."""
        minutes, hours, days, months, weekdays = self.fields
        day = now.replace(second=0, microsecond=0)
        first = day
        while first - day < _LONGEST:
            by_day, by_week = day.day in days, day.isoweekday() % 7 in weekdays
            fits = (by_day or by_week) if self.either else (by_day and by_week)
            if fits and day.month in months:
                last = (day.hour, day.minute)
                found = max(
                    ((hour, minute) for hour in hours for minute in minutes if (hour, minute) <= last), default=None
                )
                if found is not None:
                    return day.replace(hour=found[0], minute=found[1])
            day = (day - timedelta(days=1)).replace(hour=23, minute=59)
        return None


def parse(text: str) -> Schedule:
    """Raises ValueError that names the field."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"schedule {text!r}: expected five fields, as in cron")
    fields = [_field(part, name, *bounds) for part, name, bounds in zip(parts, _FIELDS, _BOUNDS, strict=True)]
    fields[4] = frozenset(day % 7 for day in fields[4])
    return Schedule(tuple(fields), parts[2] != "*" and parts[4] != "*")


def due_since(text: str, last_ms: int, now_ms: int) -> bool:
    """Whether the schedule was due after `last_ms` and not after `now_ms` (epoch ms). Raises ValueError."""
    found = parse(text).before(datetime.fromtimestamp(now_ms / 1000, UTC))
    return found is not None and found.timestamp() * 1000 > last_ms


def _field(text: str, name: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        try:
            first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
            begin = int(first)
            end = int(last) if last else (high if step else begin)
            found.update(range(begin, end + 1, int(step or 1)))
        except ValueError as error:
            raise ValueError(f"schedule: {name} {text!r} is not understood") from error
    if not found or min(found) < low or max(found) > high:
        raise ValueError(f"schedule: {name} {text!r} is not within {low} and {high}")
    return frozenset(found)
