"""`racktwin openapi`: print a document, or list them."""

from __future__ import annotations

import json
from pathlib import Path

import click
import yaml

from racktwin_cli import show
from racktwin_cli.failures import Failure

FOLDER = Path(__file__).parent


@click.command("openapi")
@click.argument("name", required=False)
@click.option("--yaml", "as_yaml", is_flag=True, help="As YAML.")
def openapi(name: str | None, as_yaml: bool) -> None:
    """Print the OpenAPI document of NAME; without one, list what there is."""
    there = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
    if name is None:
        rows = []
        for stem, path in there.items():
            body = json.loads(path.read_text(encoding="utf-8"))
            rows.append((stem, str(len(body["paths"])), body["info"]["title"]))
        show.as_table(("name", "paths", "title"), rows)
        return
    if name not in there:
        raise Failure(f"{name}: there is no such document", f"one of {', '.join(there)}")
    text = there[name].read_text(encoding="utf-8")
    click.echo(yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True) if as_yaml else text, nl=False)
