"""What the networks of a model see of its inputs, in numpy. The same in ONNX is in `models.change.graph`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.windows import FloatArray

# A reference below this (a rack that draws nothing) says nothing about shares of it.
LEAST_REFERENCE = 1.0


@dataclass(frozen=True)
class Layout:
    """Which inputs play which part; all are column numbers of the input matrix.

    `seen`: what the networks see. `relative`: for each of `seen`, whether it is divided by the input `reference`
    (None: nothing is). `bases`, `filled`: per target, what its forecast starts from and how much past it has.
    `physics`: per target and horizon, the change that physics expects, None where the model has none. Those columns are
    not among `seen`: where physics is known, other networks see them too.
    """

    seen: list[int]
    bases: list[int]
    filled: list[int]
    relative: list[bool] | None = None
    reference: int | None = None
    physics: list[list[int]] | None = None


def of_power(inputs: Sequence[str], targets: int) -> Layout:
    """What is of the channel ``power`` seen as shares of its past hour's mean, all else as it is; each target starts
    from the present power."""
    mean, last, filled = "power.mean[0:3600]", "power.last", "power.filled"
    seen = [column for column, name in enumerate(inputs) if name not in (last, mean)]
    return Layout(
        seen=seen,
        relative=[inputs[column].startswith("power.") and inputs[column] != filled for column in seen],
        reference=inputs.index(mean),
        bases=[inputs.index(last)] * targets,
        filled=[inputs.index(filled)] * targets,
    )


@dataclass(frozen=True)
class View:
    """The columns that the networks see, divided where they are relative, held between `low` and `high`."""

    columns: npt.NDArray[np.int64]
    relative: npt.NDArray[np.bool_]
    reference: int | None
    low: FloatArray
    high: FloatArray

    def __call__(self, inputs: FloatArray) -> FloatArray:
        """Inputs [N, inputs] -> [N, columns]; missing stays missing."""
        return np.clip(self.unbounded(inputs), self.low, self.high)

    def unbounded(self, inputs: FloatArray) -> FloatArray:
        """The same before it is held within the range that was seen in training."""
        picked = inputs[:, self.columns]
        divisor = np.where(self.relative, self.scale(inputs)[:, None], np.float32(1.0))
        shares: FloatArray = (picked / divisor).astype(np.float32)
        return shares

    def scale(self, inputs: FloatArray) -> FloatArray:
        """What relative quantities are multiplied by, [N]; 1 where nothing is relative or the reference is missing."""
        if self.reference is None:
            return np.ones(len(inputs), dtype=np.float32)
        reference = inputs[:, self.reference]
        return np.where(reference > LEAST_REFERENCE, reference, np.float32(LEAST_REFERENCE)).astype(np.float32)
