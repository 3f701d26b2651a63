"""The rest of the catalogue: features that our own processes write onto twins, never devices.

Predictions, scores, indices, fidelity, scenarios. Pure data, apart from :mod:`racktwin.catalogue` so that
``feature_of`` there stays the list of what a device may report. The Thing Models take both.
"""

from __future__ import annotations

from typing import Final

from racktwin.catalogue import Cadence, Feature, Property, feature_of


def _computed(
    name: str,
    title: str,
    kinds: tuple[str, ...],
    measurement: str,
    cadence: Cadence,
    *properties: Property,
    family: bool = False,
) -> Feature:
    return Feature(name, title, kinds, measurement, cadence, properties, reported=False, family=family)


def _number(name: str, unit: str | None, title: str, low: float | None = 0.0, high: float | None = None) -> Property:
    return Property(name, unit, title, low, high, derived=True)


def _text(name: str, title: str, *enum: str) -> Property:
    return Property(name, None, title, type="string", derived=True, enum=enum)


def _time(name: str, title: str) -> Property:
    return Property(name, "ms", f"{title}, epoch milliseconds UTC", type="integer", derived=True)


def _object(name: str, title: str) -> Property:
    return Property(name, None, title, type="object", derived=True)


_HARDWARE = ("rack", "server", "cooling")

