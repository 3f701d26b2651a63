"""Stacks share nothing: ports, secrets and folders are each stack's own, and stay the same."""

import itertools
import json
import shutil
import stat
from pathlib import Path

import pytest

from local_stack import config
from local_stack.instance import Instance, choose_port_base, write_private


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RACKTWIN_HOME", str(tmp_path))
    return tmp_path


def test_named_stacks_have_the_ports_of_the_settings_file() -> None:
    assert Instance.load("demo").port("kafka") == config.settings()["port_bases"]["demo"] + config.port_offset("kafka")


def test_other_stacks_get_ranges_of_their_own_and_keep_them() -> None:
    first, second = Instance.load("one"), Instance.load("two")
    step = config.settings()["range"]["ports_per_stack"]
    assert abs(first.port_base - second.port_base) >= step
    assert Instance.load("one").port_base == first.port_base


def test_a_chosen_base_is_remembered() -> None:
    assert Instance.load("one", 30500).port_base == 30500
    assert Instance.load("one").port_base == 30500
    assert choose_port_base("two") != 30500


def test_ports_of_one_stack_are_distinct_and_fit_its_range() -> None:
    offsets = list(config.settings()["ports"].values())
    assert len(offsets) == len(set(offsets))
    assert max(offsets) < config.settings()["range"]["ports_per_stack"]


def test_fixed_bases_lie_apart_from_each_other_and_from_the_range() -> None:
    step = config.settings()["range"]["ports_per_stack"]
    bases = sorted(config.settings()["port_bases"].values())
    assert all(b - a >= step for a, b in itertools.pairwise(bases))
    assert bases[-1] + step <= config.settings()["range"]["first"]


@pytest.mark.parametrize("name", ["", "Demo", "a b", "../x", "1x", "x" * 40])
def test_names_that_are_no_folder_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="stack name"):
        Instance.load(name)


def test_secrets_are_random_kept_and_private() -> None:
    one, two = Instance.load("one"), Instance.load("two")
    assert one.secret("key") == one.secret("key")
    assert one.secret("key") != one.secret("other") != two.secret("other")
    assert len(one.secret("key", 16)) == 64
    mode = stat.S_IMODE((one.folder / "secrets" / "key").stat().st_mode)
    assert mode == 0o600


def test_private_files_replace_others_and_their_rights(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    path.parent.mkdir()
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_state_grows_and_survives_a_broken_file() -> None:
    one = Instance.load("one")
    one.remember(a=1)
    one.remember(b=2)
    assert one.state() == {"a": 1, "b": 2}
    (one.folder / "state.json").write_text("{")
    assert one.state() == {}
    one.remember(c=3)
    assert json.loads((one.folder / "state.json").read_text()) == {"c": 3}


def test_a_stack_whose_folder_was_removed_keeps_its_ports_while_it_is_in_use() -> None:
    one = Instance.load("one")
    shutil.rmtree(one.folder)
    one.keep()
    assert Instance.load("one") == one


def test_one_command_at_a_time_changes_a_stack_and_each_of_its_parts() -> None:
    instance = Instance.load("one")
    with instance.exclusive(nonblocking=True):
        with pytest.raises(BlockingIOError), instance.exclusive(nonblocking=True):
            pass
        # What is apart from the rest has a turn of its own, as has another stack.
        with instance.exclusive(nonblocking=True, what="grafana"):
            with pytest.raises(BlockingIOError), instance.exclusive(nonblocking=True, what="grafana"):
                pass
            with Instance.load("two").exclusive(nonblocking=True, what="grafana"):
                pass
    with instance.exclusive(nonblocking=True):
        pass
