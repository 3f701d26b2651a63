"""The state of all things and policies, and the execution of commands on it.

In memory; every change is noted for :mod:`ditto_lite.commit` to make durable, and only then published. No I/O here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from ditto_lite import etags, things
from ditto_lite.access import NOTHING, READ, WRITE, Access
from ditto_lite.bus import Bus
from ditto_lite.clocks import iso
from ditto_lite.commands import Command, Event, Result
from ditto_lite.errors import error
from ditto_lite.ids import check_policy_id, check_thing_id
from ditto_lite.merge_patch import merge
from ditto_lite.pointers import MISSING
from ditto_lite.policies import Policy, default_policy, enforced_entries, read_policy, resolved_entries
from ditto_lite.policy_commands import PolicyCommands
from ditto_lite.resources import check_patch, read_thing
from ditto_lite.store import Kind, Row, encode
from ditto_lite.things import Entity, Outcome
from ditto_lite.wot import Models


class Twin:
    """Things and policies with their revisions."""

    def __init__(self, clock: Callable[[], int], bus: Bus, models: Models | None = None) -> None:
        self.clock = clock
        self.bus = bus
        self.models = models or Models()
        self.things: dict[str, Entity] = {}
        self.policies: dict[str, Entity] = {}
        # Revisions of what was deleted: a thing created again goes on counting.
        self.graves: dict[tuple[Kind, str], int] = {}
        self.policy_commands = PolicyCommands(self)
        self._access: dict[tuple[str, tuple[str, ...]], Access] = {}
        self._dirty: dict[tuple[Kind, str], None] = {}
        self._events: list[Event] = []
        self._ids: list[str] | None = None

    # -- state ------------------------------------------------------------------------------------------------------

    def load(self, row: Row) -> None:
        """Take one entity from the store."""
        if row.kind == "connection":
            return
        if row.document is None:
            self.graves[row.kind, row.id] = row.revision
            return
        document = msgspec.json.decode(row.document)
        entity = Entity(row.id, row.revision, row.created_ms, row.modified_ms, document, len(row.document))
        (self.things if row.kind == "thing" else self.policies)[row.id] = entity

    def drain(self) -> tuple[list[Row], list[Callable[[], None]]]:
        """What changed since the last call: rows to write, and the events to publish once they are durable."""
        dirty, self._dirty = self._dirty, {}
        events, self._events = self._events, []
        rows = []
        for kind, entity_id in dirty:
            entity = (self.things if kind == "thing" else self.policies).get(entity_id)
            if entity is None:
                rows.append(Row(kind, entity_id, self.graves[kind, entity_id], 0, self.clock(), None))
            else:
                document = encode(entity.document)
                entity.size_bound = len(document)
                rows.append(Row(kind, entity_id, entity.revision, entity.created_ms, entity.modified_ms, document))
        return rows, [partial(self.bus.publish, event) for event in events]

    def sorted_ids(self) -> list[str]:
        """Ids of all things, in order; sorted again only after one was created or deleted."""
        if self._ids is None or len(self._ids) != len(self.things):
            self._ids = sorted(self.things)
        return self._ids

    def mark(self, kind: Kind, entity_id: str) -> None:
        """Note a change, to be written by the next commit."""
        self._dirty[kind, entity_id] = None

    def policy_document(self, policy_id: str) -> Policy | None:
        """A policy by id."""
        entity = self.policies.get(policy_id)
        return None if entity is None else entity.document

    def forget_access(self) -> None:
        """A policy changed: what was compiled from policies, imports included, is void."""
        self._access.clear()

    def access(self, policy_id: str, subjects: tuple[str, ...]) -> Access:
        """What the subjects may do by a policy; nothing, if there is no such policy."""
        key = (policy_id, subjects)
        found = self._access.get(key)
        if found is not None and (found.expires_ms is None or found.expires_ms > self.clock()):
            return found
        policy = self.policy_document(policy_id)
        if policy is None:
            return NOTHING
        entries = enforced_entries(resolved_entries(policy, self.policy_document))
        compiled = Access(entries, frozenset(subjects), self.clock())
        if len(self._access) > 100_000:
            self._access.clear()
        self._access[key] = compiled
        return compiled

    def access_to(self, entity: Entity, subjects: tuple[str, ...]) -> Access:
        """What the subjects may do with a thing."""
        return self.access(entity.document["policyId"], subjects)

    def pseudo(self, entity: Entity) -> dict[str, Any]:
        """The thing's pseudo fields, without its policy."""
        return things.pseudo_fields(entity, (iso(entity.created_ms), iso(entity.modified_ms)))

    # -- commands on things -----------------------------------------------------------------------------------------

    def execute(self, command: Command) -> Result:
        """Execute a command on a thing.

        Raises:
            DittoError: as Ditto answers.
        """
        check_thing_id(command.entity_id)
        entity = self.things.get(command.entity_id)
        if command.kind == "retrieve":
            return self._retrieve(command, entity)
        things.known_resource(command)
        if command.kind == "merge" and not command.path:
            check_patch(command.value)
        if entity is None:
            if not command.path and command.kind in ("create", "modify", "merge"):
                return self._create(command)
            if "if-match" in command.headers:
                etags.check(command.headers, None, "Thing")
            raise error("things:thing.notfound", id=command.entity_id)
        pseudo = self.pseudo(entity) if "condition" in command.headers else {}
        outcome = things.change(entity, self.access_to(entity, command.subjects), command, pseudo)
        self._check_new_policy(command, entity, outcome)
        self.models.check(outcome, command, entity.document)
        return self._keep(command, entity, outcome)

    def _retrieve(self, command: Command, entity: Entity | None) -> Result:
        if entity is None:
            raise error("things:thing.notfound", id=command.entity_id)
        access = self.access_to(entity, command.subjects)
        pseudo = self.pseudo(entity) if command.fields is not None or "condition" in command.headers else {}
        if command.fields is not None and any(path[0] == "_policy" for path in command.fields):
            policy_id = entity.document["policyId"]
            policy = self.policy_document(policy_id)
            if policy is not None and self.access(policy_id, command.subjects).granted((), READ, "policy"):
                pseudo["_policy"] = policy
        if (condition := command.headers.get("condition")) is not None:
            things.check_condition(str(condition), entity.document, pseudo)
        return things.retrieve(entity, access, command, pseudo)

    def retrieve_many(self, ids: list[str], command: Command) -> list[Any]:
        """The readable ones of several things, in the order asked for."""
        found = []
        for thing_id in ids:
            entity = self.things.get(thing_id)
            if entity is None or not self.access_to(entity, command.subjects).partial((), READ):
                continue
            each = Command("retrieve", thing_id, (), command.subjects, fields=command.fields)
            found.append(self._retrieve(each, entity).body)
        return found

    def _create(self, command: Command) -> Result:
        thing_id = command.entity_id
        etags.check(command.headers, None, "Thing")
        value = merge({}, command.value) if command.kind == "merge" else command.value
        things.check_size(etags.size_of(value))
        thing = read_thing(value, thing_id)
        thing = self.models.skeleton(thing)
        policy_id, new_policy = self._policy_of_new(command, value, thing)
        document = {"thingId": thing_id, "policyId": policy_id}
        document |= {name: part for name, part in thing.items() if name not in document}
        if new_policy is None:
            if self.policy_document(policy_id) is None:
                raise error("policies:policy.notfound", id=policy_id)
            if not self.access(policy_id, command.subjects).unrestricted((), WRITE):
                if command.kind == "create":
                    raise error("things:thing.notcreatable", status=403, id=thing_id, policy=policy_id)
                raise error("things:thing.notmodifiable", id=thing_id)
        size = etags.size_of(document)
        things.check_size(size)
        outcome = Outcome(document, "created", document, 201, document, size_bound=size)
        self.models.check(outcome, command, {})
        if new_policy is not None:
            self.policy_commands.keep(policy_id, new_policy)
        return self._keep(command, None, outcome)

    def _policy_of_new(self, command: Command, value: Any, thing: dict[str, Any]) -> tuple[str, Policy | None]:
        """Policy id of a thing to be created, and the policy to be created with it."""
        inline, copied = value.get("_policy"), value.get("_copyPolicyFrom")
        policy_id = thing.get("policyId")
        if inline is None and copied is None and policy_id is not None:
            return policy_id, None
        policy_id = policy_id or check_policy_id(command.entity_id)
        if policy_id in self.policies:
            if inline is None and copied is None:
                return policy_id, None
            raise error("things:thing.notcreatable", id=command.entity_id, policy=policy_id)
        if inline is not None:
            policy = read_policy({**inline, "policyId": policy_id}, policy_id, self.clock())
            if not Access(enforced_entries(policy["entries"]), frozenset(command.subjects), 0).granted(
                (), WRITE, "policy"
            ):
                raise error("policies:policy.notcreatable", id=policy_id)
            return policy_id, policy
        if copied is not None:
            source = self._copied_policy(str(copied), command)
            return policy_id, {**source, "policyId": policy_id}
        return policy_id, default_policy(policy_id, command.subjects[0])

    def _copied_policy(self, reference: str, command: Command) -> Policy:
        source = reference
        if reference.startswith("{{"):
            # {{ ref:things/<thing id>/policyId }}
            referred = reference.strip("{} ").removeprefix("ref:things/").removesuffix("/policyId")
            entity = self.things.get(referred)
            if entity is None:
                raise error("things:thing.notfound", id=referred)
            source = entity.document["policyId"]
        policy = self.policy_document(source)
        if policy is None or not self.access(source, command.subjects).granted((), READ, "policy"):
            raise error("policies:policy.notfound", id=source)
        return policy

    def _check_new_policy(self, command: Command, entity: Entity, outcome: Outcome) -> None:
        if outcome.document is None or outcome.document["policyId"] == entity.document["policyId"]:
            return
        policy_id = outcome.document["policyId"]
        if policy_id not in self.policies:
            raise error("policies:policy.notfound", id=policy_id)
        if not self.access(policy_id, command.subjects).unrestricted((), WRITE):
            raise error("things:policyId.notmodifiable", id=entity.id)

    def _keep(self, command: Command, entity: Entity | None, outcome: Outcome) -> Result:
        now = self.clock()
        thing_id = command.entity_id
        before = entity.document if entity is not None else None
        if entity is None:
            assert outcome.document is not None
            revision = self.graves.pop(("thing", thing_id), 0) + 1
            entity = Entity(thing_id, revision, now, now, outcome.document, outcome.size_bound)
            self.things[thing_id] = entity
            self._ids = None
        else:
            entity.revision += 1
            revision = entity.revision
            entity.modified_ms = now
            if outcome.document is None:
                del self.things[thing_id]
                self._ids = None
                self.graves["thing", thing_id] = revision
            else:
                entity.document = outcome.document
                entity.size_bound = outcome.size_bound
        self.mark("thing", thing_id)
        shown = outcome.document if outcome.document is not None else (before or {})
        policy_id = shown["policyId"]
        if self.bus.on_event:
            self._events.append(
                Event(thing_id, outcome.action, command.path, outcome.value, revision, now, shown, policy_id, command)
            )
        return Result(outcome.status, outcome.body, revision, self._etag(command, entity, outcome))

    def _etag(self, command: Command, entity: Entity, outcome: Outcome) -> str | None:
        if outcome.action == "deleted" or command.headers.get("response-required") is False:
            return None
        if not command.path:
            return etags.of_revision(entity.revision)
        return outcome.etag or etags.of_value(self._part(entity, command))

    def _part(self, entity: Entity, command: Command) -> Any:
        value: Any = entity.document
        for name in command.path:
            value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
        return None if value is MISSING else value

    @staticmethod
    def new_id(namespace: str) -> str:
        """Id of a thing whose creator named none."""
        return f"{namespace}:{uuid.uuid4()}"
