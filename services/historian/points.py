"""Record -> the InfluxDB point it becomes, as a line.

Pure. Where things are stored:

* a reading: the measurement that the catalogue gives its feature; tags ``thing kind room row feature``; a float,
  boolean or string field per property; ``seq`` as an integer where the device numbers its readings; ``quality`` only
  where it is not ``good``, since a column that always says the same costs space. Time: ``observedAt``. A disk's
  have the tag ``disk`` too.
* a prediction: measurement ``prediction``; tags ``thing kind room row feature model horizon target``, where
  ``feature`` is the one that `target` names, so that predicted and measured values join on it; fields ``value lo hi
  validAt basedOn modelVersion``. Time: ``issuedAt``, because a model issues one prediction per target and horizon at
  a time, while several, of different horizons, are valid at one. ``modelVersion`` is a field and not a tag: every
  retraining would otherwise start a new series for every rack.

* an event in a command's life (from the audit): measurement ``command``; tags ``thing kind room feature event``; fields
  ``id origin who setpoint fanSpeed mode rule by detail approvedBy``, those that there are. Time: ``at``;
* a person's action in the console that is no command: measurement ``action``, the same without ``feature``.

Commands, actions, alerts and experiments on servers go into the bucket of what happened (`of_log`), everything else
into the site's own.

The same record always becomes the same line, and InfluxDB keeps one point per series and time: writing twice is
writing once. Next: `historian.sink`.
"""

from __future__ import annotations

from typing import Final

from historian import line_protocol as lp
from racktwin import drives
from racktwin.catalogue_computed import resolve
from racktwin.commands import Audit
from racktwin.messages import Prediction, Reading

# Series are as many as things have features; beyond this something is wrong, and starting over costs little.
_SERIES_KEPT: Final = 500_000
_ALERT: Final = "alert."
_EXPERIMENT: Final = "experiment"
_series: Final[dict[tuple[str | None, ...], str]] = {}
_keys: Final[dict[str, str]] = {}


def reading_line(reading: Reading) -> str:
    """The line of a reading.

    Raises:
        Unwritable: it has no line protocol form.
    """
    identity = (reading.thing, reading.feature, reading.kind, reading.room, reading.row)
    series = _series.get(identity)
    if series is None:
        series = _remember(identity, _reading_series(reading))
    parts = [f"{_key(name)}={lp.field_value(value)}" for name, value in reading.values.items()]
    if not parts:
        raise lp.Unwritable("values: expected at least one property")
    if reading.seq is not None:
        parts.append(f"seq={lp.field_value(reading.seq)}")
    if reading.quality != "good":
        parts.append(f'quality="{reading.quality}"')
    return f"{series} {','.join(parts)} {reading.observed_at}"


def of_log(reading: Reading) -> bool:
    """Whether a reading tells of something that happened, and is not one of many."""
    return reading.feature == _EXPERIMENT or reading.feature.startswith(_ALERT)


def prediction_line(prediction: Prediction) -> str:
    """The line of a prediction.

    Raises:
        Unwritable: it has no line protocol form.
    """
    p = prediction
    identity = ("prediction", p.thing, p.kind, p.room, p.row, p.model, p.target, str(p.horizon_s))
    series = _series.get(identity)
    if series is None:
        series = _remember(identity, _prediction_series(p))
    values: dict[str, lp.FieldValue] = {
        "value": p.value,
        "lo": p.lo,
        "hi": p.hi,
        "validAt": p.valid_at,
        "basedOn": p.based_on,
        "modelVersion": p.model_version,
    }
    return lp.line(series, lp.fields(values), p.issued_at)


def audit_line(audit: Audit) -> str:
    """The line of an event in a command's life.

    Raises:
        Unwritable: it has no line protocol form.
    """
    # The event is a tag, because several happen within a millisecond.
    series = lp.measurement("action" if audit.action else "command") + lp.tags(
        (
            ("thing", audit.thing),
            ("kind", audit.kind),
            ("room", audit.room),
            ("feature", None if audit.action else "control"),
            ("event", audit.event),
        )
    )
    values: dict[str, lp.FieldValue] = {"id": audit.id, "origin": audit.origin, "who": audit.who}
    for name in ("setpoint", "fanSpeed", "mode"):
        value = audit.values.get(name)
        if isinstance(value, str) if name == "mode" else isinstance(value, int | float):
            values[name] = value if isinstance(value, str) else float(value or 0.0)
    for name, text in (("rule", audit.rule), ("detail", audit.detail), ("approvedBy", audit.approved_by)):
        if text:
            values[name] = text
    if audit.by is not None:
        values["by"] = audit.by
    return lp.line(series, lp.fields(values), audit.at)


def _reading_series(reading: Reading) -> str:
    feature = resolve(reading.kind, reading.feature)
    # A feature that a newer ingest knows and we do not yet: its first part names the concern.
    measurement = feature.measurement if feature is not None else reading.feature.partition(".")[0]
    return lp.measurement(measurement) + lp.tags(
        (
            ("thing", reading.thing),
            ("kind", reading.kind),
            ("room", reading.room),
            ("row", reading.row),
            ("feature", reading.feature),
            ("disk", drives.disk_of(reading.feature)),
        )
    )


def _prediction_series(p: Prediction) -> str:
    return lp.measurement("prediction") + lp.tags(
        (
            ("thing", p.thing),
            ("kind", p.kind),
            ("room", p.room),
            ("row", p.row),
            ("feature", p.target.partition("/")[0]),
            ("model", p.model),
            ("horizon", str(p.horizon_s)),
            ("target", p.target),
        )
    )


def _remember(identity: tuple[str | None, ...], series: str) -> str:
    if len(_series) >= _SERIES_KEPT:
        _series.clear()
    _series[identity] = series
    return series


def _key(name: str) -> str:
    key = _keys.get(name)
    if key is None:
        key = lp.field_key(name)
        if len(_keys) < 10_000:
            _keys[name] = key
    return key
