"""A room of 1,000 racks as the console's API would tell it, made up: the page draws it as it draws any other."""

from __future__ import annotations

import json
import random
from typing import Any, Final

from racktwin.names import thing_id

ROOM: Final = {"name": "thousand", "width": 34.0, "depth": 52.0, "height": 3.2, "racks": 1000, "cooling_units": 20}
ROWS: Final = 20
IN_A_ROW: Final = 50
# Every rack tells new values once a second; the console passes them on five times a second.
PARTS: Final = 5
_UNITS: Final = 20


class Thousand:
    """Twins of one room, and what changes in them."""

    def __init__(self, site: str) -> None:
        self._site = site
        # The same room each time.
        self._random = random.Random(1)
        self._racks = [f"t-r{row + 1:02d}-{rack + 1:02d}" for row in range(ROWS) for rack in range(IN_A_ROW)]

    def things(self, now_ms: int) -> list[dict[str, Any]]:
        """Racks in rows that look at each other, cooling units at their ends."""
        racks = []
        for number, name in enumerate(self._racks):
            row, place = divmod(number, IN_A_ROW)
            attributes = {
                "location": ROOM["name"],
                "position": {"x": 2 + place * 0.6, "y": 2 + row * 2.4, "z": 0, "yawDeg": 90 if row % 2 else -90},
                "uHeight": 42,
                "availablePower": 8000,
            }
            racks.append(self._thing("rack", name, attributes, self._features(now_ms)))
        units = []
        for number in range(_UNITS):
            left = number % 2
            position = {"x": 0.6 if left else 33.4, "y": 2 + number // 2 * 5.0, "z": 0, "yawDeg": 0 if left else 180}
            served = [thing_id(self._site, "rack", each) for each in self._racks[number::_UNITS]]
            air = {"properties": {"supplyTemperature": 18.0, "quality": "good", "observedAt": now_ms}}
            attributes = {"location": ROOM["name"], "position": position, "racks": served}
            units.append(self._thing("cooling", f"t-crah-{number + 1}", attributes, {"air": air}))
        return racks + units

    def change(self, number: int, now_ms: int) -> str:
        """The message that tells what changed, the ``number``-th since the beginning."""
        changed = self._racks[number % PARTS :: PARTS]
        things = {thing_id(self._site, "rack", each): self._features(now_ms) for each in changed}
        return json.dumps({"type": "delta", "at": now_ms, "things": things, "gone": []})

    def _thing(self, kind: Any, name: str, attributes: dict[str, Any], features: dict[str, Any]) -> dict[str, Any]:
        identity = thing_id(self._site, kind, name)
        return {"id": identity, "kind": kind, "name": name, "attributes": attributes, "features": features}

    def _features(self, now_ms: int) -> dict[str, Any]:
        inlet = self._random.uniform(18, 30)
        measured = {"quality": "good", "observedAt": now_ms}
        features = {
            f"environment.{where}": {
                "temperature": inlet + above,
                "relativeHumidity": 45.0,
                "dewPoint": 9.0,
                **measured,
            }
            for where, above in (("top", 2.0), ("middle", 1.0), ("bottom", 0.0))
        }
        features["power"] = {"power": self._random.uniform(3000, 7000), **measured}
        features["cooling"] = {"deltaT": 12.0, "supplyFraction": self._random.uniform(0.7, 1.0), **measured}
        return {name: {"properties": properties} for name, properties in features.items()}