COMPUTED: Final[tuple[Feature, ...]] = (
    _computed(
        "prediction",
        "What a model expects",
        (*_HARDWARE, "room"),
        "prediction",
        "slow",
        _text("target", "Predicted property, as feature/property"),
        _number("horizon", "s", "How far ahead of the issue", 0.0, 604800.0),
        # No unit and no range of its own: a model may predict any property, so the target's hold.
        _number("value", None, "Expected value, in the target's unit", None),
        _number("lo", None, "Lower bound of the stated interval, in the target's unit", None),
        _number("hi", None, "Upper bound of the stated interval, in the target's unit", None),
        _text("modelVersion", "Version of the model"),
        _time("issuedAt", "When the prediction was made"),
        _time("basedOn", "Observation time of the newest input"),
        _time("expiresAt", "After this the prediction says nothing"),
        # Horizon in seconds -> {value, lo, hi}.
        _object("ahead", "The same at the model's other horizons"),
        family=True,
    ),
    _computed(
        "indices",
        "Thermal indices of the rack",
        ("rack",),
        "score",
        "slow",
        _number("shi", "1", "Supply heat index", 0.0, 1.0),
        _number("beta", "1", "Recirculation index beta", -10.0, 100.0),
        _number("rciHiContribution", "%", "Contribution to the room's rack cooling index (high)", 0.0, 1000.0),
        _text("ashraeState", "Inlet against the ASHRAE class", "recommended", "allowable", "out"),
        _text("ashraeClass", "ASHRAE class that the state was judged by"),
    ),
    _computed(
        "indices",
        "Thermal and energy indices of the room",
        ("room",),
        "score",
        "slow",
        # One-sided sums over a fixed span: a hot enough room takes either index below zero.
        _number("rciHi", "%", "Rack cooling index, high", -10000.0, 100.0),
        _number("rciLo", "%", "Rack cooling index, low", -10000.0, 100.0),
        Property("n", "1", "Inlet samples behind the cooling indices", 0.0, type="integer", derived=True),
        _number("rti", "%", "Return temperature index", 0.0, 1000.0),
        _number("shi", "1", "Supply heat index", 0.0, 1.0),
        _number("rhi", "1", "Return heat index", 0.0, 1.0),
        _number("powerUsageRatio", "1", "Total power over IT power now (PUE is a year's energy)", 0.0, 1000.0),
        # {value, window, category}: there only once a year of energy is.
        _object("pue", "Power usage effectiveness of a year"),
        _number("aclf", "1", "Energy of air cooling over energy of IT", 0.0, 1000.0),
        _number("cue", "kg/(kW.h)", "Carbon usage effectiveness", 0.0, 1000.0),
        _number("wue", "L/(kW.h)", "Water usage effectiveness", 0.0, 1000.0),
    ),
    _computed(
        "anomaly",
        "How unusual the thing's behaviour is",
        _HARDWARE,
        "score",
        "slow",
        _number("score", "1", "Anomaly score, 1 is most unusual", 0.0, 1.0),
        _text("state", "Verdict", "normal", "suspect", "anomalous"),
        _text("cause", "Most likely cause"),
        _object("evidence", "What the verdict rests on"),
        _time("expiresAt", "After this the verdict says nothing"),
    ),
    _computed(
        "maintenance",
        "What needs attention",
        _HARDWARE,
        "score",
        "slow",
        _number("score", "1", "Urgency, 1 is most urgent", 0.0, 1.0),
        _text("state", "Verdict", "none", "planned", "due"),
        _text("cause", "Part and reason"),
        _number("remainingUsefulLife", "h", "Expected time until failure", 0.0, 1e6),
        _object("evidence", "What the verdict rests on"),
        _time("expiresAt", "After this the verdict says nothing"),
    ),
    _computed(
        "drives",
        "Disks of the server",
        ("server",),
        "smart",
        "slow",
        # Name -> what ``drive.<name>`` carries, with its quality and observedAt.
        _object("disks", "What each disk tells, by name"),
    ),
    _computed(
        "sensing",
        "Whether the thing's sensors can be believed",
        _HARDWARE,
        "score",
        "slow",
        _number("score", "1", "Score of the likeliest sensor fault, 1 is surest", 0.0, 1.0),
        _text("state", "Verdict", "normal", "suspect", "anomalous"),
        _text("cause", "Most likely fault, and of which sensor"),
        _object("evidence", "What the verdict rests on"),
        _time("expiresAt", "After this the verdict says nothing"),
    ),
    _computed(
        "scorecard",
        "How good the predictions for this thing were, once their time had come",
        _HARDWARE,
        "score",
        "slow",
        # Model -> feature of its prediction -> horizon -> {count, mae, bias, skill, coverage}.
        _object("models", "Scores by model, target and horizon"),
        _time("scoredAt", "When the newest prediction in it was scored"),
    ),
    _computed(
        "expectation",
        "What the calibrated room model expects at the rack's inlets; in history alone, where the model is trusted",
        ("rack",),
        "expectation",
        "slow",
        *(
            _number(
                f"{place}{seconds}", "Cel", f"Air at the rack's front, {place}, in {seconds // 60} min", -40.0, 125.0
            )
            for seconds in (300, 900, 1800)
            for place in ("bottom", "top")
        ),
    ),
    _computed(
        "fidelity",
        "How well the twin's physics fits the measurements",
        ("rack", "room"),
        "score",
        "slow",
        _number("rmse", "K", "Root mean square error", 0.0, 1000.0),
        _number("bias", "K", "Mean error, model minus measurement", -1000.0, 1000.0),
        _number("nmbe", "%", "Normalised mean bias error", -1e5, 1e5),
        _number("cvrmse", "%", "Coefficient of variation of the error", 0.0, 1e5),
        _number("forecastRmse", "K", "Root mean square error of what was expected 15 minutes before", 0.0, 1000.0),
        _number("skill", "1", "1 - MSE/MSE of persistence, 15 minutes ahead", -1e6, 1.0),
        _text("state", "Whether the model has had time to learn the room", "learning", "settled"),
        _time("calibratedAt", "Last calibration"),
        _object("parameters", "Calibrated parameters"),
    ),
    _computed(
        "alerts",
        "What is wrong now",
        (*_HARDWARE, "room", "gateway", "site"),
        "alert",
        "event",
        # Rule -> {severity, since, value, limit, text, acknowledgedBy}; a rule that does not fire is absent.
        _object("open", "Alerts that fire now, by rule"),
    ),
    _computed(
        "alert",
        "History of a rule's alerts",
        (*_HARDWARE, "room", "gateway", "site"),
        "alert",
        "event",
        _text("state", "What happened", "firing", "cleared", "acknowledged"),
        _number("firing", "1", "1 from when it fires, 0 from when it is clear", 0.0, 1.0),
        _text("severity", "How bad it is", "info", "warning", "critical"),
        _number("value", None, "What was measured, in the rule's unit", None),
        _number("limit", None, "What it was held against", None),
        _text("text", "What and where, for people"),
        _text("who", "Who acknowledged it"),
        family=True,
    ),
    _computed(
        "hops",
        "What the processes of the pipeline say of themselves",
        ("site",),
        "pipeline",
        "slow",
        # Process -> {hop, at, missing}; see `racktwin.hops`.
        _object("processes", "Numbers missing at each process, and when it said so"),
    ),
    _computed(
        "pipeline",
        "What passed through a process of the pipeline within its last interval",
        ("site",),
        "pipeline",
        "slow",
        _number("received", "1", "Messages or records taken"),
        _number("written", "1", "Readings or points written"),
        _number("rejected", "1", "Records refused"),
        _number("repeated", "1", "Readings that had come before"),
        _number("late", "1", "Readings older than the newest of their series"),
        _number("missing", "1", "Numbers of devices skipped since its start and not come since"),
        _number("lag", "s", "Mean age of what it took"),
        family=True,
    ),
    _computed(
        "model",
        "How a model that serves the site does, over all things",
        ("site",),
        "model",
        "slow",
        _text("version", "Version that serves"),
        _text("state", "Verdict", "well", "drifting", "paused"),
        _text("reason", "Why it drifts or is paused"),
        _number("skill", "1", "1 - MSE/MSE of persistence, of late", -1e6, 1.0),
        _number("coverage", "1", "Share of truths inside the stated interval, of late", 0.0, 1.0),
        _number("mae", None, "Mean absolute error of late, in the target's unit", 0.0),
        _number("count", "1", "Predictions scored"),
        family=True,
    ),
    _computed(
        "certificates",
        "When the certificates that are watched end",
        ("site",),
        "pipeline",
        "slow",
        _number("daysLeft", "d", "Days until the first of them ends", None),
        _text("first", "Where that one is"),
        _object("ends", "End of each, epoch milliseconds UTC"),
    ),
    _computed(
        "optimisation",
        "How the room's cooling could be set better, or is",
        ("room",),
        "score",
        "slow",
        _text("mode", "Whether proposals are only made, or carried out", "off", "advise", "closed-loop"),
        _text("instance", "Process that optimises the room"),
        _time("at", "When it last looked at the room"),
        _text("state", "Where it stands", "none", "proposed", "applied", "infeasible", "failed"),
        _text("proposal", "Id of the proposal"),
        _number("horizon", "s", "How far ahead it looked", 0.0, 604800.0),
        # Unit (thing id) -> {setpoint, fanSpeed, setpointNow, fanSpeedNow}.
        _object("settings", "What it proposes for each cooling unit"),
        _number("powerNow", "W", "Cooling power if nothing is changed", 0.0, 1e9),
        _number("powerThen", "W", "Cooling power with the proposal", 0.0, 1e9),
        _number("saving", "%", "Saving of cooling power, of what it is now", -1e5, 100.0),
        _number("margin", "K", "Distance to the limits that is kept because the model errs", 0.0, 100.0),
        _number("hottest", "Cel", "Hottest inlet expected with the proposal", -40.0, 125.0),
        _number("hottestNow", "Cel", "Hottest inlet expected if nothing is changed", -40.0, 125.0),
        _number("solveTime", "ms", "Time the solver took", 0.0, 1e7),
        _object("givesUp", "Limits that cannot be kept, and by how much"),
        _text("objective", "What is kept low", "energy", "cost", "carbon"),
        _number("costNow", None, "What cooling costs an hour if nothing is changed, by tariff or carbon series", None),
        _number("costThen", None, "The same with the proposal", None),
        _time("decidedAt", "When it last knew what to do, while it controls the room"),
        _text("why", "In words"),
        # Written by people as a desired property: {proposal, who, at, why, settings: unit -> {setpoint, fanSpeed}}.
        _object("left", "The last proposal that somebody did not want"),
    ),
    _computed(
        "scenario",
        "A what-if, a replay or an optimisation of the room",
        ("room",),
        "score",
        "event",
        _time("baseTime", "State that the scenario starts from"),
        _object("overrides", "What it changes"),
        _object("results", "References to its results, never live values"),
        _text("state", "Where it stands", "pending", "running", "done", "failed"),
        family=True,
    ),
)

