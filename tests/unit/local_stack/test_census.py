"""What is counted, from answers as the systems give them."""

import base64
from typing import Any

from local_stack.census import device_ids, rack_counts, unexpired


def rack(*conditions: tuple[str, str]) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": kind, "status": status} for kind, status in conditions]}}


def test_a_rack_counts_as_ready_by_its_condition_alone() -> None:
    racks = [rack(("ThingReady", "True"), ("Ready", "True")), rack(("Ready", "False")), rack(), {"spec": {}}]
    assert rack_counts({"items": racks}) == (4, 1)


def secret(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}


def test_devices_are_the_secrets_of_devices() -> None:
    secrets = [
        secret("rack-a-device", tenant="berlin", deviceId="racktwin.berlin:rack-a", password="x"),
        secret("rack-b-device", tenant="berlin"),
        secret("other", tenant="berlin", deviceId="racktwin.berlin:rack-c"),
        {"metadata": {"name": "empty-device"}},
    ]
    assert device_ids({"items": secrets}) == [("berlin", "racktwin.berlin:rack-a")]


def test_expired_predictions_do_not_count() -> None:
    assert unexpired(123) == "gt(features/*/properties/expiresAt,123)"
