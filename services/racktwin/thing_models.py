"""Which Thing Model describes which kind of thing, and at what URL: the names of ``thing-definitions/``.

Pure. The generator in ``definitions`` writes the models from this table and the catalogue; the operator takes a
thing's ``definition`` from here. Ditto refuses a feature that a thing's model does not name, so a thing with features
beyond its kind's usual ones (a third sensor, a second model's predictions) gets a URL that names them:
``…/rack-1.0.0.tm.jsonld?features=environment.middle,prediction.power``; the definitions server composes that model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from racktwin.catalogue_computed import resolve

VERSION: Final = "1.0.0"
SUFFIX: Final = ".tm.jsonld"
MEDIA_TYPE: Final = "application/tm+json"

MODEL_OF_KIND: Final[dict[str, str]] = {
    "rack": "rack",
    "server": "server",
    "cooling": "cooling-unit",
    "room": "room",
    "gateway": "gateway",
    "pdu": "pdu",
}

# The features of every thing of a kind. Ditto also demands that each exists (on creation it makes them, empty).
BASE_FEATURES: Final[dict[str, tuple[str, ...]]] = {
    "rack": (
        "environment.bottom",
        "environment.top",
        "power",
        "cooling",
        "indices",
        "prediction.inlet-temperature.bottom",
        "prediction.inlet-temperature.top",
        "anomaly",
        "maintenance",
        "fidelity",
        "alerts",
    ),
    "server": (
        "cpu",
        "memory",
        "disk",
        "drives",
        "network",
        "thermal",
        "fans",
        "power",
        "anomaly",
        "maintenance",
        "alerts",
        "experiment",
    ),
    "cooling": ("air", "control", "power", "anomaly", "maintenance", "alerts"),
    "room": ("environment", "indices", "fidelity", "optimisation", "alerts"),
    "gateway": ("alerts",),
    "pdu": ("power",),
}

# Where one name means different properties on different kinds.
_OWN_SUBMODEL: Final[dict[tuple[str, str], str]] = {
    ("rack", "cooling"): "rack-cooling",
    ("rack", "indices"): "rack-indices",
    ("room", "indices"): "room-indices",
    ("cooling", "power"): "cooling-power",
}


def file_name(model: str) -> str:
    """File of a model or submodel, for instance ``rack-1.0.0.tm.jsonld``."""
    return f"{model}-{VERSION}{SUFFIX}"


def submodel_of(kind: str, feature: str) -> str:
    """Submodel that describes a feature, for instance ``environment`` for ``environment.top``.

    Raises:
        ValueError: things of this kind cannot carry such a feature.
    """
    if resolve(kind, feature) is None:
        raise ValueError(f"feature {feature!r}: a thing of kind {kind!r} cannot carry it")
    head = feature.partition(".")[0]
    return _OWN_SUBMODEL.get((kind, head), head)


def feature_definition(base_url: str, kind: str, feature: str) -> str:
    """URL that stands in a feature's ``definition``.

    Raises:
        ValueError: things of this kind cannot carry such a feature.
    """
    return f"{base_url.rstrip('/')}/{file_name(submodel_of(kind, feature))}"


def thing_definition(base_url: str, kind: str, features: Iterable[str] = ()) -> str:
    """URL that stands in a thing's ``definition``, for a thing with at least the given features.

    Raises:
        ValueError: the kind has no model, or its things cannot carry one of the features.
    """
    if kind not in MODEL_OF_KIND:
        raise ValueError(f"kind {kind!r}: expected one of {', '.join(MODEL_OF_KIND)}")
    extra = sorted(set(features) - set(BASE_FEATURES[kind]))
    for feature in extra:
        submodel_of(kind, feature)
    query = f"?features={','.join(extra)}" if extra else ""
    return f"{base_url.rstrip('/')}/{file_name(MODEL_OF_KIND[kind])}{query}"
