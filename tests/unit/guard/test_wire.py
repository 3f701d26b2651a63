"""What a device answers a command: whatever bytes it sends, the guard goes on."""

import pytest

from guard.wire import answer_of

HEADERS = [("device_id", b"racktwin.t:cooling-1"), ("correlation-id", b"c"), ("status", b"200")]


@pytest.mark.parametrize(
    ("value", "body"),
    [(b'{"setpoint":21}', {"setpoint": 21}), (b"", {}), (b"[]", {}), (b"{", {}), (b"\xff", {}), (b'{"a":"\xff"}', {})],
)
def test_what_is_no_object_is_an_empty_one(value, body):
    answer = answer_of(None, HEADERS, value)
    assert (answer.status, answer.body) == (200, body)
