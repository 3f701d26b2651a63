"""Twins as alerting is shown them, and a board that is led through time."""

from __future__ import annotations

NOW = 1_780_000_000_000


def rack(top=24.0, bottom=22.0, *, at=NOW, ashrae="A2", dew=(10.0, 10.0), features=None, open_alerts=None):
    found = {
        "environment.top": {"temperature": top, "dewPoint": dew[0], "observedAt": at},
        "environment.bottom": {"temperature": bottom, "dewPoint": dew[1], "observedAt": at},
        "environment.rear-top": {"temperature": 45.0, "observedAt": at},
        **(features or {}),
    }
    if open_alerts:
        found["alerts"] = {"open": open_alerts}
    return {
        "thingId": "racktwin.berlin:rack-r1",
        "attributes": {"location": "hall-a", "row": "r01", "ashraeClass": ashrae},
        "features": {name: {"properties": values} for name, values in found.items()},
    }


def unit(supply=20.0, setpoint=20.0, *, at=NOW, airflow=4.0, last=None):
    control = {"setpoint": setpoint, **({"lastCommand": last} if last else {})}
    air = {"supplyTemperature": supply, "airflow": airflow, "observedAt": at}
    return {
        "thingId": "racktwin.berlin:cooling-crah-1",
        "attributes": {"location": "hall-a"},
        "features": {"air": {"properties": air}, "control": {"properties": control}},
    }


def site(name, **values):
    return {"thingId": "racktwin.berlin:site-berlin", "features": {name: {"properties": values}}}


def predicted(value):
    def at(now):
        found = {"target": "environment.top/temperature", "value": value, "horizon": 900, "expiresAt": now + 60_000}
        return rack(at=now, features={"prediction.inlet-temperature.top": found})

    return at


def rules_of(changes, what="firing"):
    return [change.rule.name for change in changes if change.what == what]


def run(board, thing_at, seconds, step=5):
    changes = []
    for second in range(0, seconds, step):
        now = NOW + second * 1000
        changes += board.judge(thing_at(now, second), now)
    return changes
