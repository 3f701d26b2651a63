"""An artefact is made once, whole or not at all, and anew when its recipe changes."""

import dataclasses
import sys
from pathlib import Path

import pytest

from local_stack.toolchain.artefact import Artefact, BuildError, Workshop
from local_stack.toolchain.builder import Builder, parallel_builds
from local_stack.toolchain.catalogue import ARTEFACTS


@dataclasses.dataclass(frozen=True)
class Written(Artefact):
    """Writes a file by running Python; `fails` makes it fail after that."""

    text: str = "hello"
    fails: bool = False

    def make(self, shop: Workshop) -> None:
        code = f"open(r'{shop.output / 'file'}', 'w').write({self.text!r}); print('made')"
        assert shop.run([sys.executable, "-c", code]) == "made\n"
        if self.fails:
            shop.run([sys.executable, "-c", "import sys; print('no luck'); sys.exit(3)"])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RACKTWIN_HOME", str(tmp_path))
    return tmp_path


def item(**fields: object) -> Written:
    return Written(name="thing", version="1", why="test", **fields)  # type: ignore[arg-type]


def test_made_once() -> None:
    Builder().make([item()])
    made = item().folder / "file"
    first = made.stat().st_mtime_ns
    Builder().make([item()])
    assert made.read_text() == "hello"
    assert made.stat().st_mtime_ns == first


def test_a_changed_recipe_has_a_place_of_its_own() -> None:
    Builder().make([item(), item(text="other")])
    assert item().folder != item(text="other").folder
    assert (item(text="other").folder / "file").read_text() == "other"


def test_the_reason_for_people_is_no_part_of_the_recipe() -> None:
    assert dataclasses.replace(item(), why="another reason").digest() == item().digest()


def test_a_failure_leaves_nothing_and_names_the_log(home: Path) -> None:
    with pytest.raises(BuildError) as caught:
        Builder().make([item(fails=True)])
    assert not item(fails=True).ready
    assert not list((home / "toolchain").glob(".*partial"))
    log = home / "toolchain" / "logs" / f"{item(fails=True).folder.name}.log"
    assert str(log) in str(caught.value)
    assert "next:" in str(caught.value)
    assert "no luck" in log.read_text()


def test_one_failure_does_not_stop_the_others() -> None:
    good = dataclasses.replace(item(), name="good")
    with pytest.raises(BuildError):
        Builder().make([item(fails=True), good])
    assert good.ready


def test_what_a_killed_run_left_behind_does_not_matter(home: Path) -> None:
    stale = home / "toolchain" / f".{item().folder.name}.partial" / "output"
    stale.mkdir(parents=True)
    (stale / "half").write_text("x")
    (stale / "half").chmod(0o400)
    stale.chmod(0o500)
    Builder().make([item()])
    assert not (item().folder / "half").exists()


def test_the_heaviest_are_made_first() -> None:
    names = [artefact.name for artefact in Builder().missing(list(ARTEFACTS.values()))]
    assert names[0] == "kubernetes"


@pytest.mark.parametrize(("cores", "builds"), [(1, 2), (2, 2), (4, 4), (64, 4)])
def test_parallel_builds_follow_the_cores(cores: int, builds: int) -> None:
    assert parallel_builds(cores) == builds
