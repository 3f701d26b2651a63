"""`racktwin fidelity`: what twins say of themselves, the worst first."""

from __future__ import annotations

from typing import Any

from racktwin_cli.fidelity import rows_of


def twin(name: str, rmse: float | None, **attributes: Any) -> dict[str, Any]:
    properties = {} if rmse is None else {"rmse": rmse, "bias": 0.1, "parameters": {"version": "abc"}}
    features = {"fidelity": {"properties": properties}}
    return {"thingId": f"racktwin.t:{name}", "attributes": attributes, "features": features}


def test_rooms_and_racks_with_the_largest_error_first() -> None:
    things = [
        twin("room-h", 0.2),
        twin("rack-a", 0.1, location="h"),
        twin("rack-b", 0.3, location="h"),
        twin("rack-c", None, location="h"),
        twin("room-i", 0.4),
        twin("gateway-g", 1.0),
        {"thingId": "nonsense"},
        {},
    ]
    found = rows_of(things)
    assert [row["room"] for row in found["room"]] == ["i", "h"]
    assert [row["thing"] for row in found["rack"]] == ["racktwin.t:rack-b", "racktwin.t:rack-a"]
    assert found["room"][0]["calibration"] == "abc"
    assert found["rack"][0]["skill"] is None


def test_one_room_alone() -> None:
    things = [twin("room-h", 0.2), twin("room-i", 0.1), twin("rack-a", 0.3, location="i")]
    found = rows_of(things, "h")
    assert [row["room"] for row in found["room"]] == ["h"]
    assert found["rack"] == []
