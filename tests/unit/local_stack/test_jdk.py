"""A JDK 17 is found by what it says of itself, also beside others."""

from pathlib import Path

import pytest

from local_stack.toolchain.jdk import candidates, major_version


@pytest.mark.parametrize(
    ("release", "major"),
    [
        ('JAVA_VERSION="17.0.15"\n', 17),
        ('IMPLEMENTOR="x"\nJAVA_VERSION="21"\n', 21),
        ('JAVA_VERSION="1.8.0_402"\n', 8),
        ("nothing here\n", None),
    ],
)
def test_versions_are_read_from_the_release_file(tmp_path: Path, release: str, major: int | None) -> None:
    (tmp_path / "release").write_text(release)
    assert major_version(tmp_path) == major


def test_a_folder_without_release_file_is_none(tmp_path: Path) -> None:
    assert major_version(tmp_path) is None


def test_java_home_is_asked_first(tmp_path: Path) -> None:
    assert candidates({"JAVA_HOME": str(tmp_path), "PATH": ""})[0] == tmp_path
