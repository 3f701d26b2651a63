"""What is noted beside a model's versions in the registry: which serves, how it does, how its last training ended, what
was refused. Each is one small file, written by one process and read by the others; nothing here reads or writes.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

# What is read of a file that anybody may have written must be something to calculate with.
Time = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Size = Annotated[float, msgspec.Meta(ge=-1e40, le=1e40)]
Weight = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Horizon = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}$")]

POINTER_FILE = "current.json"
STATE_FILE = "state.json"
# Of a version that serves somewhere although the pointer names another: a TwinModel stays at it.
STATE_OF_FILE = "state-{version}.json"
TRAINING_FILE = "training.json"
# Of each group of runners its own: what one may not serve, another may.
REFUSED_FILE = "refused-{by}.json"
INPUTS_FILE = "inputs.json"
INPUTS_OF_FILE = "inputs-{version}.json"


class Promotion(msgspec.Struct, frozen=True, rename="camel"):
    """One change of the pointer. `at` epoch ms UTC; `by`: training, a person's rollback, an install."""

    version: str
    at: int
    by: str
    reason: str


class Pointer(msgspec.Struct, frozen=True, rename="camel"):
    """What serves, and all promotions so far, newest last (the newest 50)."""

    version: str
    history: list[Promotion]


class Scores(msgspec.Struct, frozen=True, rename="camel"):
    """Scored predictions: how many, mean absolute error and bias (value - truth) in the target's unit, skill against
    persistence, share of truths inside their interval."""

    count: Count
    mae: Size
    bias: Size
    skill: float
    coverage: Size
    rmse: Size = 0.0
    weight: Weight = 0.0
    """By which it is held against what is scored next: how many, the older ones faded. 0 where that was not noted."""


class State(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How a served version does, as the scorecard found at `at` (epoch ms UTC). `paused`: it predicts no more, since
    it stayed worse than persistence. `reason` says why either is so."""

    version: str
    at: Time
    drifting: bool = False
    paused: bool = False
    reason: str = ""
    skill: float | None = None
    coverage: Size | None = None
    mae: Size | None = None
    count: Count = 0
    inputs: str = ""
    """How far the inputs are from those of its training, where a runner found them to be."""
    bias: Size | None = None
    horizons: dict[Horizon, Scores] = {}
    """Each horizon's own scores, by its seconds; empty in what was written before they were told apart."""
    rmse: Size = 0.0
    weight: Weight = 0.0
    """As of `Scores`."""
    scored_at: Time = 0
    """Time (epoch ms UTC) of the newest reading that was the truth of one; 0 in what was written before that was."""
    minutes: Count = 0
    """How many were scored, counting one a minute of each series; 0 in what was written before others were."""
    since: Time = 0
    """Predictions made from then on (epoch ms UTC) are counted: when it was promoted, or let go on after a pause."""


class Outcome(msgspec.Struct, frozen=True, rename="camel"):
    """How the newest training ended, at `at` (epoch ms UTC): its version, whether that serves, and why (not)."""

    version: str
    at: int
    promoted: bool
    reason: str


class Moved(msgspec.Struct, frozen=True, rename="camel"):
    """What a runner found of a version's inputs at `at` (epoch ms UTC): how they have moved from those of its training;
    empty when they have not."""

    version: str
    at: int
    reason: str


class Refusal(msgspec.Struct, frozen=True, rename="camel"):
    """A version that a runner would not serve, and why."""

    version: str
    at: int
    reason: str
