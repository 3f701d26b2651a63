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
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import namespace, thing_id
from racktwin.settings import DittoSettings

_POLL_S: Final = 1.0
# A proposal is given this time to work before the next is looked at (s).
_AGAIN_S: Final = 60.0
# A room that bears the failure for so long without a warning gets a worse one (s).
_DEEPER_S: Final = 120.0
# A demo that was just started may need this to be measured and looked after; a room this to recover (s).
_READY_S: Final = 240.0
_RESTORE_S: Final = 150.0
LIMIT_C: Final = ashrae.limits("A2").recommended_high
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

    def hottest(self) -> float | None:
        """The hottest measured inlet, °C; None while none is measured."""
        found = [
            float(feature["properties"]["temperature"])
            for thing in self.things()
            for name, feature in (thing.get("features") or {}).items()
            if name in ("environment.top", "environment.bottom") and "temperature" in (feature.get("properties") or {})
        ]
        return max(found, default=None)

    def switch(self, mode: str) -> str:
        """Set who acts on proposals; the mode that was wished before (advise where none was)."""
        path = f"/api/2/things/{thing_id(self.site, 'room', self.room)}/features/optimisation/desiredProperties/mode"
        before = self._ditto.request("GET", path)
        self._ditto.request("PUT", path, json=mode)
        return str(before.json()) if before.ok else "advise"

    def settings(self) -> dict[str, dict[str, Any]]:
        """Set-point, fan speed and mode of each cooling unit."""
        found = {}
        for thing in self.things():
            control = ((thing.get("features") or {}).get("control") or {}).get("properties") or {}
            if ":cooling-" in str(thing["thingId"]) and control:
                found[str(thing["thingId"])] = {
                    name: control[name] for name in ("setpoint", "fanSpeed", "mode") if name in control
                }
        return found

    def proposal(self) -> dict[str, Any]:
        """What the optimiser says of the room."""
        thing = self._ditto.get_thing(thing_id(self.site, "room", self.room)) or {}
        found = ((thing.get("features") or {}).get("optimisation") or {}).get("properties")
        return found if isinstance(found, dict) else {}


def run(stack: Stack, room_name: str, unit: str, share: float, patience_s: float) -> dict[str, Any]:
    """The whole story; a dictionary of when each part of it happened.

    Raises:
        RuntimeError: nothing of the room is measured, or nobody looks after it.
    """
    site = str(config.settings()["demo"]["site"])
    room = Room(stack, site, room_name)
    failed = thing_id(site, "cooling", unit)
    faults = Faults(Path(stack.instance.data("gateway")) / "faults.json", failed)
    story = Story()
    mode = room.switch("advise")
    try:
        before, proposal = _ready(room)
        settings = room.settings()
        story.tell("before", hottest=round(before, 1), expected=proposal.get("hottestNow"), limit=LIMIT_C)
        story.began = time.monotonic()
        faults.make(share)
        story.tell("unit fails", unit=unit, lost=f"{share:.0%} of its capacity")
        watch = _Watch(room, story, lambda: _accept(stack, site, room_name), before)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and not watch.back:
            watch.look()
            if not watch.warned and share < 1.0 and time.monotonic() - watch.began > _DEEPER_S:
                # The room bears this much: it was cooled more than it needed.
                share, watch.began = min(1.0, share + 0.2), time.monotonic()
                faults.make(share)
                story.tell("unit fails further", unit=unit, lost=f"{share:.0%} of its capacity")
            time.sleep(_POLL_S)
    finally:
        faults.mend()
        story.tell("fault mended")
        room.switch(mode)
    _restore(stack, settings, story)
    return {
        "room": room_name,
        "unit": unit,
        "lost_share": share,
        "warned_s": story.at("forecast warns"),
        "limit_passed_s": story.at("limit passed"),
        "proposal_s": story.at("proposal"),
        "answered_s": story.at("unit answers"),
        "back_s": story.at("inlets are back"),
        "hottest_before": round(before, 2),
        "hottest_peak": round(watch.peak, 2),
        "timeline": story.events,
    }


class Faults:
    """The simulated plant's list of faults: this one is added, what is there already stays."""

    def __init__(self, path: Path, target: str) -> None:
        self._path, self._target = path, target
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = []
        self._others = [each for each in found if isinstance(each, dict) and each.get("target") != target]

    def make(self, share: float) -> None:
        """The unit loses this share of its capacity."""
        mine = {"kind": "unit-fails", "target": self._target, "magnitude": share}
        self._path.write_text(json.dumps([*self._others, mine]), encoding="utf-8")

    def mend(self) -> None:
        """The unit works again."""
        self._path.write_text(json.dumps(self._others), encoding="utf-8")


