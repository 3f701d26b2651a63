"""A small server that speaks NetBox 4.6's REST API as far as Racktwin uses it: tokens, pages, filters, bulk PATCH,
custom fields, and the ways it refuses. Fields are those of NetBox's serializers (nested objects in their brief
form)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "nbt_testkey12345.0123456789abcdef0123456789abcdef01234567"
Json = dict[str, Any]

FIELDS = {
    "dcim/racks": "id url display_url display name facility_id site location group tenant status role "
    "serial asset_tag rack_type form_factor width u_height starting_unit weight max_weight "
    "weight_unit desc_units outer_width outer_height outer_depth outer_unit mounting_depth "
    "airflow description owner comments tags custom_fields created last_updated device_count "
    "powerfeed_count",
    "dcim/devices": "id url display_url display name device_type role tenant platform serial asset_tag site "
    "location rack position face latitude longitude parent_device status airflow primary_ip "
    "primary_ip4 primary_ip6 oob_ip cluster virtual_chassis vc_position vc_priority "
    "description owner comments config_template local_context_data tags custom_fields created "
    "last_updated console_port_count console_server_port_count power_port_count "
    "power_outlet_count interface_count front_port_count rear_port_count device_bay_count "
    "module_bay_count inventory_item_count",
    "dcim/power-feeds": "id url display_url display power_panel rack name status type supply phase voltage "
    "amperage max_utilization mark_connected cable cable_end link_peers link_peers_type "
    "connected_endpoints connected_endpoints_type connected_endpoints_reachable description "
    "tenant owner comments tags custom_fields created last_updated _occupied",
    "dcim/power-ports": "id url display_url display device module name label type maximum_draw allocated_draw "
    "description mark_connected cable cable_end link_peers link_peers_type "
    "connected_endpoints connected_endpoints_type connected_endpoints_reachable owner tags "
    "custom_fields created last_updated _occupied",
    "dcim/locations": "id url display_url display name slug site parent status tenant facility description tags "
    "custom_fields created last_updated rack_count device_count prefix_count owner comments "
    "_depth",
    "dcim/sites": "id url display_url display name slug status region group tenant facility time_zone "
    "description physical_address shipping_address latitude longitude owner comments asns "
    "tags custom_fields created last_updated circuit_count device_count prefix_count "
    "rack_count virtualmachine_count vlan_count",
    "dcim/device-types": "id url display_url display manufacturer default_platform model slug part_number u_height "
    "exclude_from_utilization is_full_depth subdevice_role airflow weight weight_unit "
    "front_image rear_image description owner comments tags custom_fields created "
    "last_updated device_count",
    "extras/custom-fields": "id url display_url display object_types type related_object_type data_type name label "
    "group_name description required unique search_weight filter_logic ui_visible ui_editable "
    "is_cloneable default weight",
}
_MODEL = {"dcim/racks": "dcim.rack", "dcim/devices": "dcim.device", "dcim/locations": "dcim.location"}
_COUNTS = ("_count",)


def choice(value: str | None) -> Json | None:
    """A choice as the API shows it."""
    return None if value is None else {"value": value, "label": value.replace("-", " ").title()}


class FakeNetBox:
    """Objects by endpoint; `busy` refusals (429 with Retry-After) come first; `limit_max` is NetBox's MAX_PAGE_SIZE."""

    def __init__(self, limit_max: int = 1000) -> None:
        self.objects: dict[str, dict[int, Json]] = {endpoint: {} for endpoint in FIELDS}
        self.limit_max = limit_max
        self.busy = 0
        self.requests: list[tuple[str, str]] = []
        self.url = ""
        self._next = 1
        self.readonly = False

    def add(self, endpoint: str, **values: Any) -> Json:
        """An object with NetBox's fields; what is not given is null, empty or 0, as there."""
        identity = values.pop("id", None) or self._next
        self._next = max(self._next, identity) + 1
        item: Json = dict.fromkeys(FIELDS[endpoint].split())
        item |= {name: 0 for name in item if name.endswith(_COUNTS)}
        item |= {name: "" for name in ("description", "comments", "serial", "facility") if name in item}
        item |= {"tags": [], "custom_fields": {}} if "tags" in item else {}
        item |= {"id": identity, "url": f"{self.url}/api/{endpoint}/{identity}/"}
        item |= {"display": str(values.get("name") or values.get("model") or identity)}
        unknown = set(values) - set(item)
        assert not unknown, f"{endpoint} has no {unknown}"
        item |= values
        if endpoint in _MODEL:
            there = dict.fromkeys(self._custom_names(_MODEL[endpoint]))
            item["custom_fields"] = {**there, **item["custom_fields"]}
        self.objects[endpoint][identity] = item
        return item

    def brief(self, endpoint: str, item: Json) -> Json:
        """The nested form of an object."""
        names = {"id", "url", "display", "name", "slug", "description", "model", "manufacturer", "_depth"}
        return {name: value for name, value in item.items() if name in names}

    def _custom_names(self, model: str) -> list[str]:
        return [f["name"] for f in self.objects["extras/custom-fields"].values() if model in f["object_types"]]

    # What the API does.

    def answer(
        self, method: str, path: str, query: dict[str, list[str]], body: Any, token: str
    ) -> tuple[int, Any, Json]:
        if token not in {f"Bearer {TOKEN}"}:
            return 403, {"detail": "Invalid v2 token"}, {}
        if self.busy:
            self.busy -= 1
            return 429, {"detail": "Request was throttled."}, {"Retry-After": "0"}
        parts = path.removeprefix("/api/").strip("/").split("/")
        endpoint = "/".join(parts[:2])
        if endpoint not in self.objects:
            return 404, {"detail": "Not found."}, {}
        if method == "GET" and len(parts) == 2:
            return 200, self._list(endpoint, query), {}
        if self.readonly:
            return 403, {"detail": "You do not have permission to perform this action."}, {}
        if method == "PATCH" and len(parts) == 2:
            return self._patch(endpoint, body)
        if method == "POST" and len(parts) == 2:
            made = self.add(endpoint, **{**body, "type": choice(body["type"])})
            for other, model in _MODEL.items():
                if model in made["object_types"]:
                    for item in self.objects[other].values():
                        item["custom_fields"].setdefault(made["name"], None)
            return 201, made, {}
        return 405, {"detail": f'Method "{method}" not allowed.'}, {}

    def _list(self, endpoint: str, query: dict[str, list[str]]) -> Json:
        found = list(self.objects[endpoint].values())
        limit = min(int(query.pop("limit", ["50"])[0]) or self.limit_max, self.limit_max)
        offset = int(query.pop("offset", ["0"])[0])
        query.pop("exclude", None)
        for name, values in query.items():
            found = [item for item in found if _matches(endpoint, item, name, values)]
        following = f"{self.url}/api/{endpoint}/?limit={limit}&offset={offset + limit}"
        for name, values in query.items():
            following += "".join(f"&{name}={value}" for value in values)
        return {
            "count": len(found),
            "next": following if offset + limit < len(found) else None,
            "previous": None,
            "results": found[offset : offset + limit],
        }

    def _patch(self, endpoint: str, body: Any) -> tuple[int, Any, Json]:
        # All or nothing, as NetBox does bulk updates in one transaction.
        for change in body:
            unknown = set(change.get("custom_fields", {})) - set(self._custom_names(_MODEL[endpoint]))
            if unknown:
                name = sorted(unknown)[0]
                return (
                    400,
                    {"custom_fields": {name: [f"Custom field '{name}' does not exist for this object type."]}},
                    {},
                )
        done = []
        for change in body:
            item = self.objects[endpoint][change["id"]]
            item["custom_fields"] |= change.get("custom_fields", {})
            done.append(item)
        return 200, done, {}


def _matches(endpoint: str, item: Json, name: str, values: list[str]) -> bool:
    if name == "id":
        return str(item["id"]) in values
    if name == "slug":
        return item["slug"] in values
    if name == "tag":
        return any(tag["slug"] in values for tag in item["tags"])
    if name == "site_id":
        holder = item.get("site") or (item.get("device") or item.get("power_panel") or {}).get("_site")
        return holder is None or str(holder["id"]) in values
    raise AssertionError(f"{endpoint}: the fake knows no filter {name}")


@contextmanager
def serve(fake: FakeNetBox) -> Iterator[FakeNetBox]:
    """The fake on a free port of loopback; its URL is in `url`."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            fake.requests.append((self.command, self.path))
            status, answer, headers = fake.answer(
                self.command, parts.path, parse_qs(parts.query), body, self.headers.get("Authorization", "")
            )
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = do_POST = _do

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
