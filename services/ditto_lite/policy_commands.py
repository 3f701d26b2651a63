"""Commands on policies: permissions, preconditions, the new document.

No I/O. State is the twin's. Next: :mod:`ditto_lite.policies_http` and :mod:`ditto_lite.protocol` send commands here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ditto_lite import etags, fields
from ditto_lite.access import READ, WRITE, Access
from ditto_lite.clocks import iso
from ditto_lite.commands import Command, Result
from ditto_lite.errors import DittoError, error
from ditto_lite.ids import check_policy_id
from ditto_lite.pointers import MISSING, get, put, remove
from ditto_lite.policies import Place, Policy, enforced_entries, keeps_a_writer, place_of, read_policy, resolved_entries
from ditto_lite.things import Entity

if TYPE_CHECKING:
    from ditto_lite.twin import Twin


class PolicyCommands:
    """Executes commands on the policies of a twin."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin

    def execute(self, command: Command) -> Result:
        """Execute a command on a policy.

        Raises:
            DittoError: as Ditto answers.
        """
        check_policy_id(command.entity_id)
        place = place_of(command.path)
        if place is None:
            raise error("protocoladapter:unknown.path", path="/" + "/".join(command.path))
        entity = self._twin.policies.get(command.entity_id)
        if command.kind == "retrieve":
            return self._retrieve(command, place, entity)
        if entity is None:
            if place.family == "policy" and command.kind in ("create", "modify"):
                return self._create(command)
            raise error("policies:policy.notfound", id=command.entity_id)
        if command.kind == "create":
            raise error("policies:policy.conflict", id=command.entity_id)
        return self._change(command, place, entity)

    def keep(self, policy_id: str, document: Policy) -> Entity:
        """Put a new policy or a policy's new document into the state."""
        twin = self._twin
        now = twin.clock()
        entity = twin.policies.get(policy_id)
        if entity is None:
            entity = Entity(policy_id, twin.graves.pop(("policy", policy_id), 0) + 1, now, now, document)
            twin.policies[policy_id] = entity
        else:
            entity.revision += 1
            entity.modified_ms = now
            entity.document = document
        twin.mark("policy", policy_id)
        twin.forget_access()
        return entity

    def _retrieve(self, command: Command, place: Place, entity: Entity | None) -> Result:
        resource = tuple(part for part in place.path if part)
        access = self._twin.access(command.entity_id, command.subjects)
        if entity is None or not access.partial((), READ, "policy"):
            raise error("policies:policy.notfound", id=command.entity_id)
        if not access.partial(resource, READ, "policy"):
            raise self._not_found(command, place)
        value = get(entity.document, place.path)
        if value is MISSING:
            raise self._not_found(command, place)
        etag: str | None = etags.of_value(value) if place.path else etags.of_revision(entity.revision)
        if etags.not_modified(command.headers, etag, "Policy"):
            return Result(304, etag=etag)
        if command.headers.get("policy-view") == "resolved" and not place.path:
            value = {**value, "entries": resolved_entries(value, self._twin.policy_document)}
            etag = None
        if command.fields is not None:
            times = {"_created": iso(entity.created_ms), "_modified": iso(entity.modified_ms)}
            pseudo = {"_namespace": entity.id.partition(":")[0], "_revision": entity.revision, **times}
            value = fields.project({**value, **pseudo}, command.fields)
        return Result(200, value, entity.revision, etag)

    def _create(self, command: Command) -> Result:
        etags.check(command.headers, None, "Policy")
        policy = read_policy(command.value, command.entity_id, self._twin.clock())
        own = Access(
            enforced_entries(resolved_entries(policy, self._twin.policy_document)),
            frozenset(command.subjects),
            self._twin.clock(),
        )
        if not own.granted((), WRITE, "policy") or not keeps_a_writer(policy):
            raise error("policies:policy.notcreatable", id=command.entity_id)
        self._check_imports(policy["imports"], command)
        entity = self.keep(command.entity_id, policy)
        return Result(201, entity.document, entity.revision, etags.of_revision(entity.revision))

    def _check_imports(self, imports: dict[str, Any], command: Command) -> None:
        """Only what may be read may be imported."""
        for imported in imports:
            access = self._twin.access(imported, command.subjects)
            if imported not in self._twin.policies or not access.partial((), READ, "policy"):
                raise error("policies:policy.notfound", id=imported)

    def _change(self, command: Command, place: Place, entity: Entity) -> Result:
        access = self._twin.access(entity.id, command.subjects)
        if not access.granted(place.path, WRITE, "policy"):
            raise self._not_modifiable(command, place)
        old = get(entity.document, place.path)
        tag = etags.of_revision(entity.revision) if not place.path else None if old is MISSING else etags.of_value(old)
        etags.check(command.headers, tag, "Policy")
        if command.kind == "delete":
            return self._delete(command, place, entity, old)
        if command.kind != "modify":
            raise error("protocoladapter:unknown.path", path="/" + "/".join(command.path))
        return self._modify(command, place, entity, old)

    def _delete(self, command: Command, place: Place, entity: Entity, old: Any) -> Result:
        if not place.path:
            twin = self._twin
            revision = entity.revision + 1
            del twin.policies[entity.id]
            twin.graves["policy", entity.id] = revision
            twin.mark("policy", entity.id)
            twin.forget_access()
            return Result(204, revision=revision)
        if old is MISSING:
            raise self._not_found(command, place)
        document = remove(entity.document, place.path)
        self._check_writer(document, command, place)
        return Result(204, revision=self.keep(entity.id, document).revision)

    def _modify(self, command: Command, place: Place, entity: Entity, old: Any) -> Result:
        now = self._twin.clock()
        if not place.path:
            value: Any = read_policy(command.value, entity.id, now)
            document = value
        else:
            if place.label and place.family != "entry" and place.label not in entity.document["entries"]:
                raise error("policies:entry.notfound", id=entity.id, label=place.label)
            value = place.read(command.value, now)
            document = put(entity.document, place.path, value)
        if place.family in ("policy", "imports", "import"):
            self._check_imports(document["imports"], command)
        self._check_writer(document, command, place)
        kept = self.keep(entity.id, document)
        etag = etags.of_value(value) if place.path else etags.of_revision(kept.revision)
        created = old is MISSING
        return Result(201 if created else 204, value if created else MISSING, kept.revision, etag)

    def _check_writer(self, document: Policy, command: Command, place: Place) -> None:
        if keeps_a_writer(document):
            return
        if place.label:
            raise error("policies:entry.modificationinvalid", id=command.entity_id, label=place.label)
        raise error("policies:policy.modificationinvalid", id=command.entity_id)

    def _not_found(self, command: Command, place: Place) -> DittoError:
        family = "policy" if place.family in ("imports", "entries") else place.family
        return error(f"policies:{family}.notfound", id=command.entity_id, label=place.label, name=place.name)

    def _not_modifiable(self, command: Command, place: Place) -> DittoError:
        family = {"entries": "policy", "subjects": "entry", "resources": "entry"}.get(place.family, place.family)
        return error(f"policies:{family}.notmodifiable", id=command.entity_id, label=place.label, name=place.name)
