from __future__ import annotations

import json
import urllib.error
import urllib.request

from prometheus_client import CollectorRegistry, Counter

from racktwin.health import Health, serve


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_process_is_not_ready_until_it_says_so() -> None:
    health = Health()
    assert health.ready() == (False, {"start": "starting"})
    health.set_ready(True)
    assert health.ready() == (True, {})


def test_every_part_must_be_ready() -> None:
    health = Health()
    health.set_ready(True)
    health.set_ready(False, "InfluxDB refuses", part="influx")
    assert health.ready() == (False, {"influx": "InfluxDB refuses"})
    health.set_ready(True, part="influx")
    assert health.ready()[0]


def test_a_late_heartbeat_is_death() -> None:
    now = [0.0]
    health = Health(lambda: now[0])
    health.heartbeat("consume", 10)
    now[0] = 9
    assert health.alive()[0]
    now[0] = 11
    alive, late = health.alive()
    assert not alive
    assert "11.0 s" in late["consume"]
    health.heartbeat("consume", 10)
    assert health.alive()[0]


def test_endpoints() -> None:
    registry = CollectorRegistry()
    Counter("seen", "Seen.", registry=registry).inc()
    health = Health()
    server = serve(health, "127.0.0.1", 0, registry)
    port = int(server.server_address[1])
    try:
        assert fetch(port, "/healthz")[0] == 200
        status, body = fetch(port, "/readyz")
        assert status == 503
        assert json.loads(body)["reasons"] == {"start": "starting"}
        health.set_ready(True)
        assert fetch(port, "/readyz")[0] == 200
        assert "seen_total 1.0" in fetch(port, "/metrics")[1]
        assert fetch(port, "/other")[0] == 404
    finally:
        server.shutdown()
        server.server_close()
