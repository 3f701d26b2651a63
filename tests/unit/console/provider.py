"""A real OpenID Connect provider on loopback: discovery, authorization with PKCE, tokens signed with its own keys."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

CLIENT = "racktwin-console"
SECRET = "s3cret-of-the-client"


class Provider:
    """One person signs in here without being asked. What a test changes of ``claims`` and ``breaks`` shows at once."""

    def __init__(self) -> None:
        self.keys = [ECKey.generate_key("P-256", {"kid": "first", "use": "sig"})]
        self.person: dict[str, Any] = {"sub": "u-1", "preferred_username": "ann", "email": "ann@example.net"}
        self.userinfo: dict[str, Any] | None = None
        self.overrides: dict[str, Any] = {}
        self.sign_with: Any = None
        self.algorithm = "ES256"
        self.issued: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                provider.get(self)

            def do_POST(self) -> None:
                provider.asked.append(self.path)
                provider.token(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=lambda: self.server.serve_forever(0.01), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def rotate(self) -> None:
        """Sign with a new key from now on."""
        self.keys = [ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig"})]

    def get(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        if parts.path == "/.well-known/openid-configuration":
            described = {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
                "code_challenge_methods_supported": ["S256"],
            }
            if self.userinfo is not None:
                described["userinfo_endpoint"] = f"{self.url}/userinfo"
            _json(request, 200, described)
        elif parts.path == "/keys":
            _json(request, 200, KeySet(self.keys).as_dict(private=False))
        elif parts.path == "/userinfo":
            good = request.headers.get("authorization") == "Bearer access-1"
            _json(request, 200 if good else 401, self.userinfo or {})
        elif parts.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            assert asked["response_type"] == "code"
            assert asked["code_challenge_method"] == "S256"
            assert asked["client_id"] == CLIENT
            code = secrets.token_urlsafe(12)
            self.issued[code] = asked
            back = {"code": code, "state": asked["state"], "iss": self.url}
            request.send_response(302)
            request.send_header("location", f"{asked['redirect_uri']}?{urlencode(back)}")
            request.end_headers()
        else:
            _json(request, 404, {})

    def token(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers["content-length"])
        form = {name: values[0] for name, values in parse_qs(request.rfile.read(length).decode()).items()}
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        # A code is good once.
        asked = self.issued.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or request.headers.get("authorization") != f"Basic {basic}"
            or form.get("redirect_uri") != asked["redirect_uri"]
            or challenge.rstrip(b"=").decode() != asked["code_challenge"]
        ):
            _json(request, 400, {"error": "invalid_grant"})
            return
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.person}
        claims |= self.overrides
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.sign_with or self.keys[0]
        header = {"alg": self.algorithm}
        if not isinstance(key, OctKey):
            header["kid"] = key.kid
        token = jwt.encode(header, claims, key, algorithms=[self.algorithm])
        _json(request, 200, {"id_token": token, "access_token": "access-1", "token_type": "Bearer"})


def _json(request: BaseHTTPRequestHandler, status: int, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    request.send_response(status)
    request.send_header("content-type", "application/json")
    request.send_header("content-length", str(len(data)))
    request.end_headers()
    request.wfile.write(data)
