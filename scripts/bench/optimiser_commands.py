"""Commands on a stack that runs, for `make bench-optimiser`: from a wish on a twin to the accepted state on it.

Through guard, Kafka, Hono and the simulated device and back. Where no demo runs, a stack of its own is started and
stopped again. Next: :mod:`bench.optimiser`.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import Final

from local_stack import Stack
from racktwin import commands
from racktwin.commands import Request
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.settings import DittoSettings

OWN: Final = "bench-commands"
_PATIENCE_S: Final = 20.0
# Ten commands a minute to one unit: below the guard's limit (20 of any kind).
_PACE_S: Final = 3.3
_COMMANDED_S: Final = 180.0


def roundtrips(stack: str, count: int, say: Callable[[str], None]) -> list[float]:
    """Milliseconds of ``count`` commands; on the named stack where it runs, else on one of its own."""
    found = _units(stack)
    if found is not None:
        return _measure(*found, count, say)
    say(f"no stack {stack!r} runs; starting {OWN!r}")
    _local_stack("clean")
    try:
        _local_stack("demo")
        deadline = time.monotonic() + _COMMANDED_S
        while (found := _units(OWN)) is None and time.monotonic() < deadline:
            time.sleep(1.0)
        return _measure(*found, count, say) if found is not None else []
    except subprocess.CalledProcessError as error:
        say(f"no round trips: {error}")
        return []
    finally:
        _local_stack("down", check=False)


def _measure(ditto: DittoClient, units: list[str], count: int, say: Callable[[str], None]) -> list[float]:
    found: list[float] = []
    # The first command to each unit finds connections cold; it is sent, and not counted.
    for k in range(count + len(units)):
        began = time.perf_counter()
        took = _one(ditto, units[k % len(units)], say)
        if took is not None and k >= len(units):
            found.append(took)
        time.sleep(max(0.0, _PACE_S / len(units) - (time.perf_counter() - began)))
    return found


def _one(ditto: DittoClient, thing: str, say: Callable[[str], None]) -> float | None:
    now = int(time.time() * 1000)
    request = Request(id=f"bench-{uuid.uuid4().hex[:12]}", origin="bench", who="bench", at=now)
    path = f"/api/2/things/{thing}/features/control"
    began = time.perf_counter()
    ditto.request("PUT", f"{path}/desiredProperties", json=commands.desired_of({"mode": "auto"}, request))
    while time.perf_counter() - began < _PATIENCE_S:
        last = ditto.request("GET", f"{path}/properties/lastCommand").json()
        if last.get("id") == request.id and last.get("state") not in commands.OPEN_STATES:
            if last["state"] == "accepted":
                return 1000.0 * (time.perf_counter() - began)
            say(f"{thing}: {last['state']} {last.get('detail', '')}")
            return None
        time.sleep(0.003)
    say(f"{thing}: no answer within {_PATIENCE_S:g} s")
    return None


def _units(stack: str) -> tuple[DittoClient, list[str]] | None:
    """The stack's Ditto and its cooling units that report; None where there are none."""
    try:
        url = Stack(stack).endpoints()["ditto_url"]
        ditto = DittoClient(DittoSettings(ditto_url=url, ditto_subject="nginx:operator"))
        things = ditto.search('like(thingId,"racktwin.*:cooling-*")', fields="thingId,features/air")
        units = sorted(str(t["thingId"]) for t in things if (t.get("features") or {}).get("air", {}).get("properties"))
    except (DittoError, ValueError, RuntimeError, KeyError, OSError):
        return None
    return (ditto, units) if units else None


def _local_stack(*command: str, check: bool = True) -> None:
    subprocess.run([sys.executable, "-m", "local_stack", "--stack", OWN, *command], check=check, stdout=sys.stderr)
