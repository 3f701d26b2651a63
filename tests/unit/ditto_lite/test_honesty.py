"""The stand-in says what it is, and its errors are complete."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ditto_lite.app import Options, Service
from ditto_lite.auth import check_devops, subjects_of
from ditto_lite.error_catalogue import CATALOGUE
from ditto_lite.errors import DittoError, error


async def test_status_says_stand_in(tmp_path: Path) -> None:
    service = Service(Options(tmp_path / "db"), lambda: 1_800_000_000_000)
    async with TestClient(TestServer(service.application())) as client:
        told = await (await client.get("/status")).json()
    await service.close()
    assert told["racktwin-stand-in"] is True
    assert "not Eclipse Ditto" in told["description"]


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_error_can_be_filled_in(code: str) -> None:
    entry = CATALOGUE[code]
    names = {name for text in entry[1:3] for _, name, _, _ in string.Formatter().parse(text) if name}
    raised = error(code, **dict.fromkeys(names, "x"))
    assert raised.status == entry[0]
    assert raised.payload["error"] == code
    assert "{" not in raised.payload["message"]


@pytest.mark.parametrize("value", [None, "", "noissuer", "a:b,"])
def test_subjects(value: str | None) -> None:
    headers = {} if value is None else {"x-ditto-pre-authenticated": value}
    if value == "a:b,":
        assert subjects_of(headers) == ("a:b",)
        return
    with pytest.raises(DittoError) as refused:
        subjects_of(headers)
    assert refused.value.status == 401


def test_devops_by_password_when_there_is_one() -> None:
    assert check_devops({"x-ditto-pre-authenticated": "a:b"}, "devops", None) == ("a:b",)
    secret = "s3cret"
    assert check_devops({"authorization": "Basic ZGV2b3BzOnMzY3JldA=="}, "devops", secret) == ("devops:devops",)
    for headers in (
        {"x-ditto-pre-authenticated": "a:b"},
        {"authorization": "Basic ZGV2b3BzOndyb25n"},
        {"authorization": "Basic %%"},
    ):
        with pytest.raises(DittoError):
            check_devops(headers, "devops", secret)
