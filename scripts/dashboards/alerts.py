"""Grafana's alert rules: one for each rule of `alerting`, on what that has found. Pure.

`alerting` judges with hysteresis and each rack's class, so Grafana has nothing to judge: a rule here fires for a thing
whose newest record of the measurement ``alert`` says that it fires. Contact points and policies are the chart's values.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from alerting.rules import RULES, Rule
from racktwin.history import log_bucket

# The chart writes the site's name in.
SITE: Final = "@site@"
_FOLDER: Final = "Racktwin"
# An alert stays open for as long as nobody mends what is wrong.
_LOOK_BACK_DAYS: Final = 365
_LOOK_BACK_S: Final = _LOOK_BACK_DAYS * 86_400


def query(rule: Rule) -> str:
    """1 or 0 for each thing that the rule fired for within a year, labelled with what was wrong and since when.

    Both labels keep what the newest begin said until the next one, so that a series is the same when it is clear.
    """
    return (
        'import "internal/debug"\n'
        f'from(bucket: "{log_bucket(SITE)}")\n  |> range(start: -{_LOOK_BACK_DAYS}d)\n'
        f'  |> filter(fn: (r) => r._measurement == "alert" and r.feature == "alert.{rule.name}")\n'
        '  |> filter(fn: (r) => r._field == "firing" or r._field == "text")\n'
        '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")\n'
        "  |> filter(fn: (r) => exists r.firing)\n"
        "  |> map(fn: (r) => ({r with\n"
        '    what: if r.firing > 0.5 then r.text else debug.null(type: "string"),\n'
        '    since: if r.firing > 0.5 then string(v: r._time) else debug.null(type: "string"),\n'
        "  }))\n"
        '  |> fill(column: "what", usePrevious: true)\n  |> fill(column: "since", usePrevious: true)\n'
        '  |> tail(n: 1)\n  |> rename(columns: {firing: "_value"})\n'
        '  |> group(columns: ["thing", "room", "what", "since"])\n'
        '  |> keep(columns: ["_time", "_value", "thing", "room", "what", "since"])'
    )


# Where each kind of thing is looked at: a dashboard and its variables.
_PAGES: Final = {
    "rack": "/d/racktwin-room?var-site=@site@&var-room={{ .Labels.room }}",
    "cooling": "/d/racktwin-cooling?var-site=@site@",
}
_PAGES_OF_RULES: Final = {
    "sensor-faulty": "/d/racktwin-maintenance?var-site=@site@",
    "sensor-stale": "/d/racktwin-pipeline?var-site=@site@",
    "maintenance-due": "/d/racktwin-maintenance?var-site=@site@",
    "anomaly": "/d/racktwin-maintenance?var-site=@site@",
    "fidelity-worse": "/d/racktwin-fidelity?var-site=@site@",
    "model-drifting": "/d/racktwin-models?var-site=@site@",
    "readings-lost": "/d/racktwin-pipeline?var-site=@site@",
    "certificates": "/d/racktwin-pipeline?var-site=@site@",
}

# How a message reads. No dollar sign in it: provisioning would take it for a variable.
TEMPLATES: Final = """\
{{ define "racktwin.title" -}}
{{ if .Alerts.Firing }}{{ len .Alerts.Firing }} wrong{{ end -}}
{{ if and .Alerts.Firing .Alerts.Resolved }}, {{ end -}}
{{ if .Alerts.Resolved }}{{ len .Alerts.Resolved }} over{{ end -}}
{{ " " }}at {{ .CommonLabels.site }}: {{ .CommonLabels.alertname }}
{{- end }}
{{ define "racktwin.message" -}}
{{ range .Alerts }}
{{ if eq .Status "firing" }}WRONG{{ else }}OVER{{ end }} ({{ .Labels.severity }}): {{ .Annotations.summary }}
What: {{ .Annotations.what }}
Where: {{ .Annotations.where }}
Since: {{ .Annotations.since }}{{ if ne .Status "firing" }}, until {{ .EndsAt }}{{ end }}
What to do: {{ .Annotations.description }}
Dashboard: {{ .Annotations.dashboard }}
Console: {{ .Annotations.console }}
{{ end }}
{{- end }}
"""


def templates() -> str:
    """The provisioning file of the messages' templates."""
    body = {"apiVersion": 1, "templates": [{"orgId": 1, "name": "racktwin", "template": TEMPLATES}]}
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120)


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
            "summary": rule.title,
            # Not `$labels`: provisioning would take it for a variable of the environment, and leave nothing.
            "what": "{{ .Labels.what }}",
            "where": "{{ .Labels.thing }}{{ with .Labels.room }}, in {{ . }}{{ end }}",
            "since": "{{ .Labels.since }}",
            # As a shell's `$(date)`: twice is once where variables are filled in.
            "description": rule.action.replace("$", "$$"),
            "dashboard": "@grafana@" + _PAGES_OF_RULES.get(rule.name, _PAGES.get(rule.kinds[0], "/d/racktwin-site")),
            "console": f"@console@/alerts/{SITE}",
        },
    }


def _expression(ref: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref,
        "relativeTimeRange": {"from": _LOOK_BACK_S, "to": 0},
        "datasourceUid": "__expr__",
        "model": {"refId": ref, "datasource": {"type": "__expr__", "uid": "__expr__"}, **model},
    }