# Features and families that models' runners write, and no other process may.
BY_MODELS: Final = frozenset({"prediction", "anomaly", "sensing"})

# What a cooling unit's ``control`` carries beside its set-points: see `racktwin.commands`.
REQUEST: Final = _object("request", "Who asks for the desired values, and on what terms")
LAST_COMMAND: Final = _object("lastCommand", "The last command and its acknowledgement")

_BY_KIND: Final[dict[str, dict[str, Feature]]] = {}
for _feature in COMPUTED:
    for _kind in _feature.kinds:
        _BY_KIND.setdefault(_kind, {})[_feature.name] = _feature


def computed_of(kind: str) -> dict[str, Feature]:
    """Features and families that our own processes write on a thing of this kind, by name."""
    return _BY_KIND.get(kind, {})


def is_of_models(name: str) -> bool:
    """Whether a feature is one that models alone write: ``anomaly``, ``prediction.rack-power.power``."""
    return name.partition(".")[0] in BY_MODELS


def resolve(kind: str, name: str) -> Feature | None:
    """The feature or family behind any feature id that may stand on a twin, or None.

    ``prediction.inlet-temperature.top`` resolves to the family ``prediction``; a family's bare name to nothing.
    """
    reported = feature_of(kind, name)
    if reported is not None:
        return reported
    head, _, rest = name.partition(".")
    found = computed_of(kind).get(head)
    if found is None or found.family != bool(rest) or (not rest and head != name):
        return None
    return found
