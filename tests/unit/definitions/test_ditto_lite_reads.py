"""The embedded stand-in for Ditto reads every model as it is served, and fills a new thing as the validator says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from definitions.compose import compose
from definitions.validate import create
from ditto_lite.wot import Models, read_model
from racktwin.thing_models import MODEL_OF_KIND, thing_definition

Resolve = Callable[[str], Mapping[str, Any] | None]


@pytest.mark.parametrize("kind", MODEL_OF_KIND)
def test_a_new_thing_is_filled_the_same_way(
    kind: str, models: dict[str, dict[str, Any]], base: str, resolve: Resolve
) -> None:
    known = Models()
    for name, model in models.items():
        url = f"{base}/{name}"
        known.known[url] = read_model(url, compose(name, model, base))
    thing = {"definition": thing_definition(base, kind), "attributes": {"name": "x"}}
    filled = known.skeleton(thing)
    for feature in filled.get("features", {}).values():
        # Ditto writes the empty properties of a new feature; the validator leaves them out.
        assert feature.pop("properties", {}) == {}
    assert filled == create(thing, resolve)
