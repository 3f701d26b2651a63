"""A port for a process to come is free, and none that the kernel would give to somebody's connection meanwhile."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from racktwin import ports


def test_it_can_be_bound_and_is_below_the_ephemeral_ones() -> None:
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    port = ports.free_port()
    assert ports.FIRST <= port <= ports.LAST < first_ephemeral
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_several_differ() -> None:
    assert len(set(ports.free_ports(50))) == 50


def test_one_in_use_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "FIRST", port)
        monkeypatch.setattr(ports, "LAST", port)
        with pytest.raises(OSError, match="free ports"):
            ports.free_port()
