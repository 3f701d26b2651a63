"""Live messages: answers find who asked."""

from __future__ import annotations

import asyncio

import pytest

from ditto_lite.bus import Message
from ditto_lite.errors import DittoError
from ditto_lite.messages import Messages

OWNER = ("nginx:owner",)


@pytest.fixture
def messages(world):
    world.make(features={"f": {"properties": {}}})
    return Messages(world.twin, world.bus)


async def test_an_answer_finds_who_asked(world, messages) -> None:
    def answer(message: Message) -> None:
        correlation = str(message.headers["correlation-id"])
        asyncio.get_running_loop().call_soon(messages.answered, correlation, 200, {"done": True}, {})

    world.bus.on_message.append(answer)
    message = messages.prepare("ns:t", "f", "inbox", "go", {"n": 1}, subjects=OWNER, headers={})
    assert message.path() == "/features/f/inbox/messages/go"
    got = await messages.send(message, 2000)
    assert got is not None
    assert (got.status, got.value) == (200, {"done": True})
    assert not messages.answered(str(message.headers["correlation-id"]), 200, None, {})


async def test_nobody_answers(messages) -> None:
    message = messages.prepare("ns:t", None, "inbox", "go", 1, subjects=OWNER, headers={})
    assert await messages.send(message, 20) is None


async def test_nothing_is_waited_for_without_a_timeout(world, messages) -> None:
    sent: list[Message] = []
    world.bus.on_message.append(sent.append)
    message = messages.prepare("ns:t", None, "outbox", "opened", 1, subjects=OWNER, headers={})
    assert await messages.send(message, 0) is None
    assert sent[0].headers["ditto-message-direction"] == "FROM"


def test_strangers_may_not_send(messages) -> None:
    with pytest.raises(DittoError) as refused:
        messages.prepare("ns:t", None, "inbox", "go", 1, subjects=("a:stranger",), headers={})
    assert refused.value.code == "messages:send.notallowed"
