"""Missing tools are named together, each with how to get it; nothing is installed without consent."""

import pytest

from local_stack.toolchain import prerequisites
from local_stack.toolchain.prerequisites import MissingToolsError, Requirement, explain, missing

THERE = Requirement("there", "is here", lambda: True, ("there-pkg",))
PACKAGED = Requirement("packaged", "builds x", lambda: False, ("pkg-a", "pkg-b"))
FOREIGN = Requirement("foreign", "builds y", lambda: False, (), "install it from its site")


def test_only_what_is_missing_is_named_with_a_remedy_each() -> None:
    text = explain(missing([THERE, PACKAGED, FOREIGN]))
    assert "there" not in text.splitlines()[1]
    assert "packaged: builds x" in text
    assert "apt-get install pkg-a pkg-b" in text
    assert "install it from its site" in text


def test_nothing_is_installed_without_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites, "missing", lambda *_: [PACKAGED])
    monkeypatch.setattr(prerequisites, "_install", lambda _packages: pytest.fail("installed"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.delenv("RACKTWIN_ASSUME_YES", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(MissingToolsError, match="packaged"):
        prerequisites.require()


@pytest.mark.parametrize("root", [True, False])
def test_with_consent_only_root_installs(monkeypatch: pytest.MonkeyPatch, root: bool) -> None:
    installed: list[str] = []
    monkeypatch.setattr(prerequisites, "missing", lambda *_: [] if installed else [PACKAGED])
    monkeypatch.setattr(prerequisites, "_install", installed.extend)
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/apt-get")
    monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)
    monkeypatch.setenv("RACKTWIN_ASSUME_YES", "1")
    if root:
        prerequisites.require()
        assert installed == ["pkg-a", "pkg-b"]
    else:
        with pytest.raises(MissingToolsError):
            prerequisites.require()


def test_every_requirement_says_how_to_get_it() -> None:
    for requirement in prerequisites.REQUIREMENTS:
        assert requirement.packages or requirement.otherwise, requirement.name
