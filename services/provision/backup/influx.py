"""InfluxDB: its metadata (users, tokens, buckets, tasks) and every shard, over its own backup API (version 2.7).

A restore replaces everything, tokens included: the administrator's token must be the one of the backup, which is why
Secrets are backed up beside it.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from provision.failure import Failure

_TIMEOUT_S = (15, 600)
_CHUNK = 1 << 20
_PARTS = ("kv", "sql", "buckets")


def _call(method: str, url: str, token: str, path: str, **arguments: Any) -> requests.Response:
    try:
        answer = requests.request(
            method,
            url.rstrip("/") + path,
            timeout=_TIMEOUT_S,
            **{**arguments, "headers": {"Authorization": f"Token {token}", **arguments.get("headers", {})}},
        )
    except requests.RequestException as error:
        raise Failure(f"InfluxDB {url}: {error}", "is it running, and is its certificate trusted?") from error
    if not answer.ok:
        raise Failure(
            f"InfluxDB {method} {path}: {answer.status_code} {answer.text[:200]}",
            "the token must be the administrator's of the set-up",
        )
    return answer


def save(url: str, token: str, folder: Path) -> dict[str, int]:
    """Write metadata and shards into `folder`; how many buckets and shards.

    Raises:
        Failure: InfluxDB does not answer or refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    answer = _call("GET", url, token, "/api/v2/backup/metadata", headers={"Accept-Encoding": "identity"})
    for name, content in _multipart(answer):
        if name in _PARTS:
            (folder / name).write_bytes(content)
    missing = [name for name in _PARTS if not (folder / name).exists()]
    if missing:
        raise Failure(f"InfluxDB: its backup lacks {', '.join(missing)}", "is it version 2.7?")
    buckets = json.loads((folder / "buckets").read_text(encoding="utf-8"))
    count = 0
    for shard in _shards(buckets):
        with (
            _call(
                "GET", url, token, f"/api/v2/backup/shards/{shard}", headers={"Accept-Encoding": "gzip"}, stream=True
            ) as stream,
            (folder / f"shard-{shard}.tar").open("wb") as file,
        ):
            for chunk in stream.iter_content(_CHUNK):
                file.write(chunk)
        count += 1
    return {"buckets": len(buckets), "shards": count}


def load(url: str, token: str, folder: Path) -> dict[str, int]:
    """Replace everything in InfluxDB by the backup; how many buckets and shards.

    Raises:
        Failure: InfluxDB does not answer or refuses, or the backup is not complete.
    """
    try:
        buckets = json.loads((folder / "buckets").read_text(encoding="utf-8"))
        for name in ("kv", "sql"):
            with (folder / name).open("rb") as file:
                _call("POST", url, token, f"/api/v2/restore/{name}", data=file)
        count = 0
        for shard in _shards(buckets):
            with (folder / f"shard-{shard}.tar").open("rb") as file:
                _call("POST", url, token, f"/api/v2/restore/shards/{shard}", data=file)
            count += 1
    except (OSError, ValueError) as error:
        raise Failure(f"{folder}: {error}", "is the backup complete? choose another") from error
    return {"buckets": len(buckets), "shards": count}


def _shards(buckets: list[dict[str, Any]]) -> Iterator[int]:
    for bucket in buckets:
        for policy in bucket.get("retentionPolicies") or []:
            for group in policy.get("shardGroups") or []:
                # Groups that ran out are still listed, without data.
                if group.get("deletedAt"):
                    continue
                for shard in group.get("shards") or []:
                    yield int(shard["id"])


def _multipart(answer: requests.Response) -> Iterator[tuple[str, bytes]]:
    """The named parts of a multipart answer."""
    header = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(header + answer.content)
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if name is not None and isinstance(content, bytes):
            yield str(name), content
