"""Versions never change, the pointer moves, a rollback goes back to what served before; what is broken is refused. In a
directory and in a bucket alike."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.unit.runner.conftest import graph, manifest, write

from models.definition import version_of
from models.registry import Moved, Refusal, Registry, RegistryError, State
from models.store import Store

MODEL = "inlet-temperature"


def artefact(folder, targets=2, extra=0):
    folder.mkdir()
    content = graph(inputs=3 + extra, targets=targets)
    return write(folder, content, manifest(content)), version_of(content)


def test_publishing_does_not_serve_and_promoting_does(registry, tmp_path):
    folder, version = artefact(tmp_path / "a")
    assert registry.publish(folder).version == version
    assert registry.pointer("inlet-temperature") is None
    registry.promote("inlet-temperature", version, at_ms=1, by="person", reason="first")
    assert registry.pointer("inlet-temperature").version == version
    assert registry.models() == ["inlet-temperature"]
    fetched = registry.fetch("inlet-temperature", version, tmp_path / "fetched")
    assert (fetched / "model.onnx").read_bytes() == (folder / "model.onnx").read_bytes()


def test_rollback_goes_back_one_by_one_and_then_says_so(registry, tmp_path):
    versions = []
    for n in range(3):
        folder, version = artefact(tmp_path / f"v{n}", extra=n)
        registry.publish(folder)
        registry.promote("inlet-temperature", version, at_ms=n, by="training", reason="")
        versions.append(version)
    assert registry.rollback("inlet-temperature", at_ms=10, reason="bad").version == versions[1]
    assert registry.rollback("inlet-temperature", at_ms=11, reason="bad").version == versions[0]
    with pytest.raises(RegistryError, match="first that served"):
        registry.rollback("inlet-temperature", at_ms=12, reason="bad")


def test_a_version_never_changes(registry, tmp_path):
    folder, version = artefact(tmp_path / "a")
    registry.publish(folder)
    before = registry.manifest("inlet-temperature", version)
    (folder / "CARD.md").write_text("another card")
    registry.publish(folder)
    assert registry.manifest("inlet-temperature", version) == before
    kept = registry.fetch("inlet-temperature", version, tmp_path / "fetched") / "CARD.md"
    assert kept.read_text() != "another card"


def test_corrupted_artefact_is_not_published(registry, tmp_path):
    folder, _ = artefact(tmp_path / "a")
    (folder / "model.onnx").write_bytes(b"broken")
    with pytest.raises(RegistryError, match="not the one"):
        registry.publish(folder)
    assert registry.models() == []


@pytest.mark.parametrize("version", ["../../etc", "current", ""])
def test_a_version_is_no_path(tmp_path, version):
    with pytest.raises(RegistryError, match="12 hexadecimal"):
        Registry(str(tmp_path)).manifest("inlet-temperature", version)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[",
        b"null",
        b'{"version":"\xff","at":1}',
        b'{"version":"%s","at":-1}',
        b'{"version":"%s","at":1,"horizons":{"soon":{"count":1,"mae":1,"bias":0,"skill":0,"coverage":1}}}',
        b'{"version":"%s","at":1,"count":1,"weight":1,"rmse":1e200}',
        b'{"version":"%s","at":1,"mae":null,"count":"many"}',
        b'{"version":"bbbbbbbbbbbb","at":1}',
    ],
)
def test_a_malformed_state_is_named(tmp_path, content):
    version = "a" * 12
    (tmp_path / MODEL).mkdir()
    name = f"state-{version}.json"
    (tmp_path / MODEL / name).write_bytes(content.replace(b"%s", version.encode()))
    registry = Registry(str(tmp_path))
    for read in (lambda: registry.state(MODEL, version), lambda: registry.stayed(MODEL)):
        with pytest.raises(RegistryError, match=rf"^model {MODEL}: {name}: ") as told:
            read()
        assert "\n" not in str(told.value)
    # It is written anew, as by a person who lets the version go on.
    registry.set_state(MODEL, State(version, 2), pinned=True)
    assert registry.stayed(MODEL) == [State(version, 2)]


def test_unknown_version_names_those_there_are(registry, tmp_path):
    folder, version = artefact(tmp_path / "a")
    registry.publish(folder)
    with pytest.raises(RegistryError, match=version):
        registry.promote("inlet-temperature", "0" * 12, at_ms=0, by="person", reason="")


def test_no_registry_is_said(tmp_path):
    with pytest.raises(RegistryError, match="expected a directory"):
        Registry("")


def test_a_version_that_is_half_written_is_not_there(registry, url, tmp_path, monkeypatch):
    folder, version = artefact(tmp_path / "a")

    def dies(*_):
        raise RegistryError("died")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "create", dies)
        with pytest.raises(RegistryError, match="died"):
            registry.publish(folder)
    assert Store(url).names(f"{MODEL}/versions") == [version]
    assert registry.versions(MODEL) == []
    with pytest.raises(RegistryError, match="there are: none"):
        registry.promote(MODEL, version, at_ms=0, by="person", reason="")
    registry.publish(folder)
    assert [made.version for made in registry.versions(MODEL)] == [version]


def test_what_another_does_is_seen_at_the_next_look(registry, url, tmp_path):
    reader = Registry(url)
    assert (reader.models(), reader.versions(MODEL), reader.pointer(MODEL)) == ([], [], None)
    for n in range(2):
        folder, version = artefact(tmp_path / f"v{n}", extra=n)
        registry.publish(folder)
        registry.promote(MODEL, version, at_ms=n, by="training", reason="")
        assert reader.models() == [MODEL]
        assert len(reader.versions(MODEL)) == n + 1
        assert reader.pointer(MODEL).version == version


def test_of_promotions_at_the_same_time_none_is_lost(registry, url, tmp_path):
    versions = []
    for n in range(2):
        folder, version = artefact(tmp_path / f"v{n}", extra=n)
        registry.publish(folder)
        versions.append(version)
    together = threading.Barrier(2)

    def promote(version):
        mine = Registry(url)
        together.wait()
        for n in range(5):
            mine.promote(MODEL, version, at_ms=n, by="training", reason="")

    with ThreadPoolExecutor(2) as two:
        done = [two.submit(promote, version) for version in versions]
        while not all(one.done() for one in done):
            registry.pointer(MODEL)  # never half of one
        for one in done:
            one.result()
    pointer = registry.pointer(MODEL)
    assert sorted((each.version, each.at) for each in pointer.history) == sorted(
        (version, n) for version in versions for n in range(5)
    )
    assert pointer.version == pointer.history[-1].version


def test_the_same_graph_published_by_two_is_one_version(url, tmp_path):
    folders = []
    for n in range(2):
        folder, version = artefact(tmp_path / f"v{n}")
        folders.append(folder)
    with ThreadPoolExecutor(2) as two:
        list(two.map(lambda folder: Registry(url).publish(folder), folders))
    assert [made.version for made in Registry(url).versions(MODEL)] == [version]


def test_notes_are_replaced_and_taken_away(registry, url):
    for count in (1, 2):
        registry.set_state(MODEL, State("a" * 12, 1, count=count))
        assert Registry(url).state(MODEL).count == count
    registry.set_refusal(MODEL, "runners", Refusal("a" * 12, 1, "broken"))
    assert Registry(url).refusal(MODEL, "runners").reason == "broken"
    for _ in range(2):
        registry.set_refusal(MODEL, "runners", None)
    assert Registry(url).refusal(MODEL, "runners") is None


def test_who_lets_a_version_serve_gives_it_a_clean_sheet(registry, tmp_path):
    made = [artefact(tmp_path / f"v{n}", extra=n) for n in range(2)]
    for at, (folder, version) in enumerate(made, start=1):
        registry.publish(folder)
        registry.promote(MODEL, version, at_ms=at, by="person", reason="")
    first, second = (version for _, version in made)
    registry.set_state(MODEL, State(second, 3, drifting=True, paused=True, since=2))
    registry.promote(MODEL, second, at_ms=4, by="person", reason="")
    assert registry.state(MODEL) == State(second, 4, since=4)
    # Who judged before that comes too late.
    registry.set_state(MODEL, State(second, 5, paused=True, since=2))
    assert registry.state(MODEL) == State(second, 4, since=4)
    registry.set_state(MODEL, State(first, 5, paused=True), pinned=True)
    registry.rollback(MODEL, at_ms=6, reason="")
    assert registry.state(MODEL) == registry.state(MODEL, first) == State(first, 6, since=6)


def test_a_version_that_something_stays_at_has_notes_of_its_own(registry, tmp_path):
    made = [artefact(tmp_path / f"v{n}", extra=n) for n in range(2)]
    for folder, _ in made:
        registry.publish(folder)
    (_, first), (_, second) = made
    registry.promote(MODEL, second, at_ms=1, by="person", reason="")
    registry.set_state(MODEL, State(first, 2, paused=True), pinned=True)
    registry.set_moved(MODEL, Moved(first, 2, "far off"), pinned=True)
    registry.set_moved(MODEL, Moved(second, 3, ""))
    assert registry.state(MODEL, first).paused
    assert not registry.state(MODEL, second).paused
    assert (registry.moved(MODEL, first).reason, registry.moved(MODEL, second).reason) == ("far off", "")
    assert registry.state(MODEL, "f" * 12) is None
    registry.resume(MODEL, first, at_ms=4)
    assert registry.state(MODEL, first) == State(first, 4, since=4)
    assert registry.state(MODEL).version == second


def test_of_a_version_followed_and_stayed_at_the_newer_note_on_inputs_counts(registry, tmp_path):
    folder, version = artefact(tmp_path / "a")
    registry.publish(folder)
    registry.promote(MODEL, version, at_ms=1, by="person", reason="")
    registry.set_moved(MODEL, Moved(version, 1000, ""))
    registry.set_moved(MODEL, Moved(version, 2000, "far off"), pinned=True)
    assert registry.moved(MODEL, version) == Moved(version, 2000, "far off")
    registry.set_moved(MODEL, Moved(version, 3000, ""))
    assert registry.moved(MODEL, version) == Moved(version, 3000, "")


def test_a_paused_version_that_is_replaced_stays_paused_where_it_is_stayed_at(registry, tmp_path):
    made = [artefact(tmp_path / f"v{n}", extra=n) for n in range(3)]
    for folder, _ in made:
        registry.publish(folder)
    first, second, third = (version for _, version in made)
    registry.promote(MODEL, first, at_ms=1, by="person", reason="")
    registry.set_state(MODEL, State(first, 2, paused=True, since=1))
    registry.promote(MODEL, second, at_ms=3, by="person", reason="")
    assert registry.state(MODEL) == State(second, 3, since=3)
    assert registry.state(MODEL, first).paused
    # One that does well leaves nothing behind, and going back to the paused one lets it go on.
    registry.promote(MODEL, third, at_ms=4, by="person", reason="")
    assert [state.version for state in registry.stayed(MODEL)] == [first]
    registry.promote(MODEL, first, at_ms=5, by="person", reason="")
    assert registry.state(MODEL, first) == State(first, 5, since=5)
    assert registry.stayed(MODEL) == []
