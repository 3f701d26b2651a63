"""Server-sent events: changes of things as they happen, filtered and reduced as asked for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest


class Stream:
    """A stream that is read in a thread."""

    def __init__(self, ditto, path: str) -> None:
        self.events: list[object] = []
        headers = {"accept": "text/event-stream"}
        self._answer = ditto.session.get(f"{ditto.url}/api/2{path}", headers=headers, stream=True, timeout=60)
        self.status = self._answer.status_code
        assert self._answer.headers["content-type"].startswith("text/event-stream"), self._answer.text
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for line in self._answer.iter_lines(chunk_size=1):
                if line.startswith(b"data:") and line != b"data:":
                    self.events.append(json.loads(line[5:]))
        except Exception:  # the test closed it
            return

    def close(self) -> None:
        self._answer.close()


def tells(event: object, value: int, revision: int) -> bool:
    """Whether an event is about this value, or about this revision where values were not asked for."""
    if not isinstance(event, dict):
        return event == value
    parts = [event]
    while parts:
        part = parts.pop()
        if value in part.values() or part.get("_revision") == revision:
            return True
        parts += [each for each in part.values() if isinstance(each, dict)]
    return False


@pytest.fixture
def stream(ditto, eventually) -> Iterator:
    opened: list[Stream] = []

    def open_stream(path: str, nudge: str, probe: int) -> Stream:
        """Open a stream and change something until it shows: Ditto's begins some time after its headers."""
        each = Stream(ditto, path)
        opened.append(each)
        for number in range(300):
            # Another value each time: when the last one was shown, no earlier one is still to come.
            answer = ditto.put(nudge, probe + number)
            assert answer.status_code in (201, 204)
            time.sleep(0.1)
            if each.events:
                break
        revision = int(answer.headers["entity-revision"])
        eventually(lambda: each.events and tells(each.events[-1], probe + number, revision))
        each.events.clear()
        return each

    yield open_stream
    for each in opened:
        each.close()


@pytest.fixture
def thing(ditto):
    return ditto.new_thing(attributes={"row": "A"}, features={"air": {"properties": {"t": 1.5, "h": 2}}})


def test_changes_are_shown_as_parts_of_the_thing(ditto, stream, thing, eventually):
    shown = stream(f"/things?ids={thing}", f"/things/{thing}/attributes/probe", 1000)
    ditto.put(f"/things/{thing}/attributes/row", "P")
    ditto.patch(f"/things/{thing}", {"features": {"air": {"properties": {"t": 25.5}}}})
    ditto.put(f"/things/{thing}/features/air/properties/h", 71)
    eventually(lambda: len(shown.events) >= 3)
    assert shown.events == [
        {"thingId": thing, "attributes": {"row": "P"}},
        {"thingId": thing, "features": {"air": {"properties": {"t": 25.5}}}},
        {"thingId": thing, "features": {"air": {"properties": {"h": 71}}}},
    ]


def test_fields_and_revisions(ditto, stream, thing, eventually):
    path = f"/things?ids={thing}&fields=thingId,attributes/row,_revision"
    shown = stream(path, f"/things/{thing}/attributes/probe", 1000)
    revision = int(ditto.put(f"/things/{thing}/attributes/row", "Q").headers["entity-revision"])
    eventually(lambda: shown.events)
    assert shown.events == [{"thingId": thing, "attributes": {"row": "Q"}, "_revision": revision}]


def test_filter_by_value(ditto, stream, thing, eventually):
    nudge = f"/things/{thing}/features/air/properties/t"
    shown = stream(f"/things?ids={thing}&filter=gt(features/air/properties/t,30)", nudge, 40)
    ditto.put(nudge, 29)
    ditto.put(nudge, 31)
    eventually(lambda: shown.events)
    assert shown.events == [{"thingId": thing, "features": {"air": {"properties": {"t": 31}}}}]


def test_one_thing_and_one_property(ditto, stream, thing, eventually):
    nudge = f"/things/{thing}/features/air/properties/t"
    shown = stream(f"/things/{thing}/features/air/properties/t", nudge, 0)
    ditto.put(nudge, 33.5)
    eventually(lambda: shown.events)
    assert shown.events == [33.5]


def test_namespaces_keep_others_out(ditto, stream, thing, eventually):
    shown = stream(f"/things?namespaces={ditto.namespace}", f"/things/{thing}/attributes/probe", 1000)
    other = ditto.new_thing(attributes={"a": 1})
    eventually(lambda: shown.events)
    assert shown.events[0]["thingId"] == other
    assert shown.events[0]["attributes"] == {"a": 1}


def test_wrong_filter_is_400(ditto, problem):
    problem(ditto.get("/things?filter=eq(", accept="text/event-stream"), 400, "rql.expression.invalid")


def test_search_as_a_stream(ditto, eventually):
    thing = ditto.new_thing(attributes={"streamed": "yes"})
    query = f"namespaces={ditto.namespace}&fields=thingId&filter=eq(attributes/streamed,%22yes%22)"

    def streamed() -> bool:
        answer = ditto.get(f"/search/things?{query}", accept="text/event-stream")
        return f'data:{{"thingId":"{thing}"}}' in answer.text.splitlines()

    eventually(streamed)
