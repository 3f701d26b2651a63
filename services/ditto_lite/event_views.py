"""What a subscriber is shown of an event, and what its filter looks at.

Pure. A filter sees what the event says, on top of the extra fields asked for, not the rest of the thing: as in Ditto.
Next: :mod:`ditto_lite.sse` and :mod:`ditto_lite.kafka_link`.
"""

from __future__ import annotations

from typing import Any

from ditto_lite import fields
from ditto_lite.access import Access
from ditto_lite.commands import Event
from ditto_lite.fields import Selector
from ditto_lite.merge_patch import at as nest
from ditto_lite.merge_patch import merge
from ditto_lite.pointers import MISSING
from ditto_lite.rql import Predicate


def changed(event: Event) -> dict[str, Any]:
    """What the event says, as a part of a thing."""
    part = MISSING if event.value is MISSING else nest(event.path, event.value)
    return {"thingId": event.thing_id, **part} if isinstance(part, dict) else {"thingId": event.thing_id}


def extra_fields(event: Event, access: Access, selector: Selector | None) -> Any:
    """The extra fields of the thing that may be read, ``MISSING`` when none were asked for."""
    if selector is None:
        return MISSING
    view = access.view(event.thing)
    gone = event.action == "deleted" and not event.path
    return {} if gone or view is MISSING else fields.project(view, selector)


def passes(event: Event, wanted: Predicate | None, extra: Any) -> bool:
    """Whether an event passes a filter."""
    if wanted is None:
        return True
    pseudo = {"topic:action": event.action, "resource:path": "/" + "/".join(event.path)}
    document = changed(event)
    return wanted(document if extra is MISSING else merge(extra, document), pseudo)
