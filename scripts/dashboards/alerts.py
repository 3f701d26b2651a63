"""Grafana's alert rules: one for each rule of `alerting`, on what that has found. Pure.

`alerting` judges with hysteresis and each rack's class, so Grafana has nothing to judge: a rule here fires for a thing
whose newest record of the measurement ``alert`` says that it fires. Contact points and policies are the chart's values.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from alerting.rules import RULES, Rule

# The chart writes the site's name in.
SITE: Final = "@site@"
_FOLDER: Final = "Racktwin"
_LOOK_BACK_S: Final = 30 * 86_400


def query(rule: Rule) -> str:
    """1 or 0 for each thing that the rule ever fired for."""
    return (
        f'from(bucket: "{SITE}")\n  |> range(start: -30d)\n'
        '  |> filter(fn: (r) => r._measurement == "alert" and r._field == "firing")\n'
        f'  |> filter(fn: (r) => r.feature == "alert.{rule.name}")\n'
        '  |> last()\n  |> keep(columns: ["_time", "_value", "thing", "room"])'
    )


def provisioning() -> str:
    """The provisioning file."""
    group: dict[str, Any] = {
        "orgId": 1,
        "name": "racktwin",
        "folder": _FOLDER,
        "interval": "30s",
        "rules": [_rule(rule) for rule in RULES],
    }
    return yaml.safe_dump({"apiVersion": 1, "groups": [group]}, sort_keys=False, allow_unicode=True, width=120)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "uid": f"racktwin-{rule.name}",
        "title": rule.title,
        "condition": "C",
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": {"from": _LOOK_BACK_S, "to": 0},
                "datasourceUid": "racktwin",
                "model": {"refId": "A", "query": query(rule), "intervalMs": 1000, "maxDataPoints": 1000},
            },
            _expression("B", {"type": "reduce", "expression": "A", "reducer": "last"}),
            _expression(
                "C",
                {
                    "type": "threshold",
                    "expression": "B",
                    "conditions": [{"evaluator": {"type": "gt", "params": [0.5]}, "type": "query"}],
                },
            ),
        ],
        # It has waited already where it was judged.
        "for": "0s",
        "noDataState": "OK",
        "execErrState": "Error",
        "labels": {"severity": rule.severity, "rule": rule.name, "site": SITE},
        "annotations": {
            "summary": rule.title + ": {{ $labels.thing }}",
            "description": rule.action,
            "dashboard": "/d/racktwin-maintenance",
        },
    }


def _expression(ref: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref,
        "relativeTimeRange": {"from": _LOOK_BACK_S, "to": 0},
        "datasourceUid": "__expr__",
        "model": {"refId": ref, "datasource": {"type": "__expr__", "uid": "__expr__"}, **model},
    }
