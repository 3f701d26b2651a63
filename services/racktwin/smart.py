"""What `smartctl --json --all` says of a disk, as properties of the catalogue's ``drive``; absent is absent. Pure.

Raw values are the vendors' own 48 bits: some pack several numbers into one (Seagate's command timeouts, hours beside
milliseconds), which `plausible` takes apart or leaves out. Next: `racktwin.smartctl`, which asks; `models.disk_wear`,
which judges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from racktwin import drives

Values = dict[str, float | str]

# ATA attribute -> property.
_ATA: Final = {
    5: "reallocatedSectors",
    187: "reportedUncorrectable",
    188: "commandTimeouts",
    197: "pendingSectors",
    198: "offlineUncorrectable",
}
# Normalised values of flash that begin at 100 and fall to 0 when the rated writes are used up, the plainest first.
_LIFE_LEFT: Final = (231, 233, 202, 177, 173, 169)
_NVME: Final = {
    "critical_warning": "criticalWarning",
    "available_spare": "availableSpare",
    "available_spare_threshold": "availableSpareThreshold",
    "percentage_used": "percentageUsed",
    "media_errors": "mediaErrors",
}
# Bits that a packed value's count has (smartctl shows 5 as raw16(raw16), hours as raw24), and the most there can be.
_BITS: Final = {"commandTimeouts": 16, "reallocatedSectors": 16, "powerOnHours": 24}
_MOST: Final = {"powerOnHours": 1e6, "percentageUsed": 255.0, "availableSpare": 100.0, "availableSpareThreshold": 100.0}
_MOST_COUNTED: Final = 1e9
# smartctl's exit status: the command line was wrong, or the device could not be opened (or it sleeps).
_NOT_READ: Final = 0b11


def plausible(name: str, raw: float) -> float | None:
    """A raw value of a property as the count that it means; None for what cannot be one."""
    if not math.isfinite(raw) or raw < 0:
        return None
    packed_from = 1 << 16 if name == "commandTimeouts" else 1 << 32
    if raw >= packed_from and (name in _BITS or name not in _MOST):
        # All 48 bits say "not known", on some.
        if raw >= (1 << 48) - 1:
            return None
        raw = float(int(raw) & ((1 << _BITS.get(name, 32)) - 1))
    return raw if raw <= _MOST.get(name, _MOST_COUNTED) else None


def problem(document: Mapping[str, Any]) -> str | None:
    """Why a disk could not be read, in smartctl's words; None where it was."""
    about = _part(document, "smartctl")
    status = about.get("exit_status")
    if not isinstance(status, int) or not status & _NOT_READ:
        return None
    messages = about.get("messages")
    said = [str(one.get("string")) for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    return "; ".join(said) or f"exit status {status}"


def values_of(document: Mapping[str, Any]) -> tuple[str, Values] | None:
    """(feature, properties) of one disk's JSON; None where it names no disk or tells nothing of it."""
    feature = drives.feature(str(_part(document, "device").get("name") or ""))
    found: Values = {}
    for name, key in (("serial", "serial_number"), ("model", "model_name")):
        text = document.get(key) or document.get(f"scsi_{key}")
        if isinstance(text, str) and text.strip():
            found[name] = text.strip()[:256]
    passed = _part(document, "smart_status").get("passed")
    if isinstance(passed, bool):
        found["health"] = "passed" if passed else "failed"
    ssd = _medium(document, found)
    _count(found, "capacity", _part(document, "user_capacity").get("bytes"), most=1e18)
    current = _number(_part(document, "temperature").get("current"))
    # A sensor that is not there reads 0 or 255.
    if current is not None and -40.0 <= current <= 150.0 and current != 0.0:
        found["temperature"] = current
    _count(found, "powerOnHours", _part(document, "power_on_time").get("hours"))
    _ata(found, document, ssd=ssd)
    _nvme(found, document)
    _scsi(found, document)
    _count(found, "percentageUsed", _part(document, "endurance_used").get("current_percent"), most=255.0)
    return (feature, found) if feature is not None and found else None


def _medium(document: Mapping[str, Any], found: Values) -> bool:
    rotation = document.get("rotation_rate")
    nvme = _part(document, "device").get("protocol") == "NVMe"
    ssd = nvme or (rotation == 0 and not isinstance(rotation, bool))
    if ssd or (isinstance(rotation, int) and rotation > 0):
        found["mediaType"] = "SSD" if ssd else "HDD"
    return ssd


def _ata(found: Values, document: Mapping[str, Any], *, ssd: bool) -> None:
    table = _part(document, "ata_smart_attributes").get("table")
    listed = table if isinstance(table, list) else []
    rows = {row["id"]: row for row in listed if isinstance(row, dict) and isinstance(row.get("id"), int)}
    for number, name in _ATA.items():
        _count(found, name, _part(rows.get(number), "raw").get("value"))
    if "powerOnHours" not in found:
        _count(found, "powerOnHours", _part(rows.get(9), "raw").get("value"))
    if ssd:
        left = (_number((rows.get(number) or {}).get("value")) for number in _LIFE_LEFT)
        known = next((value for value in left if value is not None and 0.0 <= value <= 100.0), None)
        if known is not None:
            found["percentageUsed"] = 100.0 - known


def _nvme(found: Values, document: Mapping[str, Any]) -> None:
    log = _part(document, "nvme_smart_health_information_log")
    for key, name in _NVME.items():
        _count(found, name, log.get(key))
    if "powerOnHours" not in found:
        _count(found, "powerOnHours", log.get("power_on_hours"))


def _scsi(found: Values, document: Mapping[str, Any]) -> None:
    _count(found, "reallocatedSectors", document.get("scsi_grown_defect_list"))
    _count(found, "percentageUsed", document.get("scsi_percentage_used_endurance_indicator"), most=255.0)
    counters = _part(document, "scsi_error_counter_log")
    errors = [_number(_part(counters, way).get("total_uncorrected_errors")) for way in ("read", "write", "verify")]
    if any(error is not None for error in errors):
        _count(found, "mediaErrors", sum(error or 0.0 for error in errors))


def _count(found: Values, name: str, raw: Any, *, most: float | None = None) -> None:
    number = _number(raw)
    if number is None:
        return
    value = plausible(name, number) if most is None else (number if 0.0 <= number <= most else None)
    if value is not None:
        found[name] = int(value) if value.is_integer() else value


def _number(raw: Any) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    number = float(raw)
    return number if math.isfinite(number) else None


def _part(document: Any, name: str) -> Mapping[str, Any]:
    part = document.get(name) if isinstance(document, Mapping) else None
    return part if isinstance(part, Mapping) else {}
