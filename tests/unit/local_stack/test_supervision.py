"""supervisord's configuration: what a program may contain, and where its socket may lie."""

import configparser
import shlex
from pathlib import Path

import pytest

from local_stack.supervision import Program, configuration, socket_path


def program(command: list[str], environment: dict[str, str] | None = None) -> Program:
    return Program("p", command, environment or {}, Path("/logs/p.log"), 15)


def parsed(item: Program) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser()
    parser.read_string(configuration(Path("/stack"), Path("/stack/s.sock"), [item]))
    return parser["program:p"]


def test_children_end_with_their_supervisor() -> None:
    assert shlex.split(parsed(program(["prog", "a b"]))["command"]) == [
        "setpriv",
        "--pdeathsig",
        "TERM",
        "--",
        "prog",
        "a b",
    ]


def test_percent_signs_survive_supervisords_expansion() -> None:
    section = parsed(program(["prog", "100%"], {"A": "5%"}))
    assert "100%%" in section["command"]
    assert section["environment"] == 'A="5%%"'


@pytest.mark.parametrize("value", ['a"b', "a\nb"])
def test_what_the_configuration_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="environment A"):
        parsed(program(["prog"], {"A": value}))


def test_programs_wait_for_their_turn_and_come_back() -> None:
    section = parsed(program(["prog"]))
    assert section["autostart"] == "false"
    assert section["autorestart"] == "true"


def test_a_deep_folder_gets_a_socket_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert socket_path(Path("/short")) == Path("/short/supervisor.sock")
    deep = Path("/" + "x" * 120)
    assert socket_path(deep).parent.parent == tmp_path
    assert socket_path(deep) == socket_path(deep) != socket_path(deep / "y")
