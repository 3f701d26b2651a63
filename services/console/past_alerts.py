"""Which alerts were open when: the log of what happened, folded into spans. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

FIELDS: Final = ("firing", "state", "severity", "text", "who")
_PREFIX: Final = "alert."
_ACKNOWLEDGED: Final = "acknowledged: "


def fold(before: Iterable[Mapping[str, Any]], during: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Alerts by their begin: thing, rule, severity, title, text, since, until (epoch ms; None while it lasts), and by
    whom and when it was acknowledged.

    ``before``: the last of each field before the time that is asked for. ``during``: what happened in it, oldest first.
    """
    kept: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for point in before:
        kept.setdefault(_key(point), {})[point["_field"]] = point
    still: dict[tuple[str, str], dict[str, Any]] = {}
    found: list[dict[str, Any]] = []
    for key, last in kept.items():
        if "firing" not in last or float(last["firing"]["_value"]) < 0.5:
            continue
        since = last["firing"]["_time"]
        said = {name: point["_value"] for name, point in last.items()}
        still[key] = _opened(key, since, said)
        who = last.get("who")
        if who is not None and who["_time"] >= since:
            still[key] |= {"acknowledged_by": str(who["_value"]), "acknowledged_at": who["_time"]}
        found.append(still[key])
    for point in during:
        key, state = _key(point), point.get("state")
        alert = still.get(key)
        if state == "firing" and alert is None:
            still[key] = _opened(key, point["_time"], point)
            found.append(still[key])
        elif state == "acknowledged" and alert is not None:
            alert |= {"acknowledged_by": str(point.get("who") or ""), "acknowledged_at": point["_time"]}
        elif state == "cleared" and alert is not None:
            alert["until"] = point["_time"]
            del still[key]
    return sorted(found, key=lambda alert: (alert["since"], alert["thing"], alert["rule"]))


def _key(point: Mapping[str, Any]) -> tuple[str, str]:
    return str(point["thing"]), str(point["feature"]).removeprefix(_PREFIX)


def _opened(key: tuple[str, str], since: int, said: Mapping[str, Any]) -> dict[str, Any]:
    thing, rule = key
    return {
        "thing": thing,
        "rule": rule,
        "severity": str(said.get("severity") or "warning"),
        # The log keeps no titles; a rule's name is one.
        "title": rule.replace("-", " ").capitalize(),
        "text": str(said.get("text") or "").removeprefix(_ACKNOWLEDGED),
        "since": since,
        "until": None,
        "acknowledged_by": None,
        "acknowledged_at": None,
    }
