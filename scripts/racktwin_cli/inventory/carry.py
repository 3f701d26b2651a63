"""A plan for people: printed, written as files, or carried out on the cluster. Next: Kubernetes, the operator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inventory import documents
from inventory.cluster import ClusterError, Resources
from inventory.plan import Change, Plan
from inventory.wanted import Document
from racktwin_cli import show
from racktwin_cli.failures import FOUND, Failure, one_line
from racktwin_cli.kube import Cluster

_SIGNS = {"create": "+", "update": "~", "remove": "-", "gone": "?"}


def current(site: str, against: Path | None) -> list[Document]:
    """The resources there are: of the cluster, or of YAML files.

    Raises:
        Failure: they cannot be read.
    """
    try:
        if against is not None:
            return documents.read(against) if against.exists() else []
        return Resources(Cluster().resources()).read(site)
    except (OSError, ValueError) as error:
        raise Failure(f"{against}: {one_line(error)}", "give a folder of YAML files with --against") from error
    except ClusterError as error:
        raise Failure(one_line(error), "is it the right cluster? --against FOLDER compares with files") from error


def as_json(plan: Plan, written: dict[str, Any] | None = None) -> dict[str, Any]:
    """The plan as one JSON document."""
    return {
        "site": plan.site,
        "changes": [
            {
                "action": change.action,
                "kind": change.document["kind"],
                "name": change.document["metadata"]["name"],
                "fields": [{"path": field.path, "old": field.old, "new": field.new} for field in change.fields],
            }
            for change in plan.changes
        ],
        "unchanged": plan.unchanged,
        "problems": [
            {"object": problem.object, "field": problem.field, "message": problem.message} for problem in plan.problems
        ],
        "notes": plan.notes,
        **(written or {}),
    }


def tell(plan: Plan) -> None:
    """The plan in lines: what would change, then what cannot be taken over."""
    for change in plan.changes:
        click.echo(f"{_SIGNS[change.action]} {change.name}{_why(change)}")
        for field in change.fields[:20]:
            click.echo(f"    {field}")
        if len(change.fields) > 20:
            click.echo(f"    … and {len(change.fields) - 20} more fields")
    for note in plan.notes:
        click.echo(f"note: {note}")
    for problem in plan.problems:
        click.echo(f"problem: {problem}")
    counts = {action: sum(change.action == action for change in plan.changes) for action in _SIGNS}
    click.echo(
        f"{counts['create']} to create, {counts['update']} to update, {counts['remove']} to remove, "
        f"{counts['gone']} gone and kept, {plan.unchanged} as they should be, {len(plan.problems)} problem(s)"
    )


def carry_out(plan: Plan) -> int:
    """Make the changes on the cluster; how many.

    Raises:
        Failure: the API server refused one; those before it are made.
    """
    resources = Resources(Cluster().resources())
    done = 0
    for change in plan.pending():
        try:
            resources.carry_out(change)
        except ClusterError as error:
            raise Failure(
                f"{one_line(error, 500)} ({done} of {len(plan.pending())} changes were made)",
                "mend what is named and run it again: it goes on where it stopped",
            ) from error
        done += 1
    return done


def write(plan: Plan, folder: Path, there: list[Document]) -> list[Path]:
    """Write all resources as they would be after the plan.

    Raises:
        Failure: the folder cannot be written.
    """
    after = {(doc["kind"], doc["metadata"]["name"]): doc for doc in there}
    for change in plan.pending():
        key = (change.document["kind"], change.document["metadata"]["name"])
        if change.action == "remove":
            after.pop(key, None)
        else:
            after[key] = change.document
    try:
        return documents.write(folder, after.values())
    except OSError as error:
        raise Failure(f"{folder}: {error.strerror}", "give a folder that can be written") from error


def report(context: click.Context, plan: Plan, done: dict[str, Any], json_wanted: bool, hint: str) -> None:
    """Print a plan and what was done with it; exit code 3 where something is left to do."""
    if json_wanted:
        show.as_json(as_json(plan, done))
    else:
        tell(plan)
        for path in done.get("files", ()):
            click.echo(f"wrote {path}")
        if "applied" in done:
            click.echo(f"{done['applied']} change(s) made")
        elif plan.pending() and "files" not in done:
            click.echo(f"next: {hint}")
        if done.get("writtenBack"):
            click.echo(
                f"{done['writtenBack']} object(s) of NetBox {'changed' if 'applied' in done else 'would change'}"
            )
    if plan.problems or (plan.pending() and not ({"applied", "files"} & set(done))):
        context.exit(FOUND)


def _why(change: Change) -> str:
    if change.action == "gone":
        return f" ({change.label}): gone from the source, kept"
    return f" <- {change.label}" if change.label and change.action != "remove" else ""
