"""Which versions are judged, and when one begins anew: promoted again, rolled back to, resumed, or stayed at."""

from __future__ import annotations

import threading

import pytest
from tests.unit.runner.conftest import graph, manifest, write

from models.definition import version_of
from models.registry import Registry
from racktwin import health, logs
from racktwin.messages import Prediction, Reading
from racktwin.process import Context
from scorecard.judge import LEAST
from scorecard.ledger import Ledger
from scorecard.tallies import Tallies
from scorecard.verdicts import Verdicts

NOW = 1_800_000_000_000
MINUTE = 60_000
MODEL = "inlet-temperature"


class Rig:
    def __init__(self, folder):
        self.registry = Registry(str(folder / "registry"))
        self.versions = []
        for number, opset in enumerate((17, 18)):
            place = folder / str(number)
            place.mkdir()
            content = graph(opset=opset)
            self.registry.publish(write(place, content, manifest(content, metrics={"overall": {"mae": 0.3}})))
            self.versions.append(version_of(content))
        self.trained: list[str] = []
        self.start_anew()

    def start_anew(self):
        self.tallies, self.ledger = Tallies(), Ledger()
        context = Context("scorecard", logs.configure("x", "error"), health.Health(), threading.Event(), lambda: NOW)
        self.verdicts = Verdicts(self.registry, self.tallies, context, self.trained.append, 0)
        self.verdicts.begin()

    def promote(self, version, at):
        self.registry.promote(MODEL, version, at_ms=at, by="person", reason="")

    def score(self, version, error, at, count=LEAST, site="berlin"):
        """Predictions of the next 30 seconds, as many as are judged; what comes is a degree off what was."""
        for number in range(count):
            thing = f"racktwin.{site}:rack-{number}"
            self.read(thing, 20.0, at)
            self.ledger.predicted(prediction(thing, version, 21.0 + error, at))
            self.read(thing, 21.0, at + 30_000)

    def read(self, thing, value, at):
        reading = Reading(
            v=1, thing=thing, feature="environment.top", observed_at=at, received_at=at,
            values={"temperature": value}, quality="good", device="d", kind="rack",
        )  # fmt: skip
        for one in self.ledger.read(reading):
            self.tallies.add(one)

    def look(self, version, at):
        return self.verdicts.look(at).get((MODEL, version))


def prediction(thing, version, value, at):
    return Prediction(
        v=1, thing=thing, model=MODEL, model_version=version, target="environment.top/temperature", horizon_s=30,
        value=value, lo=value - 3, hi=value + 3, unit="Cel", issued_at=at, valid_at=at + 30_000, based_on=at,
        kind="rack",
    )  # fmt: skip


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def paused(rig, version, at):
    """Found to be worse than persistence for so long that it pauses; when that was."""
    for minutes in (0, 20, 40):
        rig.score(version, 2.0, at + minutes * MINUTE)
        state = rig.look(version, at + (minutes + 1) * MINUTE)
    assert state.paused
    return at + 41 * MINUTE


def test_a_paused_version_that_is_promoted_again_is_judged_anew(rig):
    version, _ = rig.versions
    rig.promote(version, NOW)
    end = paused(rig, version, NOW + MINUTE)
    assert rig.look(version, end + MINUTE).paused
    rig.promote(version, end + 2 * MINUTE)
    # What was found before counts no more, nor does since when it was worse.
    assert rig.look(version, end + 3 * MINUTE) is None
    assert not rig.registry.state(MODEL).paused
    rig.score(version, 2.0, end + 4 * MINUTE)
    state = rig.look(version, end + 5 * MINUTE)
    assert (state.drifting, state.paused, state.count) == (True, False, LEAST)


def test_a_version_gone_back_to_is_not_paused_for_what_it_was(rig):
    old, new = rig.versions
    rig.promote(old, NOW)
    end = paused(rig, old, NOW + MINUTE)
    rig.promote(new, end + MINUTE)
    rig.look(new, end + 2 * MINUTE)
    rig.registry.rollback(MODEL, at_ms=end + 3 * MINUTE, reason="")
    assert rig.look(old, end + 3 * MINUTE) is None
    rig.score(old, 2.0, end + 4 * MINUTE)
    assert not rig.look(old, end + 5 * MINUTE).paused


