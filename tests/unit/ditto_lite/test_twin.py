"""Commands on things: revisions, events, permissions, preconditions, models."""

from __future__ import annotations

import pytest

from ditto_lite.access import READ
from ditto_lite.errors import DittoError
from ditto_lite.pointers import MISSING
from ditto_lite.wot import ModelNeeded, read_model


class refused:
    """Expects a DittoError of one code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, raised: object, _trace: object) -> bool:
        assert isinstance(raised, DittoError), f"expected {self.code}, got {raised!r}"
        assert raised.code == self.code
        return True


def test_events_say_what_changed(world) -> None:
    world.make(attributes={"a": 1})
    world.do("modify", "ns:t", "attributes/a", 2)
    world.do("modify", "ns:t", "attributes/b", 3)
    world.do("merge", "ns:t", "", {"attributes": {"b": None}})
    world.do("delete", "ns:t", "attributes/a")
    world.do("delete", "ns:t")
    told = [(event.action, event.path, event.value, event.revision) for event in world.events]
    assert told == [
        ("created", (), {"thingId": "ns:t", "policyId": "ns:p", "attributes": {"a": 1}}, 1),
        ("modified", ("attributes", "a"), 2, 2),
        ("created", ("attributes", "b"), 3, 3),
        ("merged", (), {"attributes": {"b": None}}, 4),
        ("deleted", ("attributes", "a"), MISSING, 5),
        ("deleted", (), MISSING, 6),
    ]


def test_a_refused_command_changes_nothing(world) -> None:
    thing = world.make(features={"f": {"properties": {"a": 1}}})
    before = world.twin.things[thing].document
    with refused("json.invalid"):
        world.do("merge", thing, "features/f", 5)
    with refused("things:precondition.failed"):
        world.do("modify", thing, "features/f/properties/a", 2, if_match='"rev:9"')
    with refused("things:thing.toolarge"):
        world.do("merge", thing, "", {"attributes": {"blob": "z" * 110_000}})
    assert world.twin.things[thing].document is before
    assert world.twin.things[thing].revision == 1


def test_many_small_merges_cannot_outgrow_the_limit(world) -> None:
    thing = world.make()
    with refused("things:thing.toolarge"):
        for number in range(200):
            world.do("merge", thing, "attributes", {f"a{number}": "x" * 1000})
    assert len(world.twin.drain()[0] or []) <= 1


def test_small_merges_without_end_are_fine(world) -> None:
    thing = world.make()
    for number in range(3000):
        world.do("merge", thing, "features/f", {"properties": {"t": number, "q": "good", "at": number}})
    assert world.twin.things[thing].revision == 3001


def test_graves_keep_counting(world) -> None:
    thing = world.make()
    world.do("delete", thing)
    assert thing not in world.twin.things
    assert world.do("modify", thing, value={"policyId": "ns:p"}).revision == 3


def test_a_change_of_policy_counts_at_once(world) -> None:
    thing = world.make(attributes={"a": 1})
    reader = {"subjects": {"a:r": {"type": "t"}}, "resources": {"thing:/": {"grant": ["READ"], "revoke": []}}}
    with refused("things:thing.notfound"):
        world.do("retrieve", thing, subject="a:r")
    world.policy("modify", "ns:p", "entries/reader", reader)
    assert world.do("retrieve", thing, subject="a:r").body["attributes"] == {"a": 1}
    world.policy("delete", "ns:p", "entries/reader")
    with refused("things:thing.notfound"):
        world.do("retrieve", thing, subject="a:r")


def test_a_subject_expires(world) -> None:
    thing = world.make()
    guest = {
        "subjects": {"a:g": {"type": "t", "expiry": "2027-01-15T08:00:10Z"}},
        "resources": {"thing:/": {"grant": ["READ"]}},
    }
    world.policy("modify", "ns:p", "entries/guest", guest)
    assert world.twin.access("ns:p", ("a:g",)).unrestricted((), READ)
    world.clock.now += 60_000
    with refused("things:thing.notfound"):
        world.do("retrieve", thing, subject="a:g")


def test_a_thing_moves_only_to_a_policy_that_lets_it(world) -> None:
    thing = world.make()
    with refused("policies:policy.notfound"):
        world.do("modify", thing, "policyId", "ns:absent")
    with refused("things:id.notsettable"):
        world.do("merge", thing, "", {"thingId": "ns:other"})
    with refused("json.field.missing"):
        world.do("merge", thing, "", {"policyId": None})


def test_skip_if_equal_also_for_merges(world) -> None:
    thing = world.make(attributes={"a": {"b": 1}})
    with refused("things:precondition.failed"):
        world.do("merge", thing, "attributes", {"a": {"b": 1}}, if_equal="skip")
    assert world.do("merge", thing, "attributes", {"a": {"b": True}}, if_equal="skip").status == 204


class TestModels:
    RACK = "http://models/rack.tm.jsonld"
    AIR = "http://models/air.tm.jsonld"

    @pytest.fixture
    def modelled(self, world):
        rack = {
            "properties": {
                "serial": {"type": "string", "default": "unset"},
                "slots": {"type": "integer", "minimum": 1},
            },
            "tm:optional": ["/properties/slots"],
            "links": [{"rel": "tm:submodel", "href": self.AIR, "instanceName": "air.top"}],
            "actions": {
                "blink": {"input": {"type": "object", "properties": {"times": {"type": "integer", "maximum": 10}}}}
            },
        }
        air = {
            "properties": {
                "t": {"type": "number", "minimum": -40, "maximum": 85},
                "q": {"type": "string", "enum": ["good", "stale"]},
            },
            "tm:optional": ["/properties/t", "/properties/q"],
        }
        world.twin.models.known = {self.RACK: read_model(self.RACK, rack), self.AIR: read_model(self.AIR, air)}
        return world

    def test_a_model_not_yet_here_is_asked_for(self, world) -> None:
        with pytest.raises(ModelNeeded) as needed:
            world.make(definition=self.RACK)
        assert needed.value.url == self.RACK
        assert "ns:t" not in world.twin.things

    def test_a_new_thing_is_filled_from_its_model(self, modelled) -> None:
        thing = modelled.make(definition=self.RACK, attributes={"slots": 42})
        document = modelled.twin.things[thing].document
        assert document["attributes"] == {"serial": "unset", "slots": 42}
        assert document["features"] == {"air.top": {"definition": [self.AIR], "properties": {}}}

    @pytest.mark.parametrize(
        ("kind", "path", "value", "says"),
        [
            ("modify", "features/air.top/properties/t", 99, "maximum=must have a maximum value of 85"),
            ("modify", "features/air.top/properties/t", "warm", "type=string found, number expected"),
            ("modify", "features/air.top/properties/x", 1, "not defined in the model: [x]"),
            ("modify", "features/extra", {"properties": {}}, "not defined in the model: <extra>"),
            ("modify", "attributes/colour", "red", "not defined in the model: [colour]"),
            ("modify", "attributes/slots", 0, "minimum=must have a minimum value of 1"),
            ("merge", "", {"features": {"air.top": {"properties": {"q": "bad"}}}}, "enumeration"),
            ("merge", "features", {"air.top": {"properties": {"t": -41}}}, "minimum"),
            ("delete", "features/air.top", MISSING, "Could not delete Feature <air.top>"),
        ],
    )
    def test_what_the_model_does_not_know_is_refused(self, modelled, kind, path, value, says) -> None:
        thing = modelled.make(definition=self.RACK)
        with pytest.raises(DittoError) as wrong:
            modelled.do(kind, thing, path, value)
        assert wrong.value.code == "wot:payload.validation.error"
        assert says in str(wrong.value.payload)

    def test_what_conforms_passes(self, modelled) -> None:
        thing = modelled.make(definition=self.RACK)
        patch = {"air.top": {"properties": {"t": 21.5, "q": "good"}}}
        assert modelled.do("merge", thing, "features", patch).status == 204
        assert modelled.do("merge", thing, "features/air.top/properties", {"t": None}).status == 204
        assert modelled.do("modify", thing, "features/air.top/properties/t", 20).status == 201

    def test_relative_references_are_refused_as_ditto_refuses_them(self) -> None:
        links = [{"rel": "tm:submodel", "href": "./air.jsonld", "instanceName": "air"}]
        with refused("things:definition.identifier.invalid"):
            read_model(self.RACK, {"links": links})

    def test_messages_are_checked_too(self, modelled) -> None:
        document = {"definition": self.RACK}
        check = modelled.twin.models.check_message
        check(document, None, "inbox", "blink", {"times": 3})
        for subject, value in (("blink", {"times": 11}), ("dance", {})):
            with refused("wot:payload.validation.error"):
                check(document, None, "inbox", subject, value)
