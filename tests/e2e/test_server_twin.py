"""Promise: a real experiment on this machine is logged, annotated, modelled and seen on the server's twin."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.conftest import rack
from tests.e2e.harness import Harness, eventually

from racktwin.names import device_secret

SERVER = "tried-1"
# Every load in each half, in seconds of this machine's time; little memory and little on disk.
LOADS = (("cpu", 60), ("memory", 2), ("disk", 30), ("cpu", 90), ("memory", 1), ("disk", 60))
LONG, REST, LEAD = 1.1, 0.5, 1.0


def racktwin(*words: str) -> dict[str, Any]:
    """What `racktwin` says in JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "racktwin_cli", *words, "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_real_experiment_is_seen_on_the_twin(site: Harness, tmp_path: Path) -> None:
    site.apply(rack("r-tried", servers=[{"name": SERVER, "position": 5, "uHeight": 1, "allocatedDrawW": 300}]))
    site.wait_ready("rack", "r-tried")
    thing = site.thing("server", SERVER)
    secret = tmp_path / "secret.json"
    secret.touch(mode=0o600)
    secret.write_text(json.dumps(site.get("secret", device_secret("server", SERVER))))

    phases = [
        {"name": f"p{n}", "start": LEAD + n * (LONG + REST), "loads": [{"kind": k, "level": level, "duration": LONG}]}
        for n, (k, level) in enumerate(LOADS)
    ]
    length = LEAD + len(LOADS) * (LONG + REST)
    (tmp_path / "schedule.json").write_text(json.dumps({"version": 1, "length": length, "phases": phases}))
    (tmp_path / "config.yaml").write_text("analysis: {shortest: 0.75, tolerance: 0.8}\nstress: {diskRate: 50000000}\n")
    config = ("--config", str(tmp_path / "config.yaml"))
    run = tmp_path / "run"
    done = racktwin(
        "experiment", "run", *config, "--schedule", str(tmp_path / "schedule.json"), "--interval", "0.25s",
        "--live", str(secret), "--out", str(run),
    )  # fmt: skip
    assert done["annotations"] == len(LOADS)
    assert done["notTold"] == 0
    assert done["logger"]["live"]["acknowledged"] == done["logger"]["live"]["sent"] >= length - 2
    assert done["logger"]["live"]["lost"] == 0

    # What was annotated is what ran, to the millisecond on the twin.
    with (run / "annotations.csv").open() as file:
        noted = list(csv.DictReader(file))
    assert [row["stressor"] for row in noted] == [kind for kind, _ in LOADS]
    assert {row["outcome"] for row in noted} == {"done"}
    last = noted[-1]

    def over() -> dict[str, Any] | None:
        found = site.properties(thing, "experiment")
        return found if found and found.get("stoppedAt") == int(last["stoppedAt"]) else None

    told = eventually(over, "the experiment's end on the twin")
    assert told["annotation"] == "p5: disk 60 %, over"
    assert (told["stressor"], told["level"]) == ("disk", 60)
    assert abs(told["startedAt"] - int(last["startedAt"])) < 500
    for feature, name in (("cpu", "utilization"), ("memory", "used"), ("disk", "writeBytes"), ("network", "rx")):
        properties = site.properties(thing, feature)
        assert properties is not None
        assert properties[name] >= 0
        assert properties["observedAt"] >= int(noted[0]["startedAt"])
    assert len(eventually(lambda: site.points("cpu", thing, "utilization"), "its history")) >= length - 2
    marks = eventually(
        lambda: found if len(found := site.points("score", thing, "annotation")) >= 12 else None, "marks"
    )
    assert [text for _, text in marks][:2] == ["p0: cpu 60 %", "p0: cpu 60 %, over"]

    # The model is judged on the half that it was not fitted on; other tests may keep this machine busy meanwhile.
    model = racktwin("fidelity", "--server", *config, "--run", str(run))
    assert model["cpu"]["samples"] > 10
    assert 0 <= model["cpu"]["errors"]["mae"] < 60
    assert set(model["cpu"]["parameters"]) == {"idle", "cpu", "memory", "disk"}
    report = racktwin("report", *config, "--run", str(run))
    assert report["phases"] == len(LOADS)
    assert report["phasesDetected"] >= 1, report["loads"]
    assert "Found phases against annotations" in Path(report["out"]).read_text()
