"""Unacknowledged packs and the last sequence number on disk, so that a killed gateway loses nothing.

One small file per sequence number, written before its packs are offered and removed when the last of them is
acknowledged. Not fsynced: it outlives the process, not the machine. Next: :mod:`gateway.uplink`.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from racktwin.outbox import Pack

_FILE: Final = re.compile(r"^(\d{12})\.jsonl$")


class Spool:
    """Sequence numbers and packs of one source. Thread safe: one thread keeps, another finishes.

    Without a directory nothing is kept, and numbers begin at the time in seconds, so that they still rise over a
    restart.
    """

    def __init__(self, directory: Path | None, clock: Callable[[], int]) -> None:
        """``clock`` gives epoch milliseconds.

        Raises:
            OSError: the directory cannot be made or read.
        """
        self._directory = directory
        self._lock = threading.Lock()
        self._open: dict[int, set[str]] = {}
        self._seq = clock() // 1000
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            self._seq = max([self._stored_seq(), *self._files()], default=0) or self._seq

    def recover(self) -> list[Pack]:
        """Packs of an earlier run that were not acknowledged, oldest first."""
        found: list[Pack] = []
        if self._directory is None:
            return found
        for seq in sorted(self._files()):
            packs = [pack for line in self._path(seq).read_text().splitlines() if (pack := _read(line, seq))]
            self._open[seq] = {pack.device for pack in packs}
            found.extend(packs)
            if not packs:
                self._path(seq).unlink()
        return found

    def next_seq(self) -> int:
        """The next sequence number."""
        self._seq += 1
        return self._seq

    def keep(self, seq: int, packs: list[Pack]) -> None:
        """Store the packs of one sequence number."""
        if self._directory is None:
            return
        lines = [
            json.dumps([pack.device, pack.readings, base64.b64encode(pack.payload).decode()]) + "\n" for pack in packs
        ]
        with self._lock:
            self._open[seq] = {pack.device for pack in packs}
            self._path(seq).write_text("".join(lines))
        part = self._directory / "seq.part"
        part.write_text(str(seq))
        part.rename(self._directory / "seq")

    def done(self, pack: Pack) -> None:
        """The pack was acknowledged, or given up."""
        with self._lock:
            waiting = self._open.get(pack.seq)
            if waiting is None:
                return
            waiting.discard(pack.device)
            if not waiting:
                del self._open[pack.seq]
                self._path(pack.seq).unlink(missing_ok=True)

    def _path(self, seq: int) -> Path:
        assert self._directory is not None
        return self._directory / f"{seq:012d}.jsonl"

    def _files(self) -> list[int]:
        assert self._directory is not None
        return [int(match[1]) for path in self._directory.iterdir() if (match := _FILE.match(path.name))]

    def _stored_seq(self) -> int:
        assert self._directory is not None
        try:
            return int((self._directory / "seq").read_text())
        except (OSError, ValueError):
            return 0


def _read(line: str, seq: int) -> Pack | None:
    """A stored pack, or None for a line that was cut off by a kill."""
    try:
        device, readings, payload = json.loads(line)
        return Pack(device, seq, base64.b64decode(payload), readings)
    except ValueError:
        return None
