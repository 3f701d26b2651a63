"""One thing that fails ends nothing else, and a way that is cut says nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
from playwright.sync_api import Error

from check_console.relay import relay
from check_console.trying import tried


class Seen:
    """A visit whose page answers or not."""

    def __init__(self, *, dead=False):
        self.problems, self.dead = ["of before"], dead

    def says(self):
        if self.dead:
            raise Error("Target crashed")
        return "at /room, which says: Live"


def test_what_goes_well_is_passed(capsys):
    seen = Seen()
    assert tried(seen, "room", lambda: None)
    assert capsys.readouterr().err.split() == ["passed", "room"]


def test_a_problem_that_the_page_had_on_the_way_fails_it(capsys):
    seen = Seen()
    assert not tried(seen, "room", lambda: seen.problems.append("500 /api"))
    assert "FAILED  room" in (told := capsys.readouterr().err)
    assert "500 /api" in told
    assert "of before" not in told


@pytest.mark.parametrize(
    ("dead", "says"), [(False, "at /room, which says: Live"), (True, "the page itself does not answer: Target crashed")]
)
def test_what_was_missed_is_told_with_what_the_page_says_and_without_its_whole_tree(capsys, dead, says):
    def run():
        raise AssertionError("Locator expected to be visible\n  Call log:\n  - waiting\nAria snapshot:\n- banner")

    assert not tried(Seen(dead=dead), "lost", run)
    told = capsys.readouterr().err
    assert "Locator expected to be visible" in told
    assert says in told
    assert "banner" not in told


@pytest.fixture
def echo():
    """A server that says what it hears; its address."""
    door = socket.create_server(("127.0.0.1", 0))

    def answer(heard):
        with heard, contextlib.suppress(OSError):
            while chunk := heard.recv(100):
                heard.sendall(chunk)

    def listen():
        try:
            while True:
                threading.Thread(target=answer, args=(door.accept()[0],), daemon=True).start()
        except OSError:
            return

    threading.Thread(target=listen, daemon=True).start()
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    door.shutdown(socket.SHUT_RDWR)
    door.close()


def _connected(way):
    near = socket.create_connection(("127.0.0.1", int(way.url.rsplit(":", 1)[1])))
    near.settimeout(10)
    near.sendall(b"hello")
    assert near.recv(100) == b"hello"
    return near


def _until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_cut_way_is_silent_for_good_on_connections_that_spoke_and_passes_new_ones(echo):
    with relay(echo) as way:
        old, idle = _connected(way), _connected(way)
        with way.cut():
            old.sendall(b"anybody?")
            _until(lambda: way.silenced == 1)
        old.sendall(b"still?")
        idle.sendall(b"and I?")
        assert idle.recv(100) == b"and I?"
        _connected(way).close()
        old.settimeout(0.3)
        with pytest.raises(TimeoutError):
            old.recv(100)
        old.settimeout(10)
    assert old.recv(100) == b""
    old.close()
    idle.close()
