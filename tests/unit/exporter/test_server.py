"""The scrape's socket: token, formats, compression, and no empty scrape before twins are known."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import requests

from exporter import server


@pytest.fixture
def answers() -> Iterator[tuple[str, list[bytes | None], list[int]]]:
    texts: list[bytes | None] = [b"x 1\n" * 4000]
    seen: list[int] = []
    listener = server.create(("127.0.0.1", 0), lambda openmetrics: texts[0], "geheim", seen.append)
    threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{listener.server_address[1]}", texts, seen
    listener.shutdown()
    listener.server_close()


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=60)


def test_a_scrape(answers: tuple[str, list[bytes | None], list[int]]) -> None:
    url, texts, seen = answers
    assert get(f"{url}/metrics").status_code == 401
    assert get(f"{url}/metrics", Authorization="Bearer wrong").status_code == 401
    good = get(f"{url}/metrics", Authorization="Bearer geheim", Accept="application/openmetrics-text;version=1.0.0")
    assert good.content == texts[0] and good.headers["Content-Encoding"] == "gzip"
    assert good.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    plain = get(f"{url}/metrics", Authorization="Bearer geheim", Accept="text/plain")
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert get(f"{url}/").status_code == 404
    texts[0] = None
    assert get(f"{url}/metrics", Authorization="Bearer geheim").status_code == 503
    # Counted after the answer went out.
    until = time.monotonic() + 60
    while len(seen) < 6 and time.monotonic() < until:
        time.sleep(0.01)
    assert seen == [401, 401, 200, 200, 404, 503]