def test_a_version_that_something_stays_at_is_judged_and_pauses(rig):
    stayed, promoted = rig.versions
    rig.promote(stayed, NOW - MINUTE)
    rig.promote(promoted, NOW)
    for minutes in (10, 30, 50):
        rig.score(stayed, 2.0, NOW + minutes * MINUTE, site="paris")
        rig.score(promoted, 0.1, NOW + minutes * MINUTE + 31_000)
        rig.look(stayed, NOW + (minutes + 2) * MINUTE)
    assert rig.registry.state(MODEL, stayed).paused
    assert rig.registry.state(MODEL).version == promoted
    assert not rig.registry.state(MODEL, promoted).drifting
    # A training would not help it, as it stays.
    assert rig.trained == []
    assert rig.tallies.served() == {(MODEL, stayed): {"paris"}, (MODEL, promoted): {"berlin"}}
    rig.registry.resume(MODEL, stayed, at_ms=NOW + 60 * MINUTE)
    rig.look(stayed, NOW + 60 * MINUTE)
    rig.score(stayed, 2.0, NOW + 61 * MINUTE, site="paris")
    state = rig.look(stayed, NOW + 62 * MINUTE)
    assert (state.drifting, state.paused, state.count) == (True, False, LEAST)


def test_what_a_replaced_version_had_still_to_say_is_no_version_that_serves(rig):
    old, new = rig.versions
    rig.promote(old, NOW - MINUTE)
    rig.score(old, 0.1, NOW)
    rig.promote(new, NOW + 20_000)
    assert rig.look(old, NOW + MINUTE) is None
    assert rig.registry.state(MODEL, old) is None


def test_without_a_pointer_a_version_of_the_registry_that_serves_is_judged(rig):
    version, _ = rig.versions
    rig.score(version, 0.1, NOW)
    assert rig.look(version, NOW + MINUTE).count == LEAST
    rig.score("of a ConfigMap", 0.1, NOW)
    assert rig.look("of a ConfigMap", NOW + MINUTE) is None


def test_a_state_that_is_malformed_costs_no_other_version_its_own(rig, tmp_path, monkeypatch):
    stayed, promoted = rig.versions
    rig.promote(promoted, NOW)
    rig.score(promoted, 2.0, NOW + 10 * MINUTE)
    noted = rig.look(promoted, NOW + 11 * MINUTE)
    name = f"state-{stayed}.json"
    (tmp_path / "registry" / MODEL / name).write_bytes(b'{"version":"\xff"}')
    warned = []
    logger = type(rig.verdicts._context.log)
    monkeypatch.setattr(logger, "warning", lambda *_, **told: warned.append(told["error"]), raising=False)
    rig.start_anew()
    rig.score(promoted, 2.0, NOW + 12 * MINUTE, count=1)
    assert rig.look(promoted, NOW + 13 * MINUTE).count == noted.count + 1
    assert [name in error for error in warned] == [True]
    # What stays there is not judged as long as nobody mends it, and nothing ends for it.
    rig.score(stayed, 2.0, NOW + 14 * MINUTE, site="paris")
    assert rig.look(stayed, NOW + 15 * MINUTE) is None
    assert [name in error for error in warned] == [True, True]


def test_a_version_that_something_stays_at_goes_on_after_a_restart(rig):
    stayed, promoted = rig.versions
    rig.promote(stayed, NOW - MINUTE)
    rig.promote(promoted, NOW)
    rig.score(stayed, 2.0, NOW + 10 * MINUTE)
    noted = rig.look(stayed, NOW + 11 * MINUTE)
    assert noted.drifting
    rig.start_anew()
    rig.score(stayed, 2.0, NOW + 12 * MINUTE, count=1)
    state = rig.look(stayed, NOW + 13 * MINUTE)
    assert (state.drifting, state.count) == (True, noted.count + 1)
