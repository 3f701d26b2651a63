"""Ditto policies: the site's base, and each rack's own that imports it. Pure.

A rack's policy repeats the operator's entry, so that a rack can still be deleted when its site,
and with it the base policy, went first; Ditto also asks each policy for a writer of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rack_operator.desired import bulk
from rack_operator.desired.ownership import OPERATOR, Owner
from racktwin import names

JsonObject = dict[str, Any]
_READ_WRITE = {"grant": ["READ", "WRITE"], "revoke": []}
_READ = {"grant": ["READ"], "revoke": []}
_NO_WRITE = {"grant": [], "revoke": ["WRITE"]}
_DESIRED = "thing:/features/control/desiredProperties"


def _operator_entry(site: str, note: str, *, importable: str) -> JsonObject:
    return {
        # The second is the operator over Kafka, where it has rights on this site alone.
        "subjects": {names.OPERATOR_SUBJECT: {"type": note}, bulk.subject(site): {"type": note}},
        "resources": {"policy:/": _READ_WRITE, "thing:/": _READ_WRITE, "message:/": _READ_WRITE},
        "importable": importable,
    }


def base_policy(site: str, model_features: Iterable[str] = ()) -> JsonObject:
    """The policy that every other policy of the site imports.

    The pipeline writes features alone: attributes and policies stay the operator's. `model_features` are written by
    the models' subject, which writes nothing else, and not by the pipeline's. Each is named, since a policy knows no
    wildcards; what the deepest statement says counts.
    """
    of_models = [f"thing:/features/{name}" for name in sorted(model_features)]
    return {
        "policyId": names.base_policy(site),
        "imports": {},
        "entries": {
            "operator": _operator_entry(site, OPERATOR, importable="never"),
            "viewer": {
                "subjects": {names.VIEWER_SUBJECT: {"type": "people and dashboards"}},
                "resources": {"thing:/": _READ},
                "importable": "implicit",
            },
            "pipeline": {
                "subjects": {names.pipeline_subject(site): {"type": "telemetry and what is computed from it"}},
                "resources": {"thing:/features": _READ_WRITE, **dict.fromkeys(of_models, _NO_WRITE)},
                "importable": "implicit",
            },
            "models": {
                "subjects": {names.models_subject(site): {"type": "predictions and verdicts of models"}},
                "resources": dict.fromkeys(of_models, _READ_WRITE),
                "importable": "implicit",
            },
            "events": {
                "subjects": {names.events_subject(site): {"type": "twin events to Kafka"}},
                "resources": {"thing:/": _READ},
                "importable": "implicit",
            },
        },
    }


def own_policy(site: str, kind: names.Kind, owner: Owner) -> JsonObject:
    """The policy of one rack and of the servers in it, or of one cooling unit."""
    note = f"{OPERATOR} for {owner.kind} {owner.namespace}/{owner.name}"
    policy: JsonObject = {
        "policyId": names.thing_id(site, kind, owner.name),
        "imports": {names.base_policy(site): {"entries": []}},
        "entries": {"operator": _operator_entry(site, note, importable="implicit")},
    }
    if kind == "cooling":
        policy["entries"] |= _commands(site)
    return policy


def _commands(site: str) -> JsonObject:
    """Who may command a cooling unit: writing a desired property is a command, so telemetry must not."""
    return {
        "commands": {
            "subjects": {f"integration:racktwin-{site}-commands": {"type": "guarded commands"}},
            "resources": {"thing:/": _READ, _DESIRED: _READ_WRITE},
            "importable": "never",
        },
        "telemetry": {
            "subjects": {names.pipeline_subject(site): {"type": "telemetry reports, and does not command"}},
            "resources": {_DESIRED: _NO_WRITE},
            "importable": "never",
        },
    }
