"""What an artefact is: a name, a version, a reason, and a recipe that fills one folder.

The folder's name holds a digest of the recipe, so a changed recipe builds anew and an unchanged one never does. The
builder (`builder.py`) owns locks, temporary folders and parallelism; a recipe only runs commands through the
`Workshop` it is given.
"""

import dataclasses
import hashlib
import json
import os
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from local_stack import paths


class BuildError(Exception):
    """An artefact could not be made. The text names the log file and the next step."""


class Children:
    """The commands that run now, so that an interrupted build can end them all."""

    def __init__(self) -> None:
        """None runs yet."""
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._cancelled = False

    def add(self, process: subprocess.Popen[str]) -> None:
        """Remember a command; it is ended at once when everything was cancelled meanwhile."""
        with self._lock:
            self._running.add(process)
            if self._cancelled:
                process.terminate()

    def remove(self, process: subprocess.Popen[str]) -> None:
        """Forget a command that ended."""
        with self._lock:
            self._running.discard(process)

    def cancel(self) -> None:
        """End all commands, also those that are started later."""
        with self._lock:
            self._cancelled = True
            for process in self._running:
                process.terminate()


@dataclasses.dataclass(frozen=True)
class Workshop:
    """What a recipe works with: a scratch folder, the folder to fill, a log, and a way to report progress."""

    scratch: Path
    output: Path
    log: Path
    jobs: int
    progress: Callable[[int, int], None]
    """Called with (steps done, steps in all); both are rough."""
    children: Children = dataclasses.field(default_factory=Children)

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> str:
        """Run a command, its output in the log; return its standard output.

        Raises:
            BuildError: it did not end with 0.
        """
        # Tied to this process: what outlives a killed build would write into the folder of the next one.
        command = ["setpriv", "--pdeathsig", "TERM", "--", *(str(part) for part in argv)]
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n")
            log.flush()
            started = time.monotonic()
            try:
                process = subprocess.Popen(
                    command,
                    cwd=cwd or self.scratch,
                    env={**os.environ, **(env or {})},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT if on_line else log,
                    stdin=subprocess.DEVNULL,
                    text=True,
                    errors="replace",
                )
            except OSError as error:
                raise BuildError(f"cannot run {command[0]}: {error}") from error
            self.children.add(process)
            lines = []
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    lines.append(line)
                    if on_line:
                        log.write(line)
                        log.flush()
                        on_line(line)
                code = process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise
            finally:
                self.children.remove(process)
            log.write(f"# ended with {code} after {time.monotonic() - started:.1f} s\n")
        if code != 0:
            raise BuildError(f"`{' '.join(str(part) for part in argv[:4])} …` ended with {code}")
        return "".join(lines)


@dataclasses.dataclass(frozen=True)
class Artefact(ABC):
    """One thing to build or fetch. Its fields are its recipe: they, and nothing else, decide its folder's name."""

    name: str
    version: str
    why: str
    """One line for people: what it is for."""

    exclusive: ClassVar[str] = ""
    """Artefacts with the same non-empty value are not made at the same time (they share a cache)."""

    weight: ClassVar[int] = 1
    """The heaviest are started first."""

    recipe: ClassVar[int] = 1
    """Counts changes of the code that makes artefacts of this class."""

    @abstractmethod
    def make(self, shop: Workshop) -> None:
        """Fill `shop.output`. Raises BuildError."""

    def inputs(self) -> dict[str, object]:
        """What the result depends on, as plain data."""
        fields = dataclasses.asdict(self)
        fields.pop("why")
        return {**fields, "class": type(self).__name__, "recipe": self.recipe}

    def digest(self) -> str:
        """12 hexadecimal digits over `inputs`."""
        text = json.dumps(self.inputs(), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        """Where it is once it is made."""
        return paths.toolchain_dir() / f"{self.name}-{self.version}-{self.digest()}"

    @property
    def ready(self) -> bool:
        """Whether it is made. The folder appears by a rename, so it is whole when it is there."""
        return self.folder.is_dir()
