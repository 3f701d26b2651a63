"""The maintenance model as it serves: an artefact checked and opened, and what it says of things' pasts.

Used by `upkeep` on what is recorded now and by `training.files.wear` on files. A part at which the artefact was no
better than the plain trend (its manifest says so) is left to the trend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort

from models import checked
from models.definition import Manifest, ModelError, read_manifest
from models.maintenance import features, judge
from models.maintenance.features import Floats, Past
from models.wear import Finding
from models.windows import FloatArray

TASK: Final = "maintain"
NAME: Final = "maintenance"
_CHUNK: Final = 2048


class Served:
    """A loaded artefact. `serves`: the parts at which it earned its place."""

    def __init__(self, manifest: Manifest, session: ort.InferenceSession) -> None:
        self.manifest = manifest
        self._session = session
        parts = manifest.metrics.get("parts", {})
        self.serves = frozenset(name for name in features.PARTS if parts.get(name, {}).get("serves"))

    @property
    def version(self) -> str:
        """Which it is."""
        return self.manifest.version

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Inputs [N, inputs] -> score [N, parts], life [N, 3 x parts] in hours."""
        score, life = self._session.run(["score", "life"], {self.manifest.graph.input: inputs})
        return score, life

    def findings(self, names: Sequence[str], past: Past, *, end_ms: int, begin_hour: int) -> dict[str, list[Finding]]:
        """What is to be said of things of one kind, in the order of `past`; only those of which there is something."""
        found: dict[str, list[Finding]] = {}
        inputs = features.compute(past)
        for begin in range(0, len(names), _CHUNK):
            score, life = self.predict(inputs[begin : begin + _CHUNK])
            for row in range(len(score)):
                for number, part in enumerate(features.PARTS):
                    if part not in self.serves:
                        continue
                    said = judge.finding(
                        self.manifest.definition,
                        names[begin + row],
                        number,
                        score=float(score[row, number]),
                        life=life[row, 3 * number : 3 * number + 3],
                        inputs=inputs[begin + row],
                        version=self.version,
                        end_ms=end_ms,
                        begin_hour=begin_hour,
                    )
                    if said is not None:
                        found.setdefault(said.thing, []).append(said)
        return found


def load(folder: Path) -> Served:
    """Load and check an artefact.

    Raises:
        ModelError: a file is missing, the graph is not what the manifest says, or it reads other inputs than these.
    """
    manifest = read_manifest(folder)
    if manifest.definition.task != TASK:
        raise ModelError(f"{folder}: a model to {manifest.definition.task}, expected one to {TASK}")
    content = checked.graph(folder, manifest)
    names = [finding.name for finding in manifest.definition.findings]
    if manifest.inputs != features.inputs() or names != list(features.PARTS):
        raise ModelError(f"{folder}: it reads other inputs or parts than this version of Racktwin computes; train anew")
    columns = {"score": len(names), "life": 3 * len(names)}
    path = folder / manifest.graph.file
    served = Served(manifest, checked.session(path, content, manifest, columns))
    for rows in (1, 3):
        try:
            outputs = served.predict(np.full((rows, len(manifest.inputs)), np.nan, dtype=np.float32))
        except Exception as error:  # onnxruntime raises its own classes, all plain subclasses of Exception
            raise ModelError(f"{path}: a batch of {rows} fails: {error}") from error
        for (name, width), output in zip(columns.items(), outputs, strict=True):
            if output.shape != (rows, width) or not np.isfinite(output).all():
                raise ModelError(f"{path}: output {name!r} is not {rows} x {width} numbers for a batch of {rows}")
    return served


def past_of(kind: str, days: Mapping[str, Floats], hours: Mapping[str, Floats], *, end_day: float = 0.0) -> Past:
    """A past of things of one site from whatever was recorded: by channel [N, any days] and [N, any hours], the newest
    last. The newest days are made of hours where no day tells them; channels that nobody recorded are unknown.
    `end_day`: share of a day that the newest hours are past midnight."""
    count = len(next(iter(hours.values())))
    channels = [name for name, (of, *_) in features.CHANNELS.items() if of == kind]
    # Hours that are past midnight belong to a day that is not over.
    over = round(end_day * 24)
    filled_days, filled_hours = {}, {}
    for name in channels:
        mine = _ending(hours.get(name), count, features.HOURS)
        whole = _ending(days.get(name), count, features.DAYS)
        newest = features.whole_days(mine, over)
        recent = whole[:, features.DAYS - newest.shape[1] :]
        whole[:, features.DAYS - newest.shape[1] :] = np.where(np.isfinite(newest), newest, recent)
        filled_days[name], filled_hours[name] = whole, mine
    return Past(filled_days, filled_hours, np.zeros(count, dtype=np.int64))


def _ending(series: Floats | None, count: int, length: int) -> Floats:
    found = np.full((count, length), np.nan)
    if series is not None and series.shape[1]:
        taken = min(length, series.shape[1])
        found[:, length - taken :] = series[:, -taken:]
    return found
