"""Questions about a room, answered by `python -m optimiser.ask` from what its twins show now. Next: the commands."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any, Final

from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import namespace
from racktwin_cli.failures import Failure, one_line

_PATIENCE_S: Final = 120


def things_of(ditto: DittoClient, site: str, room: str) -> list[dict[str, Any]]:
    """Twins of a room, and of what stands in it.

    Raises:
        Failure: Ditto does not answer, or there is no such room.
    """
    try:
        found = list(
            ditto.search(
                f'eq(attributes/location,"{room}")',
                namespaces=namespace(site),
                fields="thingId,attributes,features",
            )
        )
    except DittoError as error:
        raise Failure(one_line(error), "is Ditto running? racktwin doctor says what is not") from error
    if not any(str(thing.get("thingId")).endswith(f":room-{room}") for thing in found):
        raise Failure(f"site {site} has no room {room!r}", "kubectl get sites -A -o yaml names the rooms")
    return [thing for thing in found if ":server-" not in str(thing.get("thingId"))]


def ask(question: str, room: str, things: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The optimiser's answer.

    Raises:
        Failure: it has none; the text says why.
    """
    body = {"question": question, "room": room, "things": things, "now": int(time.time() * 1000), **more}
    said = ""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "optimiser.ask"],
            input=json.dumps(body),
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        said = done.stderr.strip().rpartition("\n")[2]
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, OSError, ValueError) as error:
        # Where it ended without an answer, its own last word tells more than that there was none.
        why = said if said and isinstance(error, ValueError) else error
        raise Failure(f"room {room}: {one_line(why)}", "try again; python -m optimiser.ask says more") from error
    if "error" in answer:
        usual = "see the room's twins: all units and nine of ten racks must report"
        raise Failure(one_line(answer["error"]), answer.get("hint") or usual)
    assert isinstance(answer, dict)
    return answer
