"""openDCIM's files: the XML of its report for CFD (cabinets with places, devices with watts), and its device list as
CSV.

The XML is the one export that says where cabinets stand, in points of the room's drawing; those become metres by the
width of a cabinet. It carries no serial numbers: the device list (Reports, Export, as CSV) adds them. Pure.
Next: `inventory.plan`.
"""

from __future__ import annotations

import csv
import io
import re
import statistics
from typing import Final
from xml.etree import ElementTree

from inventory.labels import Chooser, dns_label, slug
from inventory.wanted import Inventory, Spec, Wanted

_RACK_WIDTH_M: Final = 0.6
_MAX_U: Final = 60
# The front's direction on the drawing, whose y grows downwards; ours grows upwards.
_YAW: Final = {"Top": 90.0, "Bottom": 270.0, "Left": 180.0, "Right": 0.0}
# The report writes labels as they are.
_BARE_AMPERSAND: Final = re.compile(r"&(?!#?\w+;)")


class OpenDcimError(ValueError):
    """A file that is none of openDCIM's; the text says why."""


def read(site: str, xml: str, devices: str | None = None, *, room: str = "", metres_per_point: float = 0) -> Inventory:
    """What the files want of a site; the data centre becomes a room.

    `metres_per_point` 0: so that the median cabinet is 0.6 m wide.

    Raises:
        OpenDcimError: a file is not what it should be.
    """
    root = _parse(xml)
    name = root.findtext("Name") or "datacenter"
    inventory = Inventory(site)
    hall = dns_label(room or name, "room")
    more = _device_list(devices, name) if devices else {}
    cabinets = root.findall("cabinet")
    scale = metres_per_point or _scale(cabinets)
    top = max((_point(cabinet, "MapY2") or 0 for cabinet in cabinets), default=0)
    names = Chooser()
    for cabinet in cabinets:
        location = (cabinet.findtext("Location") or "").strip()
        label = f"cabinet {location} (id {cabinet.findtext('CabinetID')})"
        height = _point(cabinet, "Height") or 42
        if not 1 <= height <= _MAX_U:
            inventory.refuse(label, "Height", f"{height:g}: a Rack has 1 to {_MAX_U} U")
            continue
        spec: Spec = {"room": hall, "row": _row(location), "uHeight": int(height), "facilityId": location[:128]}
        if (position := _position(cabinet, scale, top)) is not None:
            spec["position"] = position
        servers = [_server(inventory, names, location, device, more) for device in cabinet.findall("Device")]
        spec["servers"] = [server for server in servers if server is not None]
        inventory.wanted.append(
            Wanted("Rack", names.choose(location, "rack", cabinet.findtext("CabinetID")), label, spec)
        )
    if scale:
        inventory.notes.append(f"one point of the drawing is taken for {scale:.4g} m (--metres-per-point)")
    return inventory


def _parse(xml: str) -> ElementTree.Element:
    if "<!DOCTYPE" in xml:
        raise OpenDcimError("the file has a document type, which openDCIM's export has not")
    try:
        root = ElementTree.fromstring(_BARE_AMPERSAND.sub("&amp;", xml.strip()))  # noqa: S314 - no document type
    except ElementTree.ParseError as error:
        raise OpenDcimError(f"not XML: {error}") from error
    if root.tag != "datacenter":
        raise OpenDcimError(f"<{root.tag}>: expected openDCIM's report for CFD, whose first element is <datacenter>")
    return root


def _server(
    inventory: Inventory, names: Chooser, location: str, device: ElementTree.Element, more: dict[tuple[str, str], Spec]
) -> Spec | None:
    called = (device.findtext("Label") or "").strip()
    identity = device.findtext("DeviceID")
    position, height = _point(device, "Position"), _point(device, "Height")
    if not position or not height or position < 1:
        inventory.notes.append(f"device {called} (id {identity}): left out: it occupies no U of {location}")
        return None
    server: Spec = {
        "name": names.choose(called, "server", identity),
        "position": position,
        "uHeight": height,
        "allocatedDrawW": _point(device, "Watts") or 0,
    }
    return {**server, **more.get((location.lower(), called.lower()), {})}


def _device_list(text: str, datacenter: str) -> dict[tuple[str, str], Spec]:
    """Serial numbers, models and depth by (cabinet, name), in lower case."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = {"Data Center", "Location", "Name", "Serial Number"} - set(reader.fieldnames or ())
    if missing:
        raise OpenDcimError(
            f"device list: column {sorted(missing)[0]!r} is missing (openDCIM in English is understood)"
        )
    found: dict[tuple[str, str], Spec] = {}
    for row in reader:
        if row["Data Center"].strip().lower() != datacenter.strip().lower():
            continue
        spec: Spec = {"serial": row["Serial Number"].strip()[:128], "model": (row.get("Template") or "").strip()[:128]}
        if kind := (row.get("Device Type") or "").strip():
            spec["role"] = kind.lower()[:128]
        if (row.get("Half Depth") or "0").strip() in {"1", "Y"}:
            spec["fullDepth"] = False
        if (row.get("Back Side") or "0").strip() in {"1", "Y"}:
            spec["face"] = "rear"
        found[row["Location"].strip().lower(), row["Name"].strip().lower()] = spec
    return found


def _point(element: ElementTree.Element, name: str) -> float | None:
    try:
        return float(element.findtext(name) or "")
    except ValueError:
        return None


def _extent(cabinet: ElementTree.Element) -> tuple[float, float, float, float] | None:
    """Middle x and y, width and height on the drawing; None where it is not drawn."""
    points = [_point(cabinet, name) for name in ("MapX1", "MapX2", "MapY1", "MapY2")]
    x1, x2, y1, y2 = (point or 0.0 for point in points)
    if x1 == x2 or y1 == y2:
        return None
    return (x1 + x2) / 2, (y1 + y2) / 2, abs(x2 - x1), abs(y2 - y1)


def _scale(cabinets: list[ElementTree.Element]) -> float:
    widths = []
    for cabinet in cabinets:
        if (extent := _extent(cabinet)) is not None:
            sideways = cabinet.findtext("FrontEdge") in {"Left", "Right"}
            widths.append(extent[3] if sideways else extent[2])
    return _RACK_WIDTH_M / statistics.median(widths) if widths else 0.0


def _position(cabinet: ElementTree.Element, scale: float, top: float) -> Spec | None:
    extent = _extent(cabinet)
    if extent is None or not scale:
        return None
    return {
        "xM": round(max(extent[0] * scale, 0), 3),
        "yM": round(max((top - extent[1]) * scale, 0), 3),
        "yawDeg": _YAW.get(cabinet.findtext("FrontEdge") or "Top", 90.0),
    }


def _row(location: str) -> str:
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", location) if part]
    if len(parts) > 1:
        return slug("-".join(parts[:-1]), "r1")
    match = re.match(r"([A-Za-z]+)\d+$", location)
    return slug(match[1] if match else "", "r1")
