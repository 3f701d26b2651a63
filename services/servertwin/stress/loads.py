"""The loads themselves. Each runs until its time (monotonic seconds) or `stop`, and tells what it did.

The standard library alone: workers load this. Next: :mod:`servertwin.stress.worker`.
"""

from __future__ import annotations

import mmap
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from servertwin.stress import memory_left
from servertwin.stress.pace import Bytes, Duty

_PERIOD_S: Final = 0.1
_MIB: Final = 1 << 20
_DISK_BLOCK: Final = _MIB
_SYNC_EVERY: Final = 8 * _MIB
_MEMORY_BLOCK: Final = 16 * _MIB
_PAGE: Final = 4096
_NET_BLOCK: Final = 64 << 10

Load = Callable[[dict[str, Any], float, threading.Event], dict[str, Any]]


def cpu(order: dict[str, Any], end: float, stop: threading.Event) -> dict[str, Any]:
    """Keep one core busy for a share of each tenth of a second, by the thread's own processor time."""
    if order.get("core") is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(order["core"])})
    began, spent_before = time.monotonic(), time.thread_time()
    duty = Duty(float(order["share"]), _PERIOD_S, began)
    value, step, spent = 1, 0.0, spent_before
    while (now := time.monotonic()) < end and not stop.is_set():
        # A round that would pass the level is not begun.
        if duty.left(now, spent) <= step:
            stop.wait(min(duty.until_next(now), end - now))
            spent = time.thread_time()
            continue
        # About 0.2 ms.
        for _ in range(2000):
            value = (value * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        before, spent = spent, time.thread_time()
        step = max(0.9 * step, spent - before)
    return {"busySeconds": time.thread_time() - spent_before, "core": order.get("core")}


def memory(order: dict[str, Any], end: float, stop: threading.Event) -> dict[str, Any]:
    """Take memory by 16 MiB, touch every page, hold it; give it back where others need what is to stay free."""
    wanted, reserve = int(order["bytes"]), int(order["reserve"])
    pattern = os.urandom(_MIB)
    blocks: list[mmap.mmap] = []
    most = given_back = 0
    while time.monotonic() < end and not stop.is_set():
        held = sum(map(len, blocks))
        free = memory_left.available()
        if free is not None and free < reserve and blocks:
            given_back += len(blocks[-1])
            blocks.pop().close()
            continue
        size = min(_MEMORY_BLOCK, wanted - held)
        if size >= _PAGE and given_back == 0 and (free is None or free - size >= reserve):
            block = mmap.mmap(-1, size)
            for start in range(0, size, _MIB):
                block[start : min(size, start + _MIB)] = pattern[: min(_MIB, size - start)]
            blocks.append(block)
            most = max(most, held + size)
            continue
        # Held pages are touched now and then, or they would be the first to be swapped out.
        if blocks:
            block = blocks[int(time.monotonic()) % len(blocks)]
            for start in range(0, len(block), _PAGE * 64):
                block[start] = block[start] ^ 1
        stop.wait(min(0.5, max(0.0, end - time.monotonic())))
    for block in blocks:
        block.close()
    return {"bytes": most, "wantedBytes": wanted, "givenBackBytes": given_back}


def disk(order: dict[str, Any], end: float, stop: threading.Event) -> dict[str, Any]:
    """Write a file round and round at a rate, through to the disk, and read some of it back; then remove it."""
    size, budget = int(order["file"]) // _DISK_BLOCK * _DISK_BLOCK, int(order["budget"])
    pace = Bytes(float(order["rate"]), 4 * _DISK_BLOCK)
    block = os.urandom(_DISK_BLOCK)
    path = Path(order["folder"]) / f"load-{os.getpid()}"
    written = read = unsynced = place = 0
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        while (now := time.monotonic()) < end and not stop.is_set():
            if written + _DISK_BLOCK > budget or (written < size and _free(path) < int(order["reserve"]) + _DISK_BLOCK):
                # Told to write no more: what is left of the time passes without load.
                stop.wait(end - now)
                break
            if pace.due(now) < _DISK_BLOCK:
                stop.wait(min(pace.wait(_DISK_BLOCK), end - now))
                continue
            os.lseek(file, place, os.SEEK_SET)
            count = os.write(file, block)
            pace.done(count)
            written, unsynced = written + count, unsynced + count
            place = (place + _DISK_BLOCK) % size
            if unsynced >= _SYNC_EVERY:
                os.fsync(file)
                unsynced = 0
                if hasattr(os, "posix_fadvise"):
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                # One block of eight comes back from the disk itself, where the system lets us drop its cache.
                os.lseek(file, place if written >= size else 0, os.SEEK_SET)
                read += len(os.read(file, _DISK_BLOCK))
    finally:
        os.close(file)
        path.unlink(missing_ok=True)
    return {"writtenBytes": written, "readBytes": read}


def _free(path: Path) -> int:
    if not hasattr(os, "statvfs"):
        return 1 << 62
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def network(order: dict[str, Any], end: float, stop: threading.Event) -> dict[str, Any]:
    """Send to ourselves over loopback at a rate."""
    pace = Bytes(float(order["rate"]), 16 * _NET_BLOCK)
    block = bytes(_NET_BLOCK)
    received = [0]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            connection, _ = server.accept()
            buffer = bytearray(4 * _NET_BLOCK)
            with connection:
                while count := connection.recv_into(buffer):
                    received[0] += count

        taker = threading.Thread(target=take, daemon=True)
        taker.start()
        sent = 0
        with socket.create_connection(server.getsockname()) as client:
            while (now := time.monotonic()) < end and not stop.is_set():
                if pace.due(now) < _NET_BLOCK:
                    # Not less than a millisecond, or waking up would be the load.
                    stop.wait(min(max(0.001, pace.wait(_NET_BLOCK)), end - now))
                    continue
                client.sendall(block)
                pace.done(_NET_BLOCK)
                sent += _NET_BLOCK
        taker.join(2.0)
    return {"sentBytes": sent, "receivedBytes": received[0]}


LOADS: Final[dict[str, Load]] = {"cpu": cpu, "memory": memory, "disk": disk, "network": network}
