"""The marked reading -> Hono's adapter, over MQTT or HTTP, as the device itself or as a gateway for it.

Tells what the adapter answered; what that means is `racktwin_cli.doctor.diagnosis`'.
"""

from __future__ import annotations

import ssl
import threading
import uuid
from typing import Final
from urllib.parse import quote

import paho.mqtt.client as paho
import requests
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from racktwin.device_credentials import Credentials
from racktwin_cli.doctor.evidence import Sent
from racktwin_cli.doctor.marked import Marked
from racktwin_cli.failures import one_line

TIMEOUT_S: Final = 10.0


def over_mqtt(login: Credentials, marked: Marked, timeout_s: float = TIMEOUT_S) -> Sent:
    """Publish with QoS 1 and wait for the acknowledgement."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"racktwin-doctor-{uuid.uuid4().hex[:8]}")
    client.username_pw_set(login.username, login.password)
    client.connect_timeout = timeout_s
    if login.tls:
        client.tls_set_context(ssl.create_default_context(cadata=login.authority))
    answered = threading.Event()
    refused: list[str] = []

    def connected(_client: object, _data: object, _flags: object, reason: ReasonCode, _properties: object) -> None:
        if reason.is_failure:
            refused.append(str(reason))
        answered.set()

    client.on_connect = connected
    where = f"{login.host}:{login.port}"
    try:
        client.connect(login.host, login.port)
    except OSError as error:
        return Sent("unreachable", f"MQTT {where}: {one_line(error)}")
    client.loop_start()
    try:
        if not answered.wait(timeout_s):
            return Sent("unreachable", f"MQTT {where}: no answer to CONNECT within {timeout_s:.0f} s")
        if refused:
            wrong = refused[0] in ("Bad user name or password", "Not authorized")
            return Sent("credentials" if wrong else "unavailable", f"MQTT {where}: {refused[0]}")
        address = "telemetry" if login.device_id == marked.thing else f"telemetry/{login.tenant}/{marked.thing}"
        # The property bag: MQTT 3.1.1 has no other place for a content type.
        info = client.publish(f"{address}/?content-type={quote(marked.content_type, safe='')}", marked.payload, qos=1)
        try:
            info.wait_for_publish(timeout_s)
        except (RuntimeError, ValueError) as error:
            return Sent("unavailable", f"MQTT {where}: {one_line(error)}")
        if not info.is_published():
            return Sent("unavailable", f"MQTT {where}: no acknowledgement within {timeout_s:.0f} s")
        return Sent()
    finally:
        client.disconnect()
        client.loop_stop()


def over_http(login: Credentials, marked: Marked, timeout_s: float = TIMEOUT_S) -> Sent:
    """POST (or PUT for another device) at least once, and read the answer."""
    gateway = login.device_id != marked.thing
    url = f"{login.http_url}/telemetry"
    if gateway:
        url += f"/{quote(login.tenant, safe='')}/{quote(marked.thing, safe='')}"
    try:
        answer = requests.request(
            "PUT" if gateway else "POST",
            url,
            data=marked.payload,
            headers={"Content-Type": marked.content_type, "QoS-Level": "1"},
            auth=(login.username, login.password),
            timeout=timeout_s,
        )
    except requests.ConnectionError as error:
        return Sent("unreachable", f"HTTP {url}: {one_line(error, 120)}")
    except requests.RequestException as error:
        return Sent("unavailable", f"HTTP {url}: {one_line(error, 120)}")
    if answer.ok:
        return Sent()
    detail = f"HTTP {answer.status_code} {one_line(answer.text or answer.reason, 120)}"
    if answer.status_code == 401:
        return Sent("credentials", detail)
    return Sent("unavailable" if answer.status_code >= 500 else "other", detail)
