"""Predictions into Kafka records: one merge per thing for its twin, one record per prediction for the record. Pure.

The merge shows the model's own horizon, and under `ahead` the others, by their seconds. Verdicts of models that detect
are written by `runner.verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec
import numpy as np

from models.definition import Manifest
from racktwin.ditto_protocol import merge_features
from racktwin.names import own_topic, site_of
from runner.forecaster import Made
from runner.intake import Thing

# Decimals of a temperature that mean anything; more would only lengthen every record.
DECIMALS = 3

# Beginnings and ends of records are kept for this many things; more than that is no single runner's share.
_TAILS_KEPT = 200_000

Record = tuple[str, str, str | bytes]


class Outbox(Protocol):
    """Writes the records of one model."""

    def records(self, made: Made) -> Iterator[Record]:
        """(topic, key, value) of every record."""

    def withdrawal(self, thing: Thing, now_ms: int) -> Record:
        """The merge that takes what the model wrote off a twin."""


class _Column:
    """What is the same in every prediction of one output, as JSON text: encoding it anew for each prediction cost more
    than all the rest of making one."""

    __slots__ = ("ahead_ms", "feature", "head", "horizon_s", "index", "main", "spelled", "target")

    def __init__(self, manifest: Manifest, index: int) -> None:
        definition = manifest.definition
        output = definition.outputs()[index]
        target = definition.targets[output.target]
        channel = definition.channel_of(target)
        self.index = index
        self.target = output.target
        self.horizon_s = output.horizon_s
        self.ahead_ms = output.horizon_s * 1000
        self.main = output.horizon_s == definition.horizon_s
        self.feature = definition.prediction_feature(target)
        self.spelled = f"{channel.feature}/{channel.property}"
        fixed = {
            "model": definition.name,
            "modelVersion": manifest.version,
            "target": self.spelled,
            "horizonS": output.horizon_s,
            "unit": channel.unit,
        }
        self.head = _json(fixed)[:-1]


class ForecastOutbox:
    """Writes the records of one forecasting model. The text is that of `racktwin.messages.Prediction`."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        definition = manifest.definition
        self._columns = [_Column(manifest, index) for index in range(len(definition.outputs()))]
        # By feature, the model's own horizon first and then the others.
        self._features: list[tuple[str, int, list[_Column]]] = []
        for number, target in enumerate(definition.targets):
            mine = sorted((c for c in self._columns if c.target == number), key=lambda c: not c.main)
            opening = f'{_json(definition.prediction_feature(target))}:{{"properties":{{'
            fixed = {"target": mine[0].spelled, "horizon": definition.horizon_s, "modelVersion": manifest.version}
            self._features.append((opening + _json(fixed)[1:-1], number, mine))
        self._expiry_ms = definition.expiry_s * 1000
        self._tails: dict[str, tuple[str | None, str | None, str, str, str, str]] = {}

    def records(self, made: Made) -> Iterator[Record]:
        """(topic, key, value) of every record."""
        # All numbers become text in one call, which is ten times faster than one by one.
        rounded = np.round(np.concatenate(made.outputs, axis=1).astype(np.float64), DECIMALS)
        numbers = [row.split(",") for row in _json(rounded.tolist())[2:-2].split("],[")]
        count = len(self._columns)
        allowed, based = made.made.tolist(), made.based_on.tolist()
        at = made.issued_at
        correlation = self._correlation(at)
        for row, thing in enumerate(made.things):
            mine = allowed[row]
            if True not in mine:
                continue
            _, _, tail, twin, predictions, opening = self._known(thing)
            number, based_on = numbers[row], based[row]
            # As they stand in either record.
            said = [f'"value":{number[k]},"lo":{number[k + count]},"hi":{number[k + 2 * count]}' for k in range(count)]
            for column in self._columns:
                if mine[column.target]:
                    yield (
                        predictions,
                        thing.id,
                        f'{column.head},{said[column.index]},"issuedAt":{at},"validAt":{at + column.ahead_ms},'
                        f'"basedOn":{based_on[column.target]},{tail}',
                    )
            features = ",".join(
                self._feature(text, columns, said, at, based_on[target])
                for text, target, columns in self._features
                if mine[target]
            )
            # The same prediction written twice has the same id, which makes duplicates visible in Ditto's logs.
            yield twin, thing.id, f'{opening}"{correlation}"}},"path":"/features","value":{{{features}}}}}'

    def withdrawal(self, thing: Thing, now_ms: int) -> Record:
        """The merge that takes this model's predictions off a twin; which model it was, and that it is over, stays."""
        nothing = {"value": None, "lo": None, "hi": None, "ahead": None, "expiresAt": now_ms}
        features = {column.feature: nothing for column in self._columns}
        merge = merge_features(thing.id, features, self._correlation(now_ms))
        return own_topic("models", site_of(thing.id)), thing.id, merge

    def _correlation(self, at_ms: int) -> str:
        return f"{self._manifest.definition.name}-{self._manifest.version}-{at_ms}"

    def _feature(self, opening: str, columns: list[_Column], said: list[str], at: int, based_on: int) -> str:
        text = (
            f'{opening},{said[columns[0].index]},"issuedAt":{at},"basedOn":{based_on},'
            f'"expiresAt":{at + self._expiry_ms}'
        )
        if len(columns) == 1:
            return text + "}}"
        ahead = ",".join(f'"{c.horizon_s}":{{{said[c.index]}}}' for c in columns[1:])
        return f'{text},"ahead":{{{ahead}}}}}}}'

    def _known(self, thing: Thing) -> tuple[str | None, str | None, str, str, str, str]:
        """Room, row, the end of each of its predictions, its topics, the beginning of its merges."""
        known = self._tails.get(thing.id)
        if known is None or known[0] != thing.room or known[1] != thing.row:
            if len(self._tails) >= _TAILS_KEPT:
                self._tails.clear()
            site = site_of(thing.id)
            place = {name: value for name, value in (("room", thing.room), ("row", thing.row)) if value is not None}
            tail = _json({"thing": thing.id, "kind": thing.kind, **place, "v": 1})[1:]
            # Everything of a merge up to its correlation id, which is the last of its headers.
            empty = merge_features(thing.id, {}, "").decode()
            opening = empty[: empty.index('""},')]
            known = (thing.room, thing.row, tail, own_topic("models", site), own_topic("predictions", site), opening)
            self._tails[thing.id] = known
        return known


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
