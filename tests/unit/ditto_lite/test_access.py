"""Enforcement: grants, revokes, depth, imports, expiry, and the part that a reader sees."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ditto_lite.access import READ, WRITE, Access
from ditto_lite.pointers import MISSING
from ditto_lite.policies import enforced_entries, keeps_a_writer, read_policy, resolved_entries

NOW = 1_800_000_000_000
ME = frozenset(("a:me",))


def access(*resources: dict[str, Any], subjects: frozenset[str] = ME, **subject: Any) -> Access:
    entries = [{"subjects": {"a:me": subject}, "resources": each} for each in resources]
    return Access(entries, subjects, NOW)


def grants(*permissions: str) -> dict[str, list[str]]:
    return {"grant": list(permissions), "revoke": []}


def revokes(*permissions: str) -> dict[str, list[str]]:
    return {"grant": [], "revoke": list(permissions)}


def test_nothing_stated_is_nothing_allowed() -> None:
    nothing = access({})
    assert not nothing.partial((), READ)
    assert nothing.view({"a": 1}) is MISSING


def test_a_grant_holds_below() -> None:
    reader = access({"thing:/": grants("READ")})
    assert reader.reads_all
    assert reader.unrestricted(("features", "x"), READ)
    assert not reader.unrestricted((), WRITE)


def test_a_revoke_below_restricts_what_is_above() -> None:
    most = access({"thing:/": grants("READ"), "thing:/features/secret": revokes("READ")})
    assert not most.unrestricted((), READ)
    assert not most.unrestricted(("features",), READ)
    assert most.unrestricted(("features", "open"), READ)
    assert not most.partial(("features", "secret", "properties"), READ)
    assert most.view({"features": {"secret": 1, "open": 2}}) == {"features": {"open": 2}}


def test_a_grant_below_a_revoke_holds() -> None:
    some = access({"thing:/": revokes("READ"), "thing:/attributes/name": grants("READ")})
    assert some.partial((), READ)
    assert some.view({"attributes": {"name": "x", "other": 1}, "features": {}}) == {"attributes": {"name": "x"}}


def test_at_one_path_a_revoke_beats_a_grant_of_another_entry() -> None:
    both = access({"thing:/": grants("READ", "WRITE")}, {"thing:/": revokes("WRITE")})
    assert both.reads_all
    assert not both.writes_all


def test_kinds_of_resources_are_apart() -> None:
    sender = access({"message:/inbox/messages/go": grants("WRITE")})
    assert sender.granted(("inbox", "messages", "go"), WRITE, "message")
    assert not sender.granted(("inbox", "messages", "stop"), WRITE, "message")
    assert not sender.partial((), WRITE)


def test_several_subjects_add_up() -> None:
    entries = [
        {"subjects": {"a:one": {}}, "resources": {"thing:/": grants("READ")}},
        {"subjects": {"a:two": {}}, "resources": {"thing:/": grants("WRITE")}},
    ]
    both = Access(entries, frozenset(("a:one", "a:two")), NOW)
    assert both.reads_all
    assert both.writes_all


def test_an_expired_subject_may_nothing_and_the_next_expiry_is_known() -> None:
    assert not access({"thing:/": grants("READ")}, _expiryMs=NOW).reads_all
    assert access({"thing:/": grants("READ")}, _expiryMs=NOW + 5).expires_ms == NOW + 5


PATHS = st.sampled_from(["/", "/attributes", "/features", "/features/f", "/features/f/properties", "/features/g"])
STATED = st.dictionaries(
    PATHS.map(lambda path: f"thing:{path}"), st.sampled_from([grants("READ"), revokes("READ")]), max_size=4
)
DOCUMENT = {
    "attributes": {"a": 1},
    "features": {"f": {"properties": {"p": 1}, "definition": ["d"]}, "g": {"properties": {}}},
}


@given(STATED)
def test_a_view_shows_exactly_the_leaves_that_may_be_read(resources: dict[str, Any]) -> None:
    reader = access(resources)
    view = reader.view(DOCUMENT)
    for path, value in (
        (("attributes", "a"), 1),
        (("features", "f", "properties", "p"), 1),
        (("features", "f", "definition"), ["d"]),
    ):
        shown = view
        for part in path:
            shown = shown.get(part, MISSING) if isinstance(shown, dict) else MISSING
        assert (shown == value) is reader.granted(path, READ)
    assert (view == DOCUMENT) >= reader.unrestricted((), READ)


def test_imports_bring_implicit_entries_and_named_explicit_ones() -> None:
    def entry(importable: str) -> dict[str, Any]:
        return {"subjects": {"a:me": {}}, "resources": {"thing:/": grants("READ")}, "importable": importable}

    base = read_policy({"entries": {each: entry(each) for each in ("implicit", "explicit", "never")}}, "ns:base", NOW)
    policy = read_policy(
        {"entries": {}, "imports": {"ns:base": {"entries": ["explicit", "never"]}, "ns:gone": {}}}, "ns:p", NOW
    )
    found = resolved_entries(policy, {"ns:base": base}.get)
    assert set(found) == {"imported-ns:base-implicit", "imported-ns:base-explicit"}
    assert len(enforced_entries(found)) == 2


@pytest.mark.parametrize(
    ("subject", "resource", "kept"),
    [
        ({}, grants("WRITE"), True),
        ({"expiry": "2999-01-01T00:00:00Z"}, grants("WRITE"), False),
        ({}, grants("READ"), False),
    ],
)
def test_somebody_must_be_able_to_write_a_policy(subject: Any, resource: Any, kept: bool) -> None:
    body = {"entries": {"x": {"subjects": {"a:b": subject}, "resources": {"policy:/": resource}}}}
    assert keeps_a_writer(read_policy(body, "ns:p", NOW)) is kept
