"""Predictions into Kafka records: one merge per thing for its twin, one record per prediction for the record. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from models.definition import Manifest
from racktwin.ditto_protocol import merge_features
from racktwin.messages import Prediction, encode
from racktwin.names import own_topic, site_of
from runner.forecaster import Forecast

# Decimals of a temperature that mean anything; more would only lengthen every record.
_DECIMALS = 3


class Outbox:
    """Writes the records of one model's predictions."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        definition = manifest.definition
        self._spelled: dict[str, tuple[str, str, str]] = {}
        for target in definition.targets:
            channel = definition.channel_of(target)
            self._spelled[target.name] = (
                definition.prediction_feature(target),
                f"{channel.feature}/{channel.property}",
                channel.unit,
            )

    def records(self, forecasts: Iterable[Forecast]) -> Iterator[tuple[str, str, bytes]]:
        """(topic, key, value) of every record; forecasts of one thing must stand side by side."""
        for thing, group in groupby(forecasts, key=attrgetter("thing.id")):
            mine = list(group)
            site = site_of(thing)
            yield own_topic("twin", site), thing, self._merge(thing, mine)
            for forecast in mine:
                yield own_topic("predictions", site), thing, encode(self._prediction(forecast))

    def _merge(self, thing: str, forecasts: list[Forecast]) -> bytes:
        definition = self._manifest.definition
        features = {}
        for f in forecasts:
            feature, target, _ = self._spelled[f.target.name]
            features[feature] = {
                "target": target,
                "horizon": definition.horizon_s,
                "value": round(f.value, _DECIMALS),
                "lo": round(f.lo, _DECIMALS),
                "hi": round(f.hi, _DECIMALS),
                "modelVersion": self._manifest.version,
                "issuedAt": f.issued_at,
                "basedOn": f.based_on,
                "expiresAt": f.issued_at + definition.expiry_s * 1000,
            }
        # The same prediction written twice has the same id, which makes duplicates visible in Ditto's logs.
        return merge_features(thing, features, f"{definition.name}-{self._manifest.version}-{forecasts[0].issued_at}")

    def _prediction(self, f: Forecast) -> Prediction:
        definition = self._manifest.definition
        _, target, unit = self._spelled[f.target.name]
        return Prediction(
            v=1,
            thing=f.thing.id,
            model=definition.name,
            model_version=self._manifest.version,
            target=target,
            horizon_s=definition.horizon_s,
            value=round(f.value, _DECIMALS),
            lo=round(f.lo, _DECIMALS),
            hi=round(f.hi, _DECIMALS),
            unit=unit,
            issued_at=f.issued_at,
            valid_at=f.issued_at + definition.horizon_s * 1000,
            based_on=f.based_on,
            kind=f.thing.kind,
            room=f.thing.room,
            row=f.thing.row,
        )
