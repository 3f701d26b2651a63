"""A twin in memory, a clock that stands still, and commands in short."""

from __future__ import annotations

from typing import Any

import pytest

from ditto_lite.bus import Bus
from ditto_lite.commands import Command, Event, Result
from ditto_lite.pointers import MISSING, parse
from ditto_lite.twin import Twin

OWNER = "nginx:owner"
EVERYTHING = {f"{kind}:/": {"grant": ["READ", "WRITE"], "revoke": []} for kind in ("thing", "policy", "message")}


class Clock:
    """Epoch milliseconds that move only when told."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now


class World:
    """A twin and what it published."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.bus = Bus()
        self.events: list[Event] = []
        self.bus.on_event.append(self.events.append)
        self.twin = Twin(self.clock, self.bus)

    def do(
        self, kind: Any, entity: str, path: str = "", value: Any = MISSING, subject: str = OWNER, **headers: Any
    ) -> Result:
        """Execute a command on a thing, and publish."""
        named = {name.replace("_", "-"): each for name, each in headers.items()}
        result = self.twin.execute(Command(kind, entity, parse(path), (subject,), value, named))
        for publish in self.twin.drain()[1]:
            publish()
        return result

    def policy(self, kind: Any, entity: str, path: str = "", value: Any = MISSING, subject: str = OWNER) -> Result:
        """Execute a command on a policy."""
        return self.twin.policy_commands.execute(Command(kind, entity, parse(path), (subject,), value))

    def make(self, thing: str = "ns:t", **parts: Any) -> str:
        """A thing under the policy ``ns:p``."""
        self.do("modify", thing, value={"policyId": "ns:p", **parts})
        return thing


@pytest.fixture
def world() -> World:
    world = World()
    entries = {"owner": {"subjects": {OWNER: {"type": "t"}}, "resources": EVERYTHING}}
    world.policy("modify", "ns:p", value={"entries": entries})
    return world
