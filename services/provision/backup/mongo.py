"""MongoDB: every collection of Ditto and Hono as gzipped BSON, documents one after the other, as mongodump writes them.

By the driver and not by mongodump, so that the image with our processes is enough and the same code is proven against
a real server in the tests. Documents pass through as bytes. Indexes are written beside and made again.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import bson
from bson import json_util
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from provision.failure import Failure

_NOT_OURS = {"admin", "config", "local"}
_BATCH = 1000
_LENGTH = 4
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


def connect(uri: str) -> MongoClient[dict[str, Any]]:
    """A client that fails after 15 s where no server answers."""
    return MongoClient(uri, serverSelectionTimeoutMS=15_000, tz_aware=True)


def save(uri: str, folder: Path) -> dict[str, int]:
    """Write every collection into `folder`; documents by `database.collection`.

    Raises:
        Failure: MongoDB does not answer or refuses.
    """
    counts: dict[str, int] = {}
    try:
        with connect(uri) as client:
            for database in sorted(set(client.list_database_names()) - _NOT_OURS):
                for collection in sorted(client[database].list_collection_names(filter={"type": "collection"})):
                    if collection.startswith("system."):
                        continue
                    counts[f"{database}.{collection}"] = _save_collection(client, database, collection, folder)
    except PyMongoError as error:
        raise Failure(f"MongoDB: {error}", "is it running, and may this user back up?") from error
    return counts


def _save_collection(client: MongoClient[dict[str, Any]], database: str, collection: str, folder: Path) -> int:
    place = folder / database
    place.mkdir(parents=True, exist_ok=True)
    source = client[database][collection]
    indexes = [dict(index) for index in source.list_indexes()]
    # Quoted, because names of collections may hold characters that file names may not.
    stem = bson_name(collection)
    (place / f"{stem}.indexes.json").write_text(json_util.dumps({"collection": collection, "indexes": indexes}))
    count = 0
    with gzip.open(place / f"{stem}.bson.gz", "wb", compresslevel=5) as file:
        for document in source.with_options(codec_options=_RAW).find({}, batch_size=_BATCH):
            file.write(document.raw)
            count += 1
    return count


def load(uri: str, folder: Path) -> dict[str, int]:
    """Replace every collection that the backup has by what it holds; documents by `database.collection`.

    Raises:
        Failure: MongoDB does not answer or refuses, or a file is broken.
    """
    counts: dict[str, int] = {}
    try:
        with connect(uri) as client:
            for notes in sorted(folder.glob("*/*.indexes.json")):
                database = notes.parent.name
                described = json_util.loads(notes.read_text())
                target = client[database][described["collection"]]
                target.drop()
                with gzip.open(notes.with_name(notes.name.replace(".indexes.json", ".bson.gz")), "rb") as file:
                    counts[f"{database}.{described['collection']}"] = _insert(target, file)  # type: ignore[arg-type]
                for index in described["indexes"]:
                    if index["name"] != "_id_":
                        options = {key: value for key, value in index.items() if key not in ("v", "key", "ns")}
                        target.create_index(list(index["key"].items()), **options)
    except PyMongoError as error:
        raise Failure(f"MongoDB: {error}", "is it running, and may this user restore?") from error
    except (OSError, ValueError, bson.errors.BSONError) as error:
        raise Failure(f"{folder}: {error}", "is the backup complete? choose another") from error
    return counts


def _insert(target: Any, file: BinaryIO) -> int:
    count = 0
    batch: list[RawBSONDocument] = []
    for document in _documents(file):
        batch.append(document)
        count += 1
        if len(batch) == _BATCH:
            target.insert_many(batch, ordered=False)
            batch.clear()
    if batch:
        target.insert_many(batch, ordered=False)
    return count


def _documents(file: BinaryIO) -> Iterator[RawBSONDocument]:
    """Documents one after the other; each begins with its length."""
    while head := file.read(_LENGTH):
        length = int.from_bytes(head, "little")
        body = file.read(length - _LENGTH)
        if len(head) < _LENGTH or len(body) < length - _LENGTH:
            raise ValueError("the file ends within a document")
        yield RawBSONDocument(head + body)


def bson_name(collection: str) -> str:
    """A file name for a collection's."""
    return json.dumps(collection)[1:-1].replace("/", "%2F")
