"""For each alert rule: what is made wrong, where, and how it is mended. On the example site. Next: `run`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from dashboards.provoke.stage import Stage
from racktwin.names import thing_id

# Where it is put in: into the simulated plant, at a device's door, at a file.
Entry = Literal["plant", "device", "file"]
# Rack that the run's own server stands in, and the share of a waiting time that alerting keeps.
RACK: Final = "b-r02-10"
SCALE: Final = 0.1
# How long it must be well is less short: the anomaly model runs in its own time, and what was wrong is in its past of
# an hour. Ten minutes after a fault began and ended its verdict wavers again, for a minute or two.
CALM_SCALE: Final = 0.5
# Rack whose model is made wrong, once it is better by this than assuming no change.
JUDGED: Final = "a-r02-02"
_WELL: Final = 0.15
# Rack that behaves unusually, and the score from which on that is beyond doubt.
ODD: Final = "a-r02-07"
_SURE: Final = 0.95
# Racks of one hall that no other trial is about: a third of all forecasts of inlets.
_MANY: Final = tuple(
    f"b-r0{row}-{at:02d}" for row, left in ((1, (2, 5, 8)), (2, (2, 5, 10))) for at in range(1, 11) if at not in left
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One rule provoked on one thing. It begins when it is ``ready``, and is mended once it fired and is ``sure``;
    ``also`` is done every few seconds until it is clear."""

    rule: str
    kind: Any
    name: str
    entry: Entry
    what: str
    begin: Callable[[Stage], None]
    end: Callable[[Stage], None]
    also: Callable[[Stage], None] | None = None
    ready: Callable[[Stage], bool] = lambda _stage: True
    sure: Callable[[Stage], bool] = lambda _stage: True
    lingers: bool = False
    """Whether what finds it goes on for too long after the mending, so that its end is not waited for."""

    def thing(self, site: str) -> str:
        """Thing id that the alert is about."""
        return thing_id(site, self.kind, site if self.kind == "site" else self.name)


def _many(stage: Stage, *, mend: bool) -> None:
    for rack in _MANY:
        target = thing_id(stage.site, "rack", rack)
        stage.break_plant({"kind": "blanking-missing", "target": target, "magnitude": 0.35}, mend=mend)


def _plant(rule: str, kind: Any, name: str, what: str, **faults: dict[str, Any]) -> Trial:
    """``faults``: kind of the fault, with underscores -> its other fields."""

    def give(stage: Stage, *, mend: bool) -> None:
        for fault, more in faults.items():
            target = thing_id(stage.site, kind, name)
            stage.break_plant({"kind": fault.replace("_", "-"), "target": target, **more}, mend=mend)

    return Trial(
        rule,
        kind,
        name,
        "plant",
        what,
        lambda stage: give(stage, mend=False),
        lambda stage: give(stage, mend=True),
    )


def _hears(stage: Stage) -> None:
    target = thing_id(stage.site, "cooling", "crah-a2")
    stage.break_plant({"kind": "unit-deaf", "target": target}, mend=True)
    stage.command("crah-a2")


TRIALS: Final[tuple[Trial, ...]] = (
    _plant(
        "inlet-allowable",
        "rack",
        "a-r02-05",
        "blanking panels are missing and fans are worn: most of its inlet air comes from behind, and hotter",
        blanking_missing={"magnitude": 0.95},
        rack_fan_degrades={"magnitude": 0.6},
    ),
    _plant(
        "inlet-recommended",
        "rack",
        "a-r01-03",
        "many blanking panels are missing",
        blanking_missing={"magnitude": 0.9},
    ),
    _plant(
        "inlet-predicted",
        "rack",
        "a-r01-08",
        "some blanking panels are missing",
        blanking_missing={"magnitude": 0.6},
    ),
    _plant(
        "inlet-rate",
        "rack",
        "a-r02-09",
        "blanking panels are taken out at once",
        blanking_missing={"magnitude": 0.8},
    ),
    # Warmer by its sensor at the same humidity, so moister by its dew point.
    _plant(
        "moisture-allowable",
        "rack",
        "a-r01-10",
        "the sensor at the bottom drifts by 0.11 K a second",
        sensor_drifts={"magnitude": 400.0, "sensor": "bottom"},
    ),
    _plant(
        "moisture-recommended",
        "rack",
        "b-r02-02",
        "the sensor at the bottom drifts by 0.07 K a second",
        sensor_drifts={"magnitude": 250.0, "sensor": "bottom"},
    ),
    _plant(
        "dew-points-apart",
        "rack",
        "b-r01-02",
        "the sensor at the top drifts by 0.11 K a second",
        sensor_drifts={"magnitude": 400.0, "sensor": "top"},
    ),
    _plant(
        "sensor-stale",
        "rack",
        "b-r01-05",
        "all readings of the sensor at the bottom are lost",
        sensor_drops={"magnitude": 1.0, "sensor": "bottom"},
    ),
    # The model looks back for an hour, and takes ten minutes to believe the sensor again.
    _plant(
        "sensor-faulty",
        "rack",
        "a-r01-06",
        "the sensor at the top drifts by 0.08 K a second, and the sensors' model finds it",
        sensor_drifts={"magnitude": 300.0, "sensor": "top"},
    ),
    _plant("unit-failed", "cooling", "crah-b2", "the unit stands still", unit_stops={}),
    replace(
        _plant(
            "unit-refuses",
            "cooling",
            "crah-a2",
            "the unit's controller is deaf, and does not answer a real command; then it hears another",
            unit_deaf={},
        ),
        end=_hears,
        also=lambda stage: stage.insist("crah-a2"),
    ),
    _plant(
        "maintenance-due",
        "cooling",
        "crah-b1",
        "the unit's fan loses two fifths of its air within four minutes",
        unit_fan_degrades={"magnitude": 0.4, "ramp_s": 240.0},
    ),
    # Of a fault as short as the model's first doubt, what is left in its means of five minutes is doubtful again.
    replace(
        _plant(
            "anomaly",
            "rack",
            ODD,
            "nearly all blanking panels are missing, and the anomaly model finds what that does",
            blanking_missing={"magnitude": 0.85},
        ),
        sure=lambda stage: stage.anomaly(ODD) > _SURE,
    ),
    # What a room's model expects goes on to be what it was, while assuming no change is right.
    replace(
        _plant(
            "fidelity-worse",
            "rack",
            JUDGED,
            "blanking panels are taken out, of which the room's model knows nothing",
            blanking_missing={"magnitude": 0.6},
        ),
        ready=lambda stage: (stage.skill(JUDGED) or 0.0) > _WELL,
    ),
    Trial(
        "model-drifting",
        "site",
        "",
        "plant",
        f"blanking panels are missing in {len(_MANY)} racks, where forecasts of before are wrong",
        lambda stage: _many(stage, mend=False),
        lambda stage: _many(stage, mend=True),
        # What was forecast meanwhile is wrong for another five minutes, and then the model still reads the past hour.
        lingers=True,
    ),
    Trial(
        "readings-lost",
        "site",
        "",
        "device",
        "a device leaves 40 of its numbers out",
        lambda stage: stage.send(skip=40),
        lambda stage: None,
        also=lambda stage: stage.send(),
    ),
    Trial(
        "certificates",
        "site",
        "",
        "file",
        "a certificate that is watched ends in 5 days; then it is renewed",
        lambda stage: stage.certificate(5),
        lambda stage: stage.certificate(90),
    ),
)
