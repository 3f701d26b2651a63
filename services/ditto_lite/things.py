"""What a command makes of a thing: permissions, preconditions, the new document and the event.

Pure: documents in, documents out. Next: :mod:`ditto_lite.twin` keeps the outcome and publishes the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from ditto_lite import etags, fields, merge_patch
from ditto_lite.access import READ, WRITE, Access
from ditto_lite.commands import Command, Result
from ditto_lite.errors import DittoError, error
from ditto_lite.pointers import MISSING, get, put, remove
from ditto_lite.resources import Resource, check_merged, read_thing, resource_of
from ditto_lite.rql import compile_filter
from ditto_lite.store import encode

MAX_THING_BYTES: Final = 100 * 1024
Action = Literal["created", "modified", "merged", "deleted"]


@dataclass(slots=True)
class Entity:
    """A thing or a policy with its revision and times (epoch ms UTC). Its document is never changed in place."""

    id: str
    revision: int
    created_ms: int
    modified_ms: int
    document: dict[str, Any]
    # Upper bound of the document's size in bytes, so that not every small merge has to measure it.
    size_bound: int = 0


@dataclass(slots=True)
class Outcome:
    """What a change comes to: the new document (None when it is deleted), and what the event says."""

    document: dict[str, Any] | None
    action: Action
    value: Any
    status: int
    body: Any = MISSING
    etag: str | None = None
    size_bound: int = 0


def known_resource(command: Command) -> Resource:
    """The resource of a command.

    Raises:
        DittoError: there is no such path on a thing.
    """
    resource = resource_of(command.path)
    if resource is None:
        raise error("protocoladapter:unknown.path", path="/" + "/".join(command.path))
    return resource


def pseudo_fields(entity: Entity, iso_times: tuple[str, str]) -> dict[str, Any]:
    """What is known of a thing beside its document; ``iso_times`` are created and modified."""
    namespace = entity.id.partition(":")[0]
    return {
        "_namespace": namespace,
        "_revision": entity.revision,
        "_created": iso_times[0],
        "_modified": iso_times[1],
    }


def retrieve(entity: Entity, access: Access, command: Command, pseudo: dict[str, Any]) -> Result:
    """Answer a read: the readable part of the resource, reduced to the selected fields.

    Raises:
        DittoError: it is not there, or not readable by the subjects (404 in both cases).
    """
    resource = known_resource(command)
    if not access.partial(command.path, READ):
        raise resource.not_found(entity.id)
    value = get(entity.document, command.path)
    if value is not MISSING:
        value = access.view(value, command.path)
    if value is MISSING or (value is None and resource.family == "definition"):
        raise resource.not_found(entity.id)
    etag = etags.of_value(value) if command.path else etags.of_revision(entity.revision)
    if etags.not_modified(command.headers, etag, "Thing"):
        return Result(304, etag=etag)
    if not command.path:
        value = {"thingId": entity.id, **value}
    if command.fields is not None:
        value = fields.project(
            {**value, **pseudo} if isinstance(value, dict) and not command.path else value, command.fields
        )
    return Result(200, value, entity.revision, etag)


def change(entity: Entity, access: Access, command: Command, pseudo: dict[str, Any]) -> Outcome:
    """Apply a command to a thing that exists.

    Raises:
        DittoError: 400, 403, 404, 409, 412 or 413, as Ditto answers.
    """
    resource = known_resource(command)
    if command.kind == "create":
        raise error("things:thing.conflict", id=entity.id)
    _check_writable(entity, access, command, resource)
    old = get(entity.document, command.path)
    if command.headers:
        _check_conditions(entity, command, old, pseudo)
    if command.kind == "delete":
        return _delete(entity, command, resource, old)
    if command.kind == "merge":
        return _merge(entity, command)
    return _modify(entity, command, resource, old)


def _check_writable(entity: Entity, access: Access, command: Command, resource: Resource) -> None:
    if access.writes_all or access.unrestricted(command.path, WRITE):
        return
    if command.kind == "merge":
        if all(access.unrestricted(leaf, WRITE) for leaf in merge_patch.leaves(command.value, command.path)):
            return
        raise error("things:thing.notmodifiable", id=entity.id)
    if command.kind == "delete" and not command.path:
        raise error("things:thing.notdeletable", id=entity.id)
    raise resource.not_modifiable(entity.id)


def _check_conditions(entity: Entity, command: Command, old: Any, pseudo: dict[str, Any]) -> None:
    headers = command.headers
    if (condition := headers.get("condition")) is not None:
        check_condition(str(condition), entity.document, pseudo)
    if "if-match" in headers or "if-none-match" in headers:
        if not command.path:
            etag: str | None = etags.of_revision(entity.revision)
        else:
            etag = None if old is MISSING else etags.of_value(old)
        etags.check(headers, etag, "Thing")


def check_condition(condition: str, document: dict[str, Any], pseudo: dict[str, Any]) -> None:
    """Apply a command's ``condition``.

    Raises:
        DittoError: 400 when it is not RQL, 412 when it does not hold.
    """
    try:
        holds = compile_filter(condition)
    except DittoError as wrong:
        raise error("things:condition.invalid", condition=condition, reason=wrong.payload["message"]) from None
    if not holds(document, pseudo):
        raise error("things:condition.failed")


def _delete(entity: Entity, command: Command, resource: Resource, old: Any) -> Outcome:
    if not command.path:
        return Outcome(None, "deleted", MISSING, 204)
    if resource.family == "policyId":
        raise error("things:policyId.notdeletable", id=entity.id)
    if old is MISSING:
        raise _missing(entity, command, resource)
    return Outcome(remove(entity.document, command.path), "deleted", MISSING, 204, size_bound=entity.size_bound)


def _missing(entity: Entity, command: Command, resource: Resource) -> DittoError:
    """404 of the deepest thing that is missing: the feature, if there is none."""
    if resource.feature and get(entity.document, command.path[:2]) is MISSING:
        feature = resource_of(command.path[:2])
        if feature is not None:
            return feature.not_found(entity.id)
    return resource.not_found(entity.id)


def _merge(entity: Entity, command: Command) -> Outcome:
    patch = merge_patch.at(command.path, command.value)
    if isinstance(patch, dict) and patch.get("thingId", entity.id) != entity.id:
        raise error("things:id.notsettable")
    document = merge_patch.merge(entity.document, patch)
    check_merged(document, patch)
    if document.get("thingId") != entity.id or "policyId" not in document:
        raise error("json.field.missing", field="policyId" if document.get("thingId") else "thingId")
    if command.headers.get("if-equal") in ("skip", "skip-minimizing-merge") and merge_patch.same(
        document, entity.document
    ):
        raise etags.equal_failed()
    # A patch adds no more than its own length and its path's; the exact size is measured when the bound is reached.
    length = len(encode(command.value)) + sum(len(part) + 8 for part in command.path)
    bound = _bounded(entity.size_bound + 64 + length, document)
    return Outcome(document, "merged", command.value, 204, size_bound=bound)


def _modify(entity: Entity, command: Command, resource: Resource, old: Any) -> Outcome:
    check_size(etags.size_of(command.value))
    if not command.path:
        thing = read_thing(command.value, entity.id)
        document = {"thingId": entity.id, "policyId": thing.get("policyId", entity.document["policyId"])}
        document |= {name: part for name, part in thing.items() if name != "thingId"}
        value: Any = document
    else:
        if resource.feature and len(command.path) > 2 and get(entity.document, command.path[:2]) is MISSING:
            raise _missing(entity, command, resource)
        value = resource.read(command.value)
        document = put(entity.document, command.path, value)
    if command.headers.get("if-equal") in ("skip", "skip-minimizing-merge") and merge_patch.same(value, old):
        raise etags.equal_failed()
    size = etags.size_of(document)
    check_size(size)
    created = old is MISSING
    etag = etags.of_value(value) if command.path else None
    body = value if created else MISSING
    return Outcome(document, "created" if created else "modified", value, 201 if created else 204, body, etag, size)


def _bounded(bound: int, document: Any) -> int:
    if bound <= MAX_THING_BYTES:
        return bound
    size = etags.size_of(document)
    check_size(size)
    return size


def check_size(size: int) -> None:
    """Refuse what is larger than Ditto's default limit of 100 kB.

    Raises:
        DittoError: 413.
    """
    if size > MAX_THING_BYTES:
        raise error("things:thing.toolarge", size=f"{size / 1024:.3f}", limit=MAX_THING_BYTES // 1024)
