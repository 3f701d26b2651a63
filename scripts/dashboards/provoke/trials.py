"""For each alert rule: what is made wrong, where, and how it is mended. On the example site. Next: `run`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from dashboards.provoke.stage import SERVER, Stage
from racktwin.names import thing_id

# Where it is put in: into the simulated plant, at a device's door, onto a twin as its writer would, at a file.
Entry = Literal["plant", "device", "twin", "file"]
# Rack that the run's own server stands in, and the share of a waiting time that alerting keeps.
RACK: Final = "b-r02-10"
SCALE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Trial:
    """One rule provoked on one thing. ``also`` is done every few seconds while it is to fire."""

    rule: str
    kind: Any
    name: str
    entry: Entry
    what: str
    begin: Callable[[Stage], None]
    end: Callable[[Stage], None]
    also: Callable[[Stage], None] | None = None

    def thing(self, site: str) -> str:
        """Thing id that the alert is about."""
        return thing_id(site, self.kind, site if self.kind == "site" else self.name)


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


def _verdict(rule: str, where: tuple[Any, str, str], bad: dict[str, Any], good: dict[str, Any]) -> Trial:
    kind, name, feature = where

    def write(stage: Stage, properties: dict[str, Any]) -> None:
        stage.write_feature(kind, stage.site if kind == "site" else name, feature, properties)

    said = ", ".join(f"{key} {value}" for key, value in bad.items())
    return Trial(
        rule,
        kind,
        name,
        "twin",
        f"feature {feature}: {said}",
        lambda stage: write(stage, bad),
        lambda stage: write(stage, good),
    )


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
    _plant("unit-failed", "cooling", "crah-b2", "the unit stands still", unit_stops={}),
    Trial(
        "unit-refuses",
        "cooling",
        "crah-a2",
        "twin",
        "control/lastCommand: timed out; then a real command, which the unit answers",
        lambda stage: stage.no_answer("crah-a2"),
        lambda stage: stage.command("crah-a2"),
    ),
    _verdict(
        "maintenance-due",
        ("server", SERVER, "maintenance"),
        {"state": "due", "score": 0.9, "cause": "fan 2 is worn", "remainingUsefulLife": 60.0},
        {"state": "none", "score": 0.0, "cause": "nothing"},
    ),
    _verdict(
        "anomaly",
        ("server", SERVER, "anomaly"),
        {"state": "anomalous", "score": 0.97, "cause": "fans faster than its load asks for"},
        {"state": "normal", "score": 0.02, "cause": "nothing"},
    ),
    _verdict(
        "fidelity-worse",
        ("rack", "b-r02-05", "fidelity"),
        {"skill": -0.6, "rmse": 2.1},
        {"skill": 0.5, "rmse": 0.3},
    ),
    _verdict(
        "model-drifting",
        ("site", "", "model.alerts-check"),
        {"version": "none", "state": "drifting", "reason": "its error is twice what its card says", "skill": -0.2},
        {"version": "none", "state": "well", "reason": "", "skill": 0.4},
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
