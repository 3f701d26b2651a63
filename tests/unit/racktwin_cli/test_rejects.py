"""Which dead letters are meant, and what is sent when they are replayed."""

from __future__ import annotations

import base64
import json

import pytest

from racktwin.messages import Reject
from racktwin_cli.failures import Failure
from racktwin_cli.rejects.command import line_of
from racktwin_cli.rejects.replay import HEADER, plan, read_mends, record_of
from racktwin_cli.rejects.selection import Letter, chosen, distinct

RACK = "racktwin.berlin:rack-r1"


def letter(reason="unit_mismatch", offset=7, device=RACK, payload='[{"v":1}]', replayed=False, **changes):
    values = {
        "detail": "temperature: W",
        "topic": "hono.telemetry.berlin",
        "partition": 0,
        "key": device,
        "headers": {"content-type": "application/senml+json", "device_id": device, "creation-time": "1767225600000"},
        "payload_encoding": "utf8",
        "rejected_at": 1767225600100,
        **changes,
    }
    reject = Reject(reason=reason, offset=offset, device=device, payload=payload, v=1, **values)
    return Letter(reject, reject.rejected_at, replayed)


def test_letters_are_chosen_by_reason_and_device():
    other = letter(device="racktwin.berlin:rack-r2", offset=8)
    late = letter("time_too_old", offset=9)
    letters = [letter(), other, late]
    assert chosen(letters) == letters
    assert chosen(letters, ["time_too_old"]) == [late]
    assert chosen(letters, ["time_too_old", "unit_mismatch"], ["rack-r1"]) == [letters[0], late]
    assert chosen(letters, devices=[RACK]) == [letters[0], late]
    assert chosen(letters, devices=["r1"]) == [], "the end of an id, not of a name"


def test_a_record_may_have_several_rejects_and_each_its_own_name():
    letters = [letter(), letter("out_of_range"), letter(payload='[{"v":2}]'), letter(offset=8)]
    assert len({each.id for each in letters}) == 4
    assert distinct([*letters, letter()]) == letters, "what a killed ingest wrote twice counts once"


def test_a_replay_keeps_key_headers_and_time_and_is_marked():
    record = record_of(letter())
    assert (record.topic, record.key, record.value) == ("hono.telemetry.berlin", RACK, b'[{"v":1}]')
    headers = dict(record.headers)
    assert headers["creation-time"] == b"1767225600000"
    assert headers["device_id"] == RACK.encode()
    assert headers[HEADER] == letter().id.encode()


def test_bytes_come_back_as_they_were():
    raw = b"\xff\x00\x01"
    assert record_of(letter(payload=base64.b64encode(raw).decode(), payload_encoding="base64")).value == raw


def test_what_was_replayed_is_left_out_unless_asked_for():
    letters = [letter(), letter(offset=8, replayed=True)]
    records, left_out = plan(letters, None, again=False)
    assert [dict(r.headers)[HEADER] for r in records] == [letters[0].id.encode()]
    assert left_out == [letters[1]]
    assert len(plan(letters, None, again=True)[0]) == 2


def test_printed_lines_are_mends():
    letters = [letter(), letter(offset=8)]
    line = line_of(letters[1])
    assert plan(letters, read_mends(json.dumps(line)), again=False)[0] == [record_of(letters[1])]
    line["payload"] = '[{"v":2}]'
    (record,), _ = plan(letters, read_mends(json.dumps(line) + "\n\n"), again=False)
    assert record.value == b'[{"v":2}]'
    assert dict(record.headers)["device_id"] == RACK.encode()


def test_a_mend_may_be_plain_json_and_change_headers():
    text = json.dumps(
        {"id": letter().id, "payload": {"temperature": 21}, "headers": {"content-type": "application/json"}}
    )
    (record,), _ = plan([letter()], read_mends(text), again=False)
    assert json.loads(record.value) == {"temperature": 21}
    assert dict(record.headers)["content-type"] == b"application/json"
    assert dict(record.headers)["creation-time"] == b"1767225600000"


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"payload": "x"}', '{"id": "a", "payload": "?", "payloadEncoding": "base64"}',
             '{"id": "a", "headers": 3}']
)  # fmt: skip
def test_a_wrong_line_is_named(text):
    with pytest.raises(Failure, match="line 2"):
        read_mends(f"\n{text}")


def test_a_mend_of_something_else_is_refused():
    with pytest.raises(Failure, match="name no such reject"):
        plan([letter()], read_mends('{"id": "hono.telemetry.berlin/0@99#00000000"}'), again=False)
