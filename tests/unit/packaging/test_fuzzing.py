"""Property tests have the same examples in every run, and others and more of them where that is asked for."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import fuzzing


@pytest.fixture(autouse=True)
def _as_before(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    fuzzing.load(request.config.getoption("--fuzz"))


def drawn() -> list[tuple[int, str]]:
    seen = []

    @given(st.integers(), st.text())
    def test(number: int, text: str) -> None:
        seen.append((number, text))

    test()
    return seen


def a_module_with_constants(folder: Path) -> None:
    file = folder / "constants.py"
    file.write_text(f"NUMBERS = {list(range(1000, 1300))}\nTEXTS = {[f'text {each}' for each in range(300)]}\n")
    spec = importlib.util.spec_from_file_location("constants_of_a_test", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        drawn()  # it is looked for while examples are made


def test_the_usual_examples_are_the_same_whatever_is_loaded(tmp_path):
    fuzzing.load(None)
    before = drawn()
    assert len(before) == 100
    a_module_with_constants(tmp_path)
    assert drawn() == before


def test_other_examples_are_new_and_more():
    fuzzing.load(None)
    usual = drawn()
    fuzzing.load(3)
    new = drawn()
    assert len(new) == 300
    assert new[:100] != usual


@pytest.mark.parametrize(("times", "number"), [(None, 7), (1, 7), (5, 35)])
def test_a_number_of_its_own_is_multiplied_once(times, number):
    fuzzing.load(times)

    @settings(max_examples=7)
    @given(st.integers())
    def own(_number: int) -> None: ...

    fuzzing.multiply([own, own])
    assert own._hypothesis_internal_use_settings.max_examples == number == fuzzing.examples(7)


def test_the_profile_s_number_is_multiplied_once():
    fuzzing.load(5)

    @given(st.integers())
    def test(_number: int) -> None: ...

    fuzzing.multiply([test])
    assert test._hypothesis_internal_use_settings.max_examples == 500
