"""Upkeep with a maintenance model, and without: it follows the registry, refuses what is damaged, and stays honest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
import structlog

from models.influx import InfluxError, Row
from models.maintenance.features import CHANNELS, DAYS
from models.registry import Registry
from training import maintaining, registry
from upkeep import main
from upkeep.disks import Disks
from upkeep.model import Source
from upkeep.past import DAY_S, LongPast, pasts
from upkeep.series import read
from upkeep.settings import UpkeepSettings
from upkeep.work import look

HOUR = 3_600_000
NOW = 1_790_000_000_000 // HOUR * HOUR
UNIT = "racktwin.lab:crah-1"
SERVER = "racktwin.lab:srv-1"


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maintenance")
    sizes = maintaining.Sizes((12, 5, 1), 14, 90, 10)
    maintaining.train(registry.load("maintenance"), folder, seed=3, created_ms=NOW, note=lambda _: None, sizes=sizes)
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    # Whether so small a training earns its place is chance; here it serves for all.
    for part in manifest["metrics"]["parts"].values():
        part["serves"] = True
    (folder / "model.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


class Worn:
    """A unit that has lost air for half a year, a server that is well. Asked for by field, span and cell."""

    def __init__(self, loss_per_day: float = 0.0012, *, lacking: tuple[str, ...] = (), broken: bool = False) -> None:
        self.loss, self.lacking, self.broken, self.asked = loss_per_day, lacking, broken, 0

    def query(self, flux: str) -> Iterator[Row]:
        found = re.search(r'_field == "(\w+)" and r.feature == "(\w+)" and \(r.kind == "(\w+)"\)', flux)
        if found is None:
            return
        self.asked += 1
        span = re.search(r"start: (\S+), stop: (\S+)\)", flux)
        every = re.search(r"every: (\d+)s", flux)
        assert span is not None
        assert every is not None
        begin, end = (np.datetime64(text.rstrip("Z"), "s").astype(int) for text in span.groups())
        field, feature, kind = found.groups()
        if field in self.lacking:
            return
        step = int(every.group(1))
        for at in range(-(-int(begin) // step) * step, int(end), step):
            age_d = NOW / 1000 / DAY_S - at / DAY_S
            sound = 1.0 - self.loss * max(0.0, DAYS - age_d)
            value = {
                ("cooling", "air", "airflow"): 3.0 * sound,
                ("cooling", "air", "supplyTemperature"): 20.0,
                ("cooling", "air", "returnTemperature"): 20.0 + 9.0 / sound,
                ("cooling", "control", "fanSpeed"): 70.0,
                ("cooling", "power", "power"): 9000.0,
                ("server", "fans", "fanSpeed"): 6000.0,
                ("server", "fans", "fanSpeedPercent"): 50.0,
            }.get((kind, feature, field))
            if value is not None:
                text = "NaN" if self.broken and at % 3 == 0 else str(value)
                yield Row(UNIT if kind == "cooling" else SERVER, "hall", "", at * 1000, text)


def source(url: str | None) -> Source:
    return Source(Registry(url) if url else None, lambda: NOW, structlog.get_logger())


def whole(reader: Worn, long: LongPast) -> LongPast:
    for _ in range(DAYS // 15 + 1):
        long.look(reader, "lab", NOW)
    return long


def properties(out: list[tuple[str, str, bytes]], thing: str) -> dict[str, object]:
    merge = next(value for topic, key, value in out if key == thing and topic.startswith("racktwin.twin"))
    return json.loads(merge)["value"]["maintenance"]["properties"]


def test_slow_wear_that_a_week_does_not_show_is_found_with_the_models_version(artefact, tmp_path):
    shelf = Registry(str(tmp_path))
    made = shelf.publish(artefact)
    shelf.promote("maintenance", made.version, at_ms=NOW, by="test", reason="test")
    served = source(str(tmp_path)).current()
    assert served is not None
    reader, out = Worn(), []
    assert look(reader, "lab", NOW, 168.0, out.append, disks=Disks(), lives_ms=HOUR) == []
    out.clear()
    long = whole(reader, LongPast())
    look(reader, "lab", NOW, 168.0, out.append, disks=Disks(), lives_ms=HOUR, served=served, long=long)
    told = properties(out, UNIT)
    assert told["state"] in ("planned", "due")
    assert str(told["cause"]).startswith("fan or filter")
    evidence = told["evidence"]
    assert isinstance(evidence, dict)
    assert evidence["modelVersion"] == made.version
    assert evidence["window"] is not None
    assert evidence["lo"] <= told["remainingUsefulLife"] <= evidence["hi"]
    assert evidence["loss"] == pytest.approx(0.21, abs=0.03)
    assert properties(out, SERVER)["state"] == "none"


def test_a_promoted_version_is_followed_and_a_damaged_one_refused(artefact, tmp_path):
    shelf = Registry(str(tmp_path))
    follows = source(str(tmp_path))
    assert follows.current() is None
    made = shelf.publish(artefact)
    shelf.promote("maintenance", made.version, at_ms=NOW, by="test", reason="test")
    assert follows.current().version == made.version
    # Another version whose graph is not the one that its manifest speaks of.
    other = "0" * 12
    place = tmp_path / "maintenance" / "versions" / other
    place.mkdir()
    for file in ("model.onnx", "CARD.md", "model.json"):
        (place / file).write_bytes((artefact / file).read_bytes())
    (place / "model.json").write_text(
        (place / "model.json").read_text(encoding="utf-8").replace(made.version, other), encoding="utf-8"
    )
    shelf.promote("maintenance", other, at_ms=NOW, by="test", reason="test")
    assert follows.current().version == made.version
    refusal = shelf.refusal("maintenance", "upkeep")
    assert refusal is not None
    assert (refusal.version, "manifest says" in refusal.reason) == (other, True)
    shelf.rollback("maintenance", at_ms=NOW, reason="test")
    assert follows.current().version == made.version
    assert shelf.refusal("maintenance", "upkeep") is None


def test_without_a_registry_or_one_that_cannot_be_read_the_trend_judges(tmp_path):
    assert source(None).current() is None
    (tmp_path / "maintenance").mkdir()
    (tmp_path / "maintenance" / "current.json").write_text("{", encoding="utf-8")
    assert source(str(tmp_path)).current() is None


def test_days_that_could_not_be_read_are_read_when_they_can_and_take_no_more_memory_than_others():
    class Away(Worn):
        away = False

        def query(self, flux: str) -> Iterator[Row]:
            if self.away:
                raise InfluxError("away")
            return super().query(flux)

    reader, long = Away(), LongPast()
    whole(reader, long)
    reader.away = True
    for days in range(1, 5):
        with pytest.raises(InfluxError):
            long.look(reader, "lab", NOW + days * DAY_S * 1000)
    reader.away = False
    long.look(reader, "lab", NOW + 4 * DAY_S * 1000)
    assert np.isfinite(long.days("lab", [UNIT], "airflow")).sum() == DAYS
    assert {means.dtype for means in long._sites["lab"].means.values()} == {np.dtype(np.float32)}


def test_half_a_year_is_read_in_pieces_and_then_a_day_at_a_time():
    reader, long = Worn(), LongPast()
    long.look(reader, "lab", NOW)
    first = long.days("lab", [UNIT], "airflow")
    assert 10 <= np.isfinite(first).sum() <= 15
    whole(reader, long)
    assert np.isfinite(long.days("lab", [UNIT], "airflow")).sum() == DAYS
    asked = reader.asked
    long.look(reader, "lab", NOW)
    assert reader.asked == asked
    long.look(reader, "lab", NOW + DAY_S * 1000)
    assert reader.asked == asked + len(CHANNELS)
    # A clock that was set back, or a year on: begun anew, not mixed up.
    long.look(reader, "lab", NOW - 40 * DAY_S * 1000)
    assert np.isfinite(long.days("lab", [UNIT], "airflow")).sum() <= 15
    long.look(reader, "lab", NOW + 400 * DAY_S * 1000)
    assert np.isfinite(long.days("lab", [UNIT], "airflow")).sum() <= 15


@pytest.mark.parametrize(
    "reader",
    [Worn(lacking=("power", "returnTemperature")), Worn(broken=True), SimpleNamespace(query=lambda _flux: iter(()))],
)
def test_bad_input_gives_no_wrong_finding(artefact, tmp_path, reader):
    shelf = Registry(str(tmp_path))
    made = shelf.publish(artefact)
    shelf.promote("maintenance", made.version, at_ms=NOW, by="test", reason="test")
    served, out = source(str(tmp_path)).current(), []
    for found in look(
        reader, "lab", NOW, 168.0, out.append, disks=Disks(), lives_ms=HOUR, served=served, long=LongPast()
    ):
        assert found.thing == UNIT
        assert found.remaining_lo_h <= found.remaining_h <= found.remaining_hi_h


def test_a_site_whose_days_are_not_kept_is_judged_by_its_week(artefact, tmp_path):
    class Unkept(Worn):
        def query(self, flux: str) -> Iterator[Row]:
            if "_15m" in flux:
                raise InfluxError("404 Not Found")
            return super().query(flux)

    shelf = Registry(str(tmp_path))
    made = shelf.publish(artefact)
    shelf.promote("maintenance", made.version, at_ms=NOW, by="test", reason="test")
    served, out, long = source(str(tmp_path)).current(), [], LongPast()
    look(Unkept(), "lab", NOW, 168.0, out.append, disks=Disks(), lives_ms=HOUR, served=served, long=long)
    assert long.problem == "404 Not Found"
    assert "state" in properties(out, UNIT)


def test_hours_that_are_not_of_the_last_week_are_left_out():
    things = read(Worn(), "lab", begin=NOW // 1000 - 400 * 3600, end=NOW // 1000 + 100 * 3600, every=3600)
    made = pasts(things, LongPast(), "lab", NOW)
    names, past = made["cooling"]
    assert names == [UNIT]
    assert np.isfinite(past.hours["airflow"]).all()


def test_all_sites_of_a_look_are_judged_by_one_version(monkeypatch):
    # Each time that the registry is asked, another version serves.
    asked, judged = iter(("one", "other")), []
    around = {
        "SafeProducer": lambda _: MagicMock(),
        "InfluxReader": lambda _: nullcontext(None),
        "Source": lambda *_: SimpleNamespace(current=lambda: next(asked)),
        "look": lambda _, site, *__, served, **___: judged.append((site, served)) or [],
    }
    for name, stands_in in around.items():
        monkeypatch.setattr(main, name, stands_in)
    rounds = iter((False, True))
    context = MagicMock(clock=lambda: NOW, stop=SimpleNamespace(wait=lambda _: next(rounds)))
    main.run(UpkeepSettings(sites="hall,annex", registry_url=""), context)
    assert judged == [("hall", "one"), ("annex", "one")]
