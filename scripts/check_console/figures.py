"""How fast the page is, as the check prints it."""

from __future__ import annotations

from typing import Any

from check_console import speed
from check_console.browser import Visit
from check_console.trying import tried
from racktwin.ditto_client import DittoClient


def figures(seen: Visit, ditto: DittoClient, rack: str) -> dict[str, Any]:
    """Frames per second, ms, pixels; none where something could not be measured, which is told."""
    found: dict[str, Any] = dict.fromkeys(("fps_1000_racks", "first_paint_ms", "ws_event_to_pixel_p95_ms"))

    def racks() -> None:
        room = speed.of_1000_racks(seen)
        found["fps_1000_racks"] = round(room["fps"], 1)
        found["frame_p95_ms_1000_racks"] = round(room["frame_p95_ms"], 1)
        found["js_ms_per_frame_1000_racks"] = round(room["js_ms"], 2)
        found["gl_ms_per_frame_1000_racks"] = round(room["gl_ms"], 1)
        found["canvas"] = f"{room['width']}x{room['height']}"
        found["pixel_ratio_while_moving"] = room["pixel_ratio"]
        found["renderer"] = "software" if "SwiftShader" in room["renderer"] else room["renderer"]

    def paint() -> None:
        found["first_paint_ms"] = round(speed.first_paint_ms(seen))

    def event() -> None:
        found["ws_event_to_pixel_p95_ms"] = round(speed.event_to_pixel_p95_ms(seen, ditto, rack))

    for name, run in (("1,000 racks", racks), ("first paint", paint), ("event", event)):
        tried(seen, name, run)
    return found
