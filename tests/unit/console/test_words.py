"""Every key of a what-if has its words on the page: a key that is new to the resource fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from rack_operator.api.scenario import Change, ScenarioStatus, WhatIf

WEB = Path(__file__).parents[3] / "services" / "console" / "web" / "src"
TEXT = (WEB / "text.ts").read_text(encoding="utf-8")


def block(name: str) -> str:
    """What stands in an object of the texts."""
    found = re.search(rf"^( +){name}: {{\n(.*?)^\1}}", TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None, f"text.ts has no {name}"
    return found[2]


def words(inside: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+): "([^"]*)"', inside))


def said() -> dict[str, dict[str, str] | str]:
    """Action -> key -> words, from the page's own file."""
    inside = block("change")
    nested = {name: words(each) for name, each in re.findall(r"(\w+): {([^}]*)}", inside)}
    return {**words(re.sub(r"\w+: {[^}]*}", "", inside)), **nested}


def keys() -> Iterator[tuple[str, str | None]]:
    """Every action of a change, and every key of it, as a client writes them."""
    schema: dict[str, Any] = Change.model_json_schema(by_alias=True)
    for action, about in schema["properties"].items():
        refs = [each["$ref"] for each in about.get("anyOf", [about]) if "$ref" in each]
        if not refs:
            yield action, None
        for ref in refs:
            for key in schema["$defs"][ref.rpartition("/")[2]]["properties"]:
                yield action, key


@pytest.mark.parametrize(("action", "key"), list(keys()))
def test_each_key_of_a_change_has_words(action, key):
    known = said().get(action)
    if key is None:
        assert isinstance(known, str), f"text.change has no words for {action}"
    else:
        assert isinstance(known, dict), f"text.change has nothing for {action}"
        assert known.get(key), f"text.change.{action} has no words for {key}"


def test_there_are_words_for_nothing_that_does_not_exist():
    real = {(action, key) for action, key in keys() if key is not None}
    told = {(action, key) for action, each in said().items() if isinstance(each, dict) for key in each}
    assert told == real


def test_each_phase_of_a_scenario_has_words():
    phases = get_args(ScenarioStatus.model_fields["phase"].annotation)
    found = re.search(r"phases: {([^}]*)}", TEXT)
    assert found is not None
    assert set(words(found[1])) == set(phases)


def test_each_way_to_ask_is_known_to_whoever_makes_the_sentences():
    source = (WEB / "words.ts").read_text(encoding="utf-8") + (WEB / "parts" / "Answer.tsx").read_text(encoding="utf-8")
    asked = set(WhatIf.model_json_schema(by_alias=True)["properties"]) - {"durationS"}
    assert {key for key in asked if f"asked.{key}" not in source} == set()


def test_every_action_that_the_page_offers_is_one_of_the_resource():
    offered = re.findall(r"return { (\w+): {", (WEB / "changes.ts").read_text(encoding="utf-8"))
    assert set(offered) <= {action for action, _ in keys()}
    assert offered
