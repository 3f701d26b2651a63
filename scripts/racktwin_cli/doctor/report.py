"""Examination and verdicts -> a document for programs, rows and lines for people. Pure.

Next: `racktwin_cli.doctor.command` prints it.
"""

from __future__ import annotations

from typing import Any

from racktwin_cli.doctor.diagnosis import Verdict
from racktwin_cli.doctor.evidence import BEFORE, TITLES, expected
from racktwin_cli.doctor.examination import Examination
from racktwin_cli.show import clock


def hops_of(examination: Examination, verdicts: list[Verdict]) -> list[dict[str, Any]]:
    """Each hop in order: `state` passed, broken, not reached or not judged (passed unseen); times where it was seen."""
    evidence, broken = examination.evidence, {verdict.hop for verdict in verdicts}
    found: list[dict[str, Any]] = []
    for hop in expected(evidence):
        seen = evidence.sightings.get(hop)
        row: dict[str, Any] = {"hop": hop.value, "what": TITLES[hop]}
        if seen is not None:
            row |= {"state": "passed", "at": seen.at_ms, "afterMs": seen.at_ms - examination.started_ms}
            row["where"] = seen.where
        elif hop in broken:
            row["state"] = "broken"
        else:
            before = BEFORE.get(hop)
            row["state"] = "not reached" if before is not None and before not in evidence.sightings else "not seen"
        found.append(row)
    return found


def document(examination: Examination, verdicts: list[Verdict]) -> dict[str, Any]:
    """Everything, for `--json`."""
    marked, evidence = examination.marked, examination.evidence
    return {
        "healthy": not verdicts,
        "site": evidence.site,
        "thing": evidence.thing,
        "sentAs": evidence.login,
        "feature": marked.feature,
        "values": marked.values,
        "estimated": marked.estimated,
        "observedAt": marked.observed_at,
        "hops": hops_of(examination, verdicts),
        "verdicts": [
            {"hop": v.hop.value, "code": v.code, "cause": v.cause, "look": v.look} for v in verdicts
        ],
    }  # fmt: skip


def rows(examination: Examination, verdicts: list[Verdict]) -> list[tuple[str, str, str, str, str]]:
    """Table rows: hop, state, time, milliseconds since it was sent, where."""
    return [
        (
            row["what"],
            row["state"],
            clock(row["at"]) if "at" in row else "",
            f"{row['afterMs']} ms" if "afterMs" in row else "",
            row.get("where", ""),
        )
        for row in hops_of(examination, verdicts)
    ]


def conclusion(examination: Examination, verdicts: list[Verdict]) -> list[str]:
    """The lines below the table."""
    lines = []
    if examination.marked.estimated:
        lines.append(
            "The value was given, or the twin's is not fresh: the reading said quality: estimated. Models leave such "
            "out, so predictions were not examined."
        )
    elif not examination.evidence.runners:
        lines.append("No model of the site predicts from this feature, so predictions were not examined.")
    if not verdicts:
        lines.append("Every hop passed.")
    for verdict in verdicts:
        lines += [
            f"It stops at: {TITLES[verdict.hop]} ({verdict.code}).",
            f"  {verdict.cause}",
            f"  look: {verdict.look}",
        ]
    return lines