class _Watch:
    """What happens after the failure: warning, proposals that are accepted, and the way back."""

    def __init__(self, room: Room, story: Story, accept: Callable[[], list[dict[str, Any]]], before: float) -> None:
        self._room, self._story, self._accept = room, story, accept
        self.peak, self.warned, self.back = before, False, False
        self.began = time.monotonic()
        self._began_ms = int(time.time() * 1000)
        self._asked, self._accepted = -_AGAIN_S, False
        self._since: float | None = None

    def look(self) -> None:
        """One look at the room."""
        try:
            hottest, found = self._room.hottest(), self._room.proposal()
        except DittoError as error:
            self._story.tell("twins do not answer", error=str(error))
            return
        if hottest is None:
            return
        self.peak = max(self.peak, hottest)
        fresh = int(found.get("at") or 0) > self._began_ms + 5_000
        told = found.get("hottestNow")
        known = fresh and isinstance(told, int | float)
        expected = float(told) if isinstance(told, int | float) else 0.0
        if not self.warned and known and expected > LIMIT_C:
            self.warned = True
            self._story.tell("forecast warns", expected=expected, limit=LIMIT_C, measured=round(hottest, 1))
        if hottest > LIMIT_C and self._story.at("limit passed") is None:
            self._story.tell("limit passed", hottest=round(hottest, 1))
        # More than one proposal may be needed: each is as large as passes without a second question.
        due = time.monotonic() - self._asked >= _AGAIN_S
        if self.warned and known and due and found.get("settings") and found.get("state") == "proposed":
            self._asked = time.monotonic()
            self._story.tell("proposal", id=found.get("proposal"), why=found.get("why"))
            for result in self._accept():
                self._told(result)
        # Back: within the recommended range, and expected to stay there.
        held = self.warned and self._accepted and known and max(hottest, expected) <= LIMIT_C
        self._since = (self._since or time.monotonic()) if held else None
        if self._since is not None and time.monotonic() - self._since >= _HELD_S:
            self.back = True
            self._story.tell("inlets are back", hottest=round(hottest, 1), peak=round(self.peak, 1), expected=expected)

    def _told(self, result: dict[str, Any]) -> None:
        accepted = result.get("state") == "accepted"
        self._accepted = self._accepted or accepted
        self._story.tell(
            "unit answers" if accepted else "not accepted",
            unit=str(result.get("thing")).partition(":")[2],
            values=result.get("values"),
            state=result.get("state"),
            after_s=result.get("seconds"),
            **({"rule": result["rule"], "detail": result.get("detail")} if result.get("rule") else {}),
        )


def _ready(room: Room) -> tuple[float, dict[str, Any]]:
    """The hottest inlet and a present proposal, once there are both."""
    began = int(time.time() * 1000)
    deadline = time.monotonic() + _READY_S
    what = "no inlet is measured"
    while time.monotonic() < deadline:
        try:
            hottest, found = room.hottest(), room.proposal()
        except DittoError as error:
            what = str(error)
            continue
        if hottest is not None:
            what = f"the optimiser says nothing of it: {found.get('why') or 'does it run?'}"
            if int(found.get("at") or 0) >= began and isinstance(found.get("hottestNow"), int | float):
                return hottest, found
        time.sleep(_POLL_S)
    raise RuntimeError(f"room {room.room}: {what} (after {_READY_S:g} s); make demo-status shows the stack")


def _restore(stack: Stack, settings: dict[str, dict[str, Any]], story: Story) -> None:
    """Put the units back as they were, as far as the guard lets that pass while the room recovers."""
    left = dict(settings)
    deadline = time.monotonic() + _RESTORE_S
    while left and time.monotonic() < deadline:
        for thing, values in list(left.items()):
            wished = [f"{name}={value}" for name, value in values.items()]
            answer = _racktwin(stack, "set", thing, *wished, "--confirm")
            if answer.get("state") == "accepted":
                del left[thing]
        if left:
            time.sleep(_AGAIN_S / 4)
    story.tell("units are as before" if not left else "units stay as they are set now", units=len(settings) - len(left))


def _racktwin(stack: Stack, *words: str) -> dict[str, Any]:
    """A command as a person types it; what it says as JSON, empty where it says none."""
    command = [sys.executable, "-m", "racktwin_cli", "--stack", stack.instance.name, *words, "--json", "--who", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        print(done.stderr.strip(), file=sys.stderr)
        return {}
    return found if isinstance(found, dict) else {}


def _accept(stack: Stack, site: str, room: str) -> list[dict[str, Any]]:
    """`racktwin optimise --accept`, and what each unit answered."""
    found: list[dict[str, Any]] = _racktwin(stack, "optimise", "--site", site, "--room", room, "--accept").get(
        "commands", []
    )
    return found


def main() -> None:
    """Run it on a stack that is up; the last line is JSON. Exit code 1 when the inlets did not come back."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", default="demo", help="local stack to work on (demo)")
    parser.add_argument("--room", default="hall-a", help="room (hall-a)")
    parser.add_argument("--unit", default="crah-a1", help="cooling unit that fails (crah-a1)")
    parser.add_argument("--share", type=float, default=0.6, help="share of its capacity that it loses (0.6)")
    parser.add_argument("--patience", type=float, default=540.0, help="seconds until this gives up (540)")
    arguments = parser.parse_args()
    try:
        result = run(Stack(arguments.stack), arguments.room, arguments.unit, arguments.share, arguments.patience)
    except (RuntimeError, DittoError, OSError) as error:
        print(f"{error}; does the stack {arguments.stack!r} run? make demo starts one", file=sys.stderr)
        print(json.dumps({"error": str(error)}))
        sys.exit(1)
    print(json.dumps(result))
    sys.exit(0 if result["back_s"] is not None else 1)


if __name__ == "__main__":
    main()
