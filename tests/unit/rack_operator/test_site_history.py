"""How long a site's history is kept is told on its twin, where the historian reads it."""

from __future__ import annotations

from rack_operator.api.site import SiteSpec
from rack_operator.desired.ownership import Owner
from rack_operator.desired.things import site_thing
from racktwin.history import Retention

ROOMS = [{"name": "hall", "widthM": 10, "depthM": 10, "heightM": 3}]
OWNER = Owner("Site", "lab", "lab", "uid")


def told(**spec: object) -> dict[str, object]:
    thing = site_thing(SiteSpec.model_validate({"rooms": ROOMS, **spec}), OWNER)
    attributes: dict[str, object] = thing["attributes"]
    return attributes


def test_a_site_that_says_nothing_leaves_it_to_the_historian() -> None:
    assert "history" not in told()


def test_what_is_left_out_is_kept_as_usual() -> None:
    attributes = told(history={"fullDays": 14})
    assert attributes["history"] == {"fullDays": 14, "minuteDays": 90, "quarterDays": 1825, "logDays": 1825}
    assert Retention(full_days=1).of_site(attributes) == Retention(full_days=14)
