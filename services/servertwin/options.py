"""Options that several commands have, and what becomes of them. Next: the commands."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Duration(click.ParamType[float]):
    """A time such as 500ms, 30s, 5m, 2h; a bare number is seconds. Gives seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds of a text; numbers are seconds already."""
        text = str(value).strip()
        for unit, factor in sorted(_UNITS.items(), key=lambda item: -len(item[0])):
            if text.endswith(unit):
                text, scale = text[: -len(unit)], factor
                break
        else:
            scale = 1.0
        try:
            seconds = float(text) * scale
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < float("inf"):
            self.fail(f"{value!r}: expected for instance 500ms, 30s, 5m or 2h", param, ctx)
        return seconds


class Size(click.ParamType[int]):
    """An amount of bytes such as 200MB, 1GiB; a bare number is bytes."""

    name = "size"
    _UNITS: Final = {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "kb": 10**3, "mb": 10**6, "gb": 10**9, "b": 1}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes of a text; numbers are bytes already."""
        text = str(value).strip().lower()
        factor = 1
        for unit, size in self._UNITS.items():
            if text.endswith(unit):
                text, factor = text[: -len(unit)], size
                break
        try:
            size = round(float(text) * factor)
        except (ValueError, OverflowError):
            size = 0
        if size <= 0:
            self.fail(f"{value!r}: expected for instance 200MB or 1GiB", param, ctx)
        return size


def config_option(function: F) -> F:
    """`--config`."""
    return click.option(
        "--config", "config_file", type=FILE, help="config.yaml; RACKTWIN_SERVER_CONFIG names one too."
    )(function)


def json_option(function: F) -> F:
    """`--json`."""
    return click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")(function)


def say(text: str) -> None:
    """A line for people."""
    click.echo(text, err=True)


def print_json(document: Any) -> None:
    """One JSON document on one line."""
    click.echo(json.dumps(document, separators=(",", ":")))


def stop_on_signals() -> threading.Event:
    """An event that Ctrl-C and TERM set (and CTRL_BREAK on Windows)."""
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"):
        number = getattr(signal, name, None)
        # Under nohup the end of the terminal is no reason to stop.
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, lambda *_: stop.set())
    return stop


def stop_when_input_ends(stop: threading.Event) -> None:
    """Set the event when standard input ends: whoever started this process is gone."""

    def watch() -> None:
        # Read past Python's buffers: nothing is said on it, only its end counts.
        while os.read(sys.stdin.fileno(), 4096):
            pass
        stop.set()

    threading.Thread(target=watch, name="tied", daemon=True).start()
