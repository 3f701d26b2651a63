"""Commands over MQTT: topics of Hono 1.x and 2.x, and the answers."""

from __future__ import annotations

import json

import pytest

from gateway.commands import answer, parse

OWN = "racktwin.t:gateway-gw-1"
RACK = "racktwin.t:rack-a"


def answered(topic: str, payload: bytes = b'{"setpoint":21}') -> tuple[int, str | None, dict[str, object]]:
    command = parse(topic, payload)
    assert command is not None
    status, found = answer(command, OWN, "t", lambda device: device in (OWN, RACK), 99)
    return status, found.topic if found else None, json.loads(found.payload) if found else {}


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (f"command//{RACK}/req/002c1racktwin/set", f"command/t/{RACK}/res/002c1racktwin/200"),
        (f"command/t/{RACK}/req/002c1racktwin/set", f"command/t/{RACK}/res/002c1racktwin/200"),
        (f"c//{RACK}/q/202g1/set", f"c/t/{RACK}/s/202g1/200"),
        ("command///req/202g2/set", "command///res/202g2/200"),
    ],
)
def test_the_answer_goes_to_the_topic_that_both_honos_take(topic: str, expected: str) -> None:
    status, found, _ = answered(topic)
    assert status == 200
    assert found == expected + "/?content-type=application%2Fjson"


def test_the_answer_repeats_what_was_accepted() -> None:
    _, _, body = answered(f"command//{RACK}/req/1/set")
    assert body == {
        "device": RACK,
        "command": "set",
        "status": "accepted",
        "acceptedAt": 99,
        "parameters": {"setpoint": 21},
    }


def test_a_command_without_payload() -> None:
    assert "parameters" not in answered(f"command//{RACK}/req/1/set", b"")[2]


def test_one_way_commands_are_not_answered() -> None:
    assert answered(f"command//{RACK}/req//beep") == (200, None, {})


def test_a_subject_may_hold_a_slash() -> None:
    assert answered(f"command//{RACK}/req/1/a/b")[2]["command"] == "a/b"


def test_unknown_devices_and_payloads() -> None:
    assert answered("command//racktwin.t:rack-z/req/1/set")[0] == 404
    assert answered(f"command//{RACK}/req/1/set", b"not json")[0] == 400


@pytest.mark.parametrize("topic", ["telemetry", "command///res/1/200", "command//x", "error//a/b/c"])
def test_what_is_no_command(topic: str) -> None:
    assert parse(topic, b"") is None
