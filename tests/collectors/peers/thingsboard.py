"""A small server that speaks ThingsBoard's documented API: login, devices, latest telemetry, WebSocket subscriptions."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from typing import Any

from aiohttp import WSMsgType, web
from tests.collectors.peers.redfish import serve_application
from tests.collectors.peers.values import wave


class Server:
    """Devices by name, each with temperature and humidity; values travel as texts, as ThingsBoard sends them."""

    def __init__(self, devices: int, interval_s: float = 1.0) -> None:
        self.user, self.password = "tenant@example.org", secrets.token_urlsafe(12)
        self.tokens: set[str] = set()
        self.ids = {
            f"sensor-{number:02}": str(uuid.uuid5(uuid.NAMESPACE_URL, f"tb-{number}")) for number in range(devices)
        }
        self._interval_s = interval_s
        self.logins = 0

    def application(self) -> web.Application:
        """The server as an aiohttp application."""
        app = web.Application()
        app.router.add_post("/api/auth/login", self._login)
        app.router.add_get("/api/tenant/devices", self._device)
        app.router.add_get("/api/plugins/telemetry/DEVICE/{id}/values/timeseries", self._timeseries)
        app.router.add_get("/api/ws", self._socket)
        return app

    def latest(self, device: str) -> dict[str, float]:
        """What a device measures now."""
        number = list(self.ids.values()).index(device)
        return {"temperature": round(wave(23, 2, number), 2), "humidity": round(wave(45, 5, number), 1)}

    async def _login(self, request: web.Request) -> web.Response:
        body = await request.json()
        if (body.get("username"), body.get("password")) != (self.user, self.password):
            return web.json_response(
                {"status": 401, "message": "Invalid username or password", "errorCode": 10}, status=401
            )
        self.logins += 1
        token = secrets.token_urlsafe(12)
        self.tokens.add(token)
        return web.json_response({"token": token, "refreshToken": secrets.token_urlsafe(12)})

    def _admitted(self, request: web.Request) -> bool:
        return request.headers.get("X-Authorization", "").removeprefix("Bearer ") in self.tokens

    async def _device(self, request: web.Request) -> web.Response:
        if not self._admitted(request):
            return web.json_response({"status": 401, "message": "Authentication failed", "errorCode": 10}, status=401)
        name = request.query.get("deviceName", "")
        if name not in self.ids:
            return web.json_response(
                {"status": 404, "message": "Requested item wasn't found!", "errorCode": 32}, status=404
            )
        return web.json_response(
            {"id": {"entityType": "DEVICE", "id": self.ids[name]}, "name": name, "type": "default"}
        )

    async def _timeseries(self, request: web.Request) -> web.Response:
        if not self._admitted(request):
            return web.json_response({"status": 401, "message": "Token has expired", "errorCode": 11}, status=401)
        now = int(time.time() * 1000)
        latest = self.latest(request.match_info["id"])
        answer: dict[str, Any] = {}
        for key in request.query.get("keys", "").split(","):
            # A key that was never sent has the time of the question and no value.
            answer[key] = [{"ts": now, "value": str(latest[key]) if key in latest else None}]
        return web.json_response(answer)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        pushing: list[asyncio.Task[None]] = []
        admitted = False
        async for message in socket:
            if message.type != WSMsgType.TEXT:
                break
            body = message.json()
            if "authCmd" in body:
                admitted = body["authCmd"].get("token") in self.tokens
            for command in body.get("cmds", ()):
                if not admitted:
                    await socket.send_json(
                        {"subscriptionId": command["cmdId"], "errorCode": 3, "errorMsg": "Unauthorized", "data": None}
                    )
                elif command["type"] == "TIMESERIES":
                    pushing.append(asyncio.create_task(self._push(socket, command)))
        for task in pushing:
            task.cancel()
        return socket

    async def _push(self, socket: web.WebSocketResponse, command: dict[str, Any]) -> None:
        while not socket.closed:
            now = int(time.time() * 1000)
            latest = self.latest(command["entityId"])
            keys = [key for key in command["keys"].split(",") if key in latest]
            await socket.send_json(
                {
                    "subscriptionId": command["cmdId"], "errorCode": 0, "errorMsg": None,
                    "data": {key: [[now, str(latest[key])]] for key in keys}, "latestValues": dict.fromkeys(keys, now),
                }
            )  # fmt: skip
            await asyncio.sleep(self._interval_s)


async def serve(server: Server, port: int = 0) -> tuple[web.AppRunner, int]:
    """Serve on loopback; the runner and its port."""
    return await serve_application(server.application(), port)
