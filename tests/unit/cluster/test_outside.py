"""A device outside of the cluster gives every number until it is taken, and in order."""

import base64
import json
import time

from cluster.trial import outside
from cluster.trial.outside import Device, Login, reading


def login() -> Login:
    data = {
        "deviceId": "racktwin.berlin:rack-x",
        "host": "10.200.0.11",
        "port": "31883",
        "httpUrl": "http://10.200.0.11:31880",
        "username": "u@berlin",
        "password": "p",
    }
    return Login.parse({"data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}})


def test_a_login_is_what_the_secret_says() -> None:
    assert (login().thing, login().port) == ("racktwin.berlin:rack-x", 31883)


def test_readings_are_numbered_and_dated() -> None:
    record = json.loads(reading(7, 1_700_000_000_000))
    assert (record["seq"], record["time"], record["sensor"]) == (7, 1_700_000_000_000, outside.SENSOR)


def test_what_was_refused_is_sent_again_and_counted_once() -> None:
    taken: list[int] = []
    refusals = iter([False, False])

    def send(payload: bytes) -> bool:
        if not next(refusals, True):
            return False
        taken.append(json.loads(payload)["seq"])
        return True

    device = Device("d", login(), send)
    device._sample = lambda: None  # type: ignore[method-assign]
    for number in (1, 2, 3):
        device._waiting.put(reading(number, 0))
    started = time.monotonic()
    device._stop.set()
    device._deliver()
    assert taken == [1, 2, 3]
    assert (device.sent, device.retries) == (3, 2)
    assert time.monotonic() - started < 5
