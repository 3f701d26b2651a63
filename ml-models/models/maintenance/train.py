"""Fitting: for each part three small networks, the limit of its score, and how wide its intervals must be.

Split-conformal: the network says how far off it may be, and on things kept apart it is found by how much that must be
stretched for the interval to hold the truth as often as promised. The limit of a score is what `FALSE_SHARE` of the
days on which a part is well exceed, on things kept apart.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.definition import Definition
from models.maintenance import features
from models.maintenance.graph import SOON_H, Layers, Maintainer, PartNet, run
from models.windows import FloatArray

FALSE_SHARE: Final = 0.002
# Of what wears so slowly that it need not be told of, this much more is left out of what is learnt as well.
_NOT_YET_H: Final = 150 * 24.0
_HIDDEN: Final = (24, 12)
_EPOCHS: Final = 60
_LEAST: Final = 40
# States of a part, as `training.lives` has them.
WELL, WEARS, TELL, UNSURE = 0, 1, 2, -1


@dataclass(frozen=True)
class Rows:
    """Things on days: inputs [N, inputs]; of each part its state and the hours it lasts (NaN where it does not wear)
    [N, parts]."""

    inputs: FloatArray
    state: npt.NDArray[np.int8]
    left_h: FloatArray

    def __len__(self) -> int:
        return len(self.inputs)

    @staticmethod
    def joined(parts: list[Rows]) -> Rows:
        """All of them."""
        return Rows(*(np.concatenate([getattr(one, item.name) for one in parts]) for item in fields(Rows)))


def fit(definition: Definition, train: Rows, calibration: Rows, seed: int) -> Maintainer:
    """Fit on `train`; set limits and intervals on `calibration`.

    Raises:
        ValueError: a part never wears in the rows.
    """
    names = features.inputs()
    parts = []
    for number, finding in enumerate(definition.findings):
        own = [column for column, name in enumerate(names) if name.startswith(f"{finding.name}.")]
        columns = np.array(own, dtype=np.int64)
        one = _part(columns, (number, finding.name), train, calibration, seed=seed, coverage=definition.coverage)
        parts.append(one)
    return Maintainer(parts, len(names))


def _part(
    columns: npt.NDArray[np.int64],
    finding: tuple[int, str],
    train: Rows,
    calibration: Rows,
    *,
    seed: int,
    coverage: float,
) -> PartNet:
    number, name = finding
    state, left = train.state[:, number], train.left_h[:, number].astype(np.float64)
    known = np.isfinite(train.inputs[:, columns[0]]) & (state != UNSURE)
    telling = state == TELL
    wears = known & np.isfinite(left)
    if (known & telling).sum() < _LEAST or (known & ~telling).sum() < _LEAST or wears.sum() < _LEAST:
        raise ValueError(f"part {name}: wears on too few days to learn from; simulate more")
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)
        mine = train.inputs[known][:, columns]
        mean = np.nan_to_num(np.nanmedian(mine, axis=0)).astype(np.float32)
        spread = np.nanpercentile(mine, 90, axis=0) - np.nanpercentile(mine, 10, axis=0)
        scale = np.maximum(np.nan_to_num(spread / 2.56, nan=1.0), 1e-4).astype(np.float32)
        empty: Layers = []
        bare = PartNet(columns, mean, scale, empty, empty, empty, 0.0, 1.0, 1.0)
        z = bare.standardised(train.inputs)
        sure = known & ((state != WEARS) | (left > _NOT_YET_H))
        odds = MLPClassifier(
            hidden_layer_sizes=_HIDDEN, alpha=1e-2, batch_size=256, max_iter=_EPOCHS, random_state=seed
        )
        odds.fit(z[sure], telling[sure])
        logs = np.log(left[wears] + SOON_H)
        life = MLPRegressor(hidden_layer_sizes=_HIDDEN, alpha=1e-2, batch_size=128, max_iter=_EPOCHS, random_state=seed)
        life.fit(z[wears], logs)
        off = np.abs(logs - life.predict(z[wears]))
        width = MLPRegressor(
            hidden_layer_sizes=(_HIDDEN[1],), alpha=1e-1, batch_size=128, max_iter=_EPOCHS, random_state=seed
        )
        width.fit(z[wears], np.log(off + 0.02))
    made = PartNet(columns, mean, scale, _layers(odds), _layers(life), _layers(width), 0.0, 1.0, 1.0)
    return _calibrated(made, calibration, number, coverage)


def _calibrated(made: PartNet, rows: Rows, number: int, coverage: float) -> PartNet:
    state, left = rows.state[:, number], rows.left_h[:, number].astype(np.float64)
    known = np.isfinite(rows.inputs[:, made.columns[0]])
    z = made.standardised(rows.inputs)
    odds = run(made.odds, z)
    well = odds[known & (state == WELL)]
    # Never less than even odds: what is told apart without effort would be told at the first doubt.
    offset = max(0.0, float(np.quantile(well, 1.0 - FALSE_SHARE))) if len(well) else 0.0
    wears = known & np.isfinite(left) & (left > 0)
    told = wears & (odds >= offset)
    # An interval is told with a finding, so it must hold for those.
    chosen = told if told.sum() >= _LEAST else wears
    middle, width = run(made.life, z[chosen]), np.exp(np.clip(run(made.width, z[chosen]), -3.0, 1.5))
    off = (np.log(left[chosen] + SOON_H) - middle) / width
    tail = (1.0 - coverage) / 2.0
    count = len(off)
    rank = min(1.0, (1.0 - tail) * (count + 1) / max(count, 1))
    below = max(0.0, float(np.quantile(-off, rank))) if count else 3.0
    above = max(0.0, float(np.quantile(off, rank))) if count else 3.0
    return PartNet(
        made.columns, made.mean, made.scale, made.odds, made.life, made.width, float(np.float32(offset)),
        float(np.float32(below)), float(np.float32(above)),
    )  # fmt: skip


def _layers(network: MLPClassifier | MLPRegressor) -> Layers:
    pairs = zip(network.coefs_, network.intercepts_, strict=True)
    return [(weights.astype(np.float32), bias.astype(np.float32)) for weights, bias in pairs]
