"""Results on standard output: a table for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text


def as_json(document: Any) -> None:
    """One JSON document on one line."""
    click.echo(msgspec.json.encode(document))


def as_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table; texts are printed as they are, without markup."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # A pipe has no width; lines cut to 80 columns would lose what is looked for.
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def clock(epoch_ms: float) -> str:
    """Time of day UTC with milliseconds."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]


def moment(epoch_ms: float) -> str:
    """Date and time UTC, to the second."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
