"""`make demo-feedback`: on the running demo a cooling unit fails, and the room is brought back; prints the timeline.

A cooling unit of the simulated plant loses most of its capacity. The optimiser's look ahead says that inlets will leave
their recommended range before they do; its proposal for the other units is accepted as a person would, the guard lets
it pass, the command goes out through Hono, the units answer, and the inlets come back. Everything is read from twins
and the audit topic; nothing is measured by this script itself but time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from local_stack import Stack, config
from physics import ashrae
from racktwin.ditto_client import DittoClient
from racktwin.names import namespace, thing_id
from racktwin.settings import DittoSettings

_POLL_S: Final = 1.0
# A proposal is given this time to work before the next is looked at (s).
_AGAIN_S: Final = 60.0
# Inlets are back when they were within the recommended range this long, and are expected to stay there (s).
_HELD_S: Final = 20.0


class Story:
    """The timeline: what happened when, since the failure."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.events: list[dict[str, Any]] = []

    def tell(self, what: str, **figures: Any) -> None:
        """One line for people, and one event for the summary."""
        at = round(time.monotonic() - self.began, 1)
        shown = ", ".join(f"{name} {value}" for name, value in figures.items())
        print(f"{at:7.1f} s  {what}{': ' + shown if shown else ''}", file=sys.stderr, flush=True)
        self.events.append({"s": at, "what": what, **figures})

    def at(self, what: str) -> float | None:
        """When it first happened, or None."""
        return next((event["s"] for event in self.events if event["what"] == what), None)


class Room:
    """A room of the running stack, as its twins show it."""

    def __init__(self, stack: Stack, site: str, room: str) -> None:
        settings = DittoSettings(ditto_url=stack.endpoints()["ditto_url"], ditto_subject="nginx:operator")
        self._ditto, self.site, self.room = DittoClient(settings), site, room

    def things(self) -> list[dict[str, Any]]:
        """Twins of the room and what stands in it."""
        found = self._ditto.search(f'eq(attributes/location,"{self.room}")', namespaces=namespace(self.site))
        return list(found)

    def hottest(self) -> float:
        """The hottest measured inlet, °C."""
        return max(
            float(feature["properties"]["temperature"])
            for thing in self.things()
            for name, feature in (thing.get("features") or {}).items()
            if name in ("environment.top", "environment.bottom") and "temperature" in (feature.get("properties") or {})
        )

    def proposal(self) -> dict[str, Any]:
        """What the optimiser says of the room."""
        thing = self._ditto.get_thing(thing_id(self.site, "room", self.room)) or {}
        found = ((thing.get("features") or {}).get("optimisation") or {}).get("properties")
        return found if isinstance(found, dict) else {}


def run(stack: Stack, room_name: str, unit: str, share: float, patience_s: float) -> dict[str, Any]:
    """The whole story; a dictionary of when each part of it happened."""
    site = str(config.settings()["demo"]["site"])
    room = Room(stack, site, room_name)
    limit = ashrae.limits("A2").recommended_high
    failed = thing_id(site, "cooling", unit)
    faults = Path(stack.instance.data("gateway")) / "faults.json"
    before = room.hottest()
    story = Story()
    proposal = _until(lambda: room.proposal() if room.proposal().get("state") else None, 60)
    story.tell("before", hottest=round(before, 1), expected=(proposal or {}).get("hottestNow"))
    story.began = time.monotonic()
    began_ms = int(time.time() * 1000)
    faults.write_text(json.dumps([{"kind": "unit-fails", "target": failed, "magnitude": share}]))
    story.tell("unit fails", unit=unit, lost=f"{share:.0%} of its capacity")
    peak = before
    warned = accepted = back = False
    asked = -_AGAIN_S
    since: float | None = None
    deadline = time.monotonic() + patience_s
    try:
        while time.monotonic() < deadline and not back:
            hottest = room.hottest()
            peak = max(peak, hottest)
            found = room.proposal()
            fresh = int(found.get("at") or 0) > began_ms + 5_000
            expected = found.get("hottestNow")
            if not warned and fresh and isinstance(expected, int | float) and expected > limit:
                warned = True
                story.tell("forecast warns", expected=expected, limit=limit, measured=round(hottest, 1))
            if warned and hottest > limit and story.at("limit passed") is None:
                story.tell("limit passed", hottest=round(hottest, 1))
            # More than one proposal may be needed: each is as large as passes without a second question.
            due = time.monotonic() - asked >= _AGAIN_S
            if warned and fresh and due and found.get("settings") and found.get("state") != "none":
                asked = time.monotonic()
                story.tell("proposal", id=found["proposal"], why=found.get("why"))
                for result in _accept(stack, room_name):
                    accepted = accepted or result.get("state") == "accepted"
                    story.tell(
                        "unit answers" if result.get("state") == "accepted" else "not accepted",
                        unit=str(result.get("thing")).partition(":")[2],
                        values=result.get("values"),
                        state=result.get("state"),
                        after_s=result.get("seconds"),
                        **({"rule": result["rule"]} if result.get("rule") else {}),
                    )
            # Back: in the recommended range and falling, or never out of it for long enough to trust the forecast.
            held = warned and accepted and hottest <= limit and isinstance(expected, int | float) and expected <= limit
            since = (since or time.monotonic()) if held else None
            if since is not None and time.monotonic() - since >= _HELD_S:
                back = True
                story.tell("inlets are back", hottest=round(hottest, 1), peak=round(peak, 1), expected=expected)
            time.sleep(_POLL_S)
    finally:
        faults.write_text("[]")
        story.tell("fault mended")
    return {
        "room": room_name,
        "unit": unit,
        "warned_s": story.at("forecast warns"),
        "limit_passed_s": story.at("limit passed"),
        "proposal_s": story.at("proposal"),
        "answered_s": story.at("unit answers"),
        "back_s": story.at("inlets are back"),
        "hottest_before": round(before, 2),
        "hottest_peak": round(peak, 2),
        "timeline": story.events,
    }


def _accept(stack: Stack, room: str) -> list[dict[str, Any]]:
    """`racktwin optimise --accept`, as a person types it."""
    command = [sys.executable, "-m", "racktwin_cli", "--stack", stack.instance.name, "optimise", "--room", room]
    done = subprocess.run(
        [*command, "--accept", "--json", "--who", "demo"], capture_output=True, text=True, timeout=120, check=False
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        print(done.stderr.strip(), file=sys.stderr)
        return []
    found: list[dict[str, Any]] = answer.get("commands", [])
    return found


def _until(probe: Callable[[], dict[str, Any] | None], within_s: float) -> dict[str, Any] | None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(_POLL_S)
    return None


def main() -> None:
    """Run it on a stack that is up; the last line is JSON. Exit code 1 when the inlets did not come back."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", default="demo", help="local stack to work on (demo)")
    parser.add_argument("--room", default="hall-a", help="room (hall-a)")
    parser.add_argument("--unit", default="crah-a1", help="cooling unit that fails (crah-a1)")
    parser.add_argument("--share", type=float, default=0.6, help="share of its capacity that it loses (0.6)")
    parser.add_argument("--patience", type=float, default=540.0, help="seconds until this gives up (540)")
    arguments = parser.parse_args()
    result = run(Stack(arguments.stack), arguments.room, arguments.unit, arguments.share, arguments.patience)
    print(json.dumps(result))
    sys.exit(0 if result["back_s"] is not None else 1)


if __name__ == "__main__":
    main()
