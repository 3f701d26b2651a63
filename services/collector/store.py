"""Store and forward: packs on disk until Hono has them, in order, bounded. Thread safe.

Small files of lines; the one that is written is closed when the uplink asks for more, and a file is deleted when all
its packs are done. So a kill loses nothing and sends a few packs twice at most, which ingest recognises. When the bound
is hit, what comes new is not kept any more, or the oldest file that is not under way goes: as told, and counted. Not
fsynced: it outlives the process, not a power cut. Next: `collector.uplink.pump`.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TextIO

from racktwin.outbox import Pack

_FILE: Final = re.compile(r"^(\d{12})\.jsonl$")
# A file holds at most so much: what is dropped at once, and what is in memory at once.
_SEGMENT_BYTES: Final = 128 * 1024
_SEGMENTS_AT_LEAST: Final = 8

Drop = Literal["newest", "oldest"]


@dataclass(slots=True)
class _Segment:
    number: int
    size: int = 0
    packs: int = 0
    readings: int = 0


class Store:
    """The queue on disk. `append` is the collectors' side, `claim` and `done` the uplink's."""

    def __init__(self, directory: Path, max_bytes: int, drop: Drop = "newest") -> None:
        """Open it, with what an earlier run left; ``drop`` is what goes when ``max_bytes`` are full.

        Raises:
            OSError: the directory cannot be made, read or written.
        """
        self._directory = directory
        self._max_bytes = max_bytes
        self._drop_oldest = drop == "oldest"
        self._segment_bytes = max(4096, min(_SEGMENT_BYTES, max_bytes // _SEGMENTS_AT_LEAST))
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)
        # Closed and not under way, oldest first.
        self._waiting: deque[_Segment] = deque()
        self._claimed: dict[int, tuple[_Segment, int]] = {}
        self._file: TextIO | None = None
        self.dropped_readings = 0
        self.dropped_packs = 0
        for number in sorted(int(match[1]) for path in directory.iterdir() if (match := _FILE.match(path.name))):
            self._waiting.append(self._measure(number))
        last = self._waiting[-1].number if self._waiting else 0
        self._open = _Segment(last + 1)
        self.recovered_packs = sum(segment.packs for segment in self._waiting)

    def append(self, device: str, payload: bytes, readings: int) -> bool:
        """Keep one message; False where there is no room for it, and what is there stays.

        Raises:
            OSError: the disk is full or gone; the message is not kept.
        """
        line = json.dumps([device, readings, payload.decode()], separators=(",", ":")) + "\n"
        with self._lock:
            if not self._drop_oldest and self._bytes() + len(line) > self._max_bytes:
                self.dropped_packs += 1
                self.dropped_readings += readings
                return False
            if self._open.size + len(line) > self._segment_bytes:
                self._close()
            if self._file is None:
                self._file = self._path(self._open.number).open("a", encoding="utf-8")
            self._file.write(line)
            self._file.flush()
            self._open.size += len(line)
            self._open.packs += 1
            self._open.readings += readings
            while self._drop_oldest and self._bytes() > self._max_bytes and self._waiting:
                self._drop(self._waiting.popleft())
        return True

    def claim(self, *, newest: bool = True) -> list[Pack]:
        """The oldest messages that are not under way yet, a file of them; none when there are none.

        Without ``newest`` the file that is being written stays as it is.
        """
        with self._lock:
            if not self._waiting:
                if not self._open.packs or not newest:
                    return []
                self._close()
            segment = self._waiting.popleft()
            packs = self._read(segment.number)
            if not packs:
                self._path(segment.number).unlink(missing_ok=True)
                return []
            self._claimed[segment.number] = (segment, len(packs))
            return packs

    def done(self, pack: Pack) -> None:
        """Hono has it, or it was given up."""
        with self._lock:
            found = self._claimed.get(pack.seq)
            if found is None:
                return
            segment, left = found
            if left > 1:
                self._claimed[pack.seq] = (segment, left - 1)
                return
            del self._claimed[pack.seq]
            self._path(pack.seq).unlink(missing_ok=True)

    def backlog(self) -> tuple[int, int]:
        """Messages that Hono has not, and bytes on disk."""
        with self._lock:
            waiting = sum(segment.packs for segment in self._waiting) + self._open.packs
            return waiting + sum(left for _, left in self._claimed.values()), self._bytes()

    def close(self) -> None:
        """Close the file that is written; everything stays for the next run."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _bytes(self) -> int:
        claimed = sum(segment.size for segment, _ in self._claimed.values())
        return sum(segment.size for segment in self._waiting) + self._open.size + claimed

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._open.packs:
            self._waiting.append(self._open)
            self._open = _Segment(self._open.number + 1)

    def _drop(self, segment: _Segment) -> None:
        self.dropped_packs += segment.packs
        self.dropped_readings += segment.readings
        self._path(segment.number).unlink(missing_ok=True)

    def _measure(self, number: int) -> _Segment:
        packs = self._read(number)
        return _Segment(number, self._path(number).stat().st_size, len(packs), sum(pack.readings for pack in packs))

    def _read(self, number: int) -> list[Pack]:
        packs = []
        with self._path(number).open(encoding="utf-8") as file:
            for line in file:
                # A line that a kill cut off is no message.
                with contextlib.suppress(ValueError):
                    device, readings, payload = json.loads(line)
                    packs.append(Pack(device, number, payload.encode(), readings))
        return packs

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:012d}.jsonl"
