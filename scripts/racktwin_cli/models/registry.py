"""`racktwin models`: what the registry holds, how good it is, what serves and how that does; promote and roll back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from racktwin_cli import show
from racktwin_cli.failures import Failure
from racktwin_cli.models import scores

if TYPE_CHECKING:
    from models.registry import Registry

_NEXT = "name it with --registry or RACKTWIN_REGISTRY_URL: a directory, or s3://bucket/prefix"


@contextmanager
def _opened(url: str) -> Iterator[Registry]:
    from models.registry import Registry, RegistryError  # noqa: PLC0415 - fsspec is heavy: only when it is used

    try:
        yield Registry(url)
    except RegistryError as error:
        raise Failure(str(error), _NEXT if not url else "`racktwin models` lists what there is") from error


@click.group("models", invoke_without_command=True)
@click.option("--registry", "url", envvar="RACKTWIN_REGISTRY_URL", default="", metavar="URL", help="The registry.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
@click.pass_context
def models(context: click.Context, url: str, json_wanted: bool) -> None:
    """Trained models: versions, scores, what serves.

    Without a command: all versions with the scores of their tests, and of each that serves, how its predictions came
    true in the last hours, by horizon, and whether it drifts or is paused.
    """
    context.obj = url
    if context.invoked_subcommand is not None:
        return
    with _opened(url) as registry:
        names = registry.models()
        rows = [row for name in names for row in _rows(registry, name)]
        serving = [row for name in names if (row := scores.serving(registry, name)) is not None]
    if json_wanted:
        show.as_json({"models": rows, "serving": serving})
        return
    show.as_table(
        ("model", "version", "made", "history", "score", "coverage", "serves"),
        [
            (
                row["model"],
                row["version"],
                row["created"],
                row["history"],
                row["score"],
                "" if row["coverage"] is None else f"{row['coverage']:.1%}",
                "now" if row["serves"] else "",
            )
            for row in rows
        ],
    )
    if serving:
        click.echo()
        show.as_table(scores.COLUMNS, [cells for row in serving for cells in scores.cells(row)])
    for row in serving:
        if row["reason"]:
            click.echo(f"{row['model']}: {row['reason']}")


models.add_command(scores.scores)


@models.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--promote", "serve", is_flag=True, help="Let each serve at once, whatever serves now.")
@click.option("--reason", default="by hand", show_default=True, help="Why they are to serve.")
@click.pass_obj
def publish(url: str, folders: tuple[Path, ...], serve: bool, reason: str) -> None:
    """Put the FOLDERS of trained models into the registry; without --promote they do not serve yet."""
    with _opened(url) as registry:
        for folder in folders:
            made = registry.publish(folder)
            name = made.definition.name
            if serve:
                registry.promote(name, made.version, at_ms=_now_ms(), by="person", reason=reason)
            click.echo(f"{name} {made.version}{' serves' if serve else ''}")


@models.command()
@click.argument("model")
@click.argument("version")
@click.option("--reason", default="by hand", show_default=True)
@click.pass_obj
def promote(url: str, model: str, version: str, reason: str) -> None:
    """Let VERSION of MODEL serve; runners take it up within seconds. One that is paused predicts again."""
    with _opened(url) as registry:
        pointer = registry.promote(model, version, at_ms=_now_ms(), by="person", reason=reason)
    click.echo(f"{model}: {pointer.version} serves")


@models.command()
@click.argument("model")
@click.option("--version", default="", metavar="VERSION", help="One that a TwinModel stays at; default: what serves.")
@click.pass_obj
def resume(url: str, model: str, version: str) -> None:
    """Let what serves of MODEL predict again after a pause; it is judged anew, by predictions made from now on."""
    with _opened(url) as registry:
        pointer = registry.pointer(model)
        if not version and pointer is None:
            raise Failure(f"model {model}: nothing serves", "name a version with --version, or promote one")
        chosen = version or (pointer.version if pointer is not None else "")
        registry.resume(model, chosen, at_ms=_now_ms())
    click.echo(f"{model}: {chosen} predicts again")


@models.command()
@click.argument("model")
@click.option("--reason", default="by hand", show_default=True)
@click.pass_obj
def rollback(url: str, model: str, reason: str) -> None:
    """Let the version of MODEL serve again that served before."""
    with _opened(url) as registry:
        pointer = registry.rollback(model, at_ms=_now_ms(), reason=reason)
    click.echo(f"{model}: {pointer.version} serves again")


def _rows(registry: Registry, name: str) -> list[dict[str, Any]]:
    pointer = registry.pointer(name)
    rows = []
    for made in registry.versions(name):
        overall = made.metrics.get("overall", {})
        skill, f1 = overall.get("skill"), made.metrics.get("f1", overall.get("f1"))
        rows.append(
            {
                "model": name,
                "version": made.version,
                "created": datetime.fromtimestamp(made.created / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
                "history": made.training.get("history", ""),
                "score": f"skill {skill:.2f}" if skill is not None else (f"F1 {f1:.2f}" if f1 is not None else ""),
                "coverage": overall.get("coverage", overall.get("lifeCoverage")),
                "serves": pointer is not None and pointer.version == made.version,
            }
        )
    return rows


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
