"""Racks and servers as CSV, there and back without loss. Pure.

A column is a field of the resource by its own name; what a cell cannot hold as it is (feeds, sensors) has a short
form of its own. An empty cell is an absent field: on import it stays as it is on the resource. Next:
`inventory.plan`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from inventory.wanted import Document, Inventory, Spec, Wanted


class TableError(ValueError):
    """A file that cannot be read at all; the text names line and column."""


@dataclass(frozen=True, slots=True)
class Column:
    """A field in a cell. `write` gives text, `read` a value or ValueError; `path` is where the field is in the spec."""

    name: str
    path: tuple[str, ...]
    read: Callable[[str], Any]
    write: Callable[[Any], str]


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() and "." not in text and "e" not in text.lower() else value


def _flag(text: str) -> bool:
    lowered = text.lower()
    if lowered not in {"true", "false", "yes", "no", "1", "0"}:
        raise ValueError("expected true or false")
    return lowered in {"true", "yes", "1"}


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    # repr is the shortest text that reads back as the same number.
    return repr(value) if isinstance(value, float) else str(value)


def _texts(*names: str) -> list[Column]:
    return [Column(name, (name,), str, str) for name in names]


def _numbers(*names: str) -> list[Column]:
    return [Column(name, (name,), _number, _said) for name in names]


def _flags(*names: str) -> list[Column]:
    return [Column(name, (name,), _flag, _said) for name in names]


def _list_column(name: str) -> Column:
    return Column(name, (name,), lambda text: [part for part in text.split(";") if part], ";".join)


_SENSOR_FORM: Final = "name:position:face:temperature+relativeHumidity; ..."


def _read_sensors(text: str) -> list[Spec]:
    sensors = []
    for part in text.split(";"):
        fields = part.strip().split(":")
        if len(fields) != 4:
            raise ValueError(f"expected {_SENSOR_FORM}")
        sensors.append({"name": fields[0], "position": fields[1], "face": fields[2], "measures": fields[3].split("+")})
    return sensors


def _write_sensors(sensors: list[Spec]) -> str:
    return ";".join(
        f"{sensor['name']}:{sensor['position']}:{sensor.get('face', 'front')}:{'+'.join(sensor['measures'])}"
        for sensor in sensors
    )


def _feed_columns(side: str) -> list[Column]:
    return [
        Column(f"feed{side}.pdu", ("feeds", side, "pdu"), str, str),
        Column(f"feed{side}.voltage", ("feeds", side, "voltage"), _number, _said),
        Column(f"feed{side}.amperage", ("feeds", side, "amperage"), _number, _said),
    ]


_NONE: Final = '""'


def _read_role(text: str) -> str:
    if text == _NONE:
        return ""
    return text[:-1] if set(text) == {'"'} and len(text) > len(_NONE) else text


def _write_role(role: str) -> str:
    """A server without a role is not one with the usual role, which is what an empty cell would mean.

    A role of quotation marks alone has one more in the cell, so that it is not taken for none.
    """
    if not role:
        return _NONE
    return role + '"' if set(role) == {'"'} and len(role) >= len(_NONE) else role


RACK_COLUMNS: Final[tuple[Column, ...]] = (
    *_texts("room", "row"),
    *(Column(name, ("position", name), _number, _said) for name in ("xM", "yM", "zM", "yawDeg")),
    *_texts("facilityId"),
    *_numbers("uHeight", "outerWidthMm", "outerDepthMm", "outerHeightMm"),
    *_texts("airflow", "status", "role", "serial", "assetTag"),
    *_numbers("netboxId", "maxWeightKg"),
    *_texts("ashraeClass"),
    *_numbers("availablePowerW", "coolingCapacityW"),
    *_flags("enforceCapacity"),
    *_feed_columns("A"),
    *_feed_columns("B"),
    _list_column("gateways"),
    Column("sensors", ("sensors",), _read_sensors, _write_sensors),
    *_texts("deletionPolicy"),
    *_flags("suspend"),
)
SERVER_COLUMNS: Final[tuple[Column, ...]] = (
    *_numbers("position", "uHeight"),
    *_texts("face"),
    *_flags("fullDepth"),
    *_texts("serial", "model"),
    Column("role", ("role",), _read_role, _write_role),
    *_numbers("allocatedDrawW", "maximumDrawW", "weightKg"),
    *_texts("followsNode"),
    *_numbers("netboxId"),
)


def racks_csv(documents: Iterable[Document]) -> str:
    """Racks, a row each."""
    rows = [{"name": doc["metadata"]["name"], **_cells(doc["spec"], RACK_COLUMNS)} for doc in _racks(documents)]
    return _text(["name", *(column.name for column in RACK_COLUMNS)], rows)


def servers_csv(documents: Iterable[Document]) -> str:
    """Servers of all racks, a row each."""
    rows = [
        {"rack": doc["metadata"]["name"], "name": server["name"], **_cells(server, SERVER_COLUMNS)}
        for doc in _racks(documents)
        for server in doc["spec"].get("servers") or ()
    ]
    return _text(["rack", "name", *(column.name for column in SERVER_COLUMNS)], rows)


def read(site: str, racks: str, servers: str | None = None) -> Inventory:
    """What CSV files want of a site. Racks of the servers' file need not be in the racks' file.

    Raises:
        TableError: a file has no header, an unknown column, or lacks one that is needed.
    """
    inventory = Inventory(site)
    found: dict[str, Spec] = {}
    ids: dict[int, str] = {}
    for line, row in _rows(racks, RACK_COLUMNS, ("name", "room", "row")):
        name = row.pop("name")
        label = f"racks line {line} ({name})"
        spec = _spec(inventory, label, row, RACK_COLUMNS)
        if name in found:
            inventory.refuse(f"racks line {line}", "name", f"{name}: there is a rack of this name above")
        elif spec is not None and _only_one(inventory, label, ids, name, spec):
            found[name] = _feeds(spec)
    ids = {}
    names: set[str] = set()
    for line, row in _rows(servers or "", SERVER_COLUMNS, ("rack", "name", "position")) if servers else ():
        rack, name = row.pop("rack"), row.pop("name")
        label = f"servers line {line} ({name})"
        spec = _spec(inventory, label, row, SERVER_COLUMNS)
        if rack not in found:
            inventory.refuse(label, "rack", f"{rack}: the racks' file has no such rack")
        elif name in names:
            inventory.refuse(label, "name", f"{name}: there is a server of this name above; names are a site's")
        elif spec is not None and _only_one(inventory, label, ids, name, spec):
            names.add(name)
            found[rack].setdefault("servers", []).append({"name": name, **spec})
    inventory.wanted = [Wanted("Rack", name, f"rack {name}", spec) for name, spec in found.items()]
    return inventory


def site_for(inventory: Inventory, current: Iterable[Document], gateways: Iterable[str] = ()) -> None:
    """Let the inventory also want the rooms that its racks stand in, where no Site has them yet."""
    there = {room["name"] for doc in current if doc["kind"] == "Site" for room in doc["spec"].get("rooms") or ()}
    rooms = sorted({str(item.spec["room"]) for item in inventory.of_kind("Rack")} - there)
    if rooms or not there:
        spec: Spec = {"rooms": [{"name": room} for room in rooms]}
        if names := list(gateways):
            spec["gateways"] = [{"name": name} for name in names]
        inventory.wanted.insert(0, Wanted("Site", inventory.site, f"site {inventory.site}", spec))


def _racks(documents: Iterable[Document]) -> list[Document]:
    return sorted((doc for doc in documents if doc["kind"] == "Rack"), key=lambda doc: str(doc["metadata"]["name"]))


def _cells(spec: Spec, columns: Iterable[Column]) -> dict[str, str]:
    flat = {**spec, "feeds": {feed["name"]: feed for feed in spec.get("feeds") or ()}}
    cells = {}
    for column in columns:
        value: Any = flat
        for key in column.path:
            value = value.get(key) if isinstance(value, dict) else None
        cells[column.name] = "" if value is None or value == [] else column.write(value)
    return cells


def _text(header: list[str], rows: Iterable[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _rows(text: str, columns: Iterable[Column], needed: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Rows with their line numbers; spreadsheets' byte-order mark and semicolons are understood."""
    text = text.removeprefix("\ufeff")
    header = text.partition("\n")[0]
    if not header.strip():
        raise TableError("the file is empty: expected a header line")
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
    names = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    known = {column.name for column in columns} | set(needed) | {"name"}
    if unknown := [name for name in names if name not in known]:
        raise TableError(f"line 1: unknown column {unknown[0]!r}; known: {', '.join(sorted(known))}")
    if missing := [name for name in needed if name not in names]:
        raise TableError(f"line 1: column {missing[0]!r} is missing")
    found = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise TableError(f"line {reader.line_num}: expected {len(names)} cells")
            if any(value.strip() for value in row.values()):
                found.append((reader.line_num, dict(row)))
    except csv.Error as error:
        raise TableError(f"after line {reader.line_num}: {error}") from error
    return found


def _spec(inventory: Inventory, label: str, row: dict[str, str], columns: Iterable[Column]) -> Spec | None:
    spec: Spec = {}
    good = True
    for column in columns:
        text = row.get(column.name, "")
        if text == "":
            continue
        try:
            value = column.read(text)
        except ValueError as error:
            message = str(error) if "expected" in str(error) else "expected a number"
            inventory.refuse(label, column.name, f"{text!r}: {message}")
            good = False
            continue
        place = spec
        for key in column.path[:-1]:
            place = place.setdefault(key, {})
        place[column.path[-1]] = value
    return spec if good else None


def _only_one(inventory: Inventory, label: str, ids: dict[int, str], name: str, spec: Spec) -> bool:
    """Whether no line above has the same NetBox id, which would make two things of the file one; told where not."""
    identity = spec.get("netboxId")
    if identity is None:
        return True
    if identity in ids:
        inventory.refuse(label, "netboxId", f"{identity}: {ids[identity]} above has it; NetBox gives each its own")
        return False
    ids[identity] = name
    return True


def _feeds(spec: Spec) -> Spec:
    if "feeds" in spec:
        spec["feeds"] = [{"name": side, **feed} for side, feed in sorted(spec["feeds"].items())]
    return spec
