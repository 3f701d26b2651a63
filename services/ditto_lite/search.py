"""Search over the things in memory: RQL, namespaces, permissions, sorting, pages, cursors, count.

No I/O. Unlike Ditto's, the index is never behind. A subject matches and sees only what it may read. Next:
:mod:`ditto_lite.search_http`.
"""

from __future__ import annotations

import base64
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import msgspec

from ditto_lite import fields
from ditto_lite.access import READ
from ditto_lite.errors import error
from ditto_lite.fields import Selector
from ditto_lite.pointers import MISSING, Path, get, parse
from ditto_lite.rql import Predicate, conjunction
from ditto_lite.search_index import Searchable
from ditto_lite.things import Entity

DEFAULT_SIZE: Final = 25
MAX_SIZE: Final = 200
_OPTION = re.compile(r"\s*(sort|size|limit|cursor)\(([^()]*)\)\s*(?:,|$)")


@dataclass(slots=True)
class Query:
    """A search as asked for. ``sort`` are (path, descending)."""

    subjects: tuple[str, ...]
    filter: str = ""
    namespaces: tuple[str, ...] | None = None
    selector: Selector | None = None
    sort: list[tuple[str, bool]] = field(default_factory=list)
    size: int | None = None
    offset: int | None = None
    cursor: str | None = None


def read_options(text: str, query: Query) -> None:
    """Read ``sort(-a,+b),size(10),limit(0,5),cursor(...)`` into the query.

    Raises:
        DittoError: an option is unknown, or not allowed with its value.
    """
    at = 0
    while at < len(text):
        match = _OPTION.match(text, at)
        if match is None:
            raise error(
                "rql.expression.invalid",
                reason=f"Invalid input '{text[at]}', expected WhiteSpace or Options (line 1, column {at + 1}):\n"
                f"{text}\n{' ' * at}^",
            )
        name, argument = match.groups()
        if name == "sort":
            for part in argument.split(","):
                query.sort.append((part.strip().lstrip("+- "), part.strip().startswith("-")))
        elif name == "cursor":
            query.cursor = argument
        elif name == "size":
            query.size = _count(argument, "size")
        else:
            offset, _, count = argument.partition(",")
            query.offset, query.size = _count(offset, "offset", 1 << 31), _count(count, "count")
        at = match.end()


def _count(text: str, name: str, limit: int = MAX_SIZE) -> int:
    try:
        value = int(text)
    except ValueError:
        raise _option(f"Parameter <{name}> is not a number: <{text}>!") from None
    if value > limit:
        raise _option(f"Parameter <{name}> must be less than or equal to <{limit}> but it was <{value:,}>!")
    if value < 0:
        raise _option(f"Parameter <{name}> must not be negative but it was <{value}>!")
    return value


def _option(message: str, description: str | None = None) -> Exception:
    return error("thing-search:search.option.invalid", message=message, description=description)


_BAD_CURSOR: Final = "The option 'cursor' is not valid for the search request."


class Search:
    """Searches one twin, or its index."""

    def __init__(self, twin: Searchable) -> None:
        self._twin = twin

    def page(self, query: Query) -> dict[str, Any]:
        """One page: ``items``, and ``cursor`` or ``nextPageOffset``.

        Raises:
            DittoError: filter, options or cursor are wrong.
        """
        after: list[Any] | None = None
        if query.cursor is not None:
            after = self._open_cursor(query)
        size = DEFAULT_SIZE if query.size is None else query.size
        sort = _with_id(query.sort)
        start = query.offset or 0
        if sort == [("thingId", False)]:
            ordered = self._by_id(query, after[0] if after else "", start + size + 1)
        else:
            ordered = self._ordered(query, sort)
            if after is not None:
                last = _key(after, sort)
                ordered = [each for each in ordered if each[0] > last]
        chosen = ordered[start : start + size]
        answer: dict[str, Any] = {"items": [self._shown(entity, view, query) for _, _, entity, view in chosen]}
        more = len(ordered) > start + size
        if query.offset is not None:
            answer["nextPageOffset"] = start + size if more else -1
        elif more and chosen:
            answer["cursor"] = _seal(chosen[-1][1], query)
        elif query.cursor is None:
            answer["nextPageOffset"] = -1
        return answer

    def every(self, query: Query) -> Iterator[Any]:
        """Every match, in order, without pages."""
        for _, _, entity, view in self._ordered(query, _with_id(query.sort)):
            yield self._shown(entity, view, query)

    def count(self, query: Query) -> int:
        """Number of matches."""
        return sum(1 for _ in self._matches(query))

    def _by_id(self, query: Query, after: str, limit: int) -> list[tuple[Any, list[Any], Entity, Any]]:
        """The first matches by thing id after one: paging through all things looks at each once, not once a page."""
        ids = self._twin.sorted_ids()
        things = self._twin.things
        following = (things[ids[at]] for at in range(bisect_right(ids, after), len(ids)))
        return [(None, [entity.id], entity, view) for entity, view in islice(self._matches(query, following), limit)]

    def _matches(self, query: Query, among: Iterable[Entity] | None = None) -> Iterator[tuple[Entity, Any]]:
        wanted: Predicate | None = conjunction([query.filter])
        namespaces = None if query.namespaces is None else frozenset(query.namespaces)
        for entity in self._twin.things.values() if among is None else among:
            if namespaces is not None and entity.id.partition(":")[0] not in namespaces:
                continue
            access = self._twin.access_to(entity, query.subjects)
            if access.reads_all:
                view: Any = entity.document
            elif access.partial((), READ):
                seen = access.view(entity.document)
                view = {"thingId": entity.id, **(seen if seen is not MISSING else {})}
            else:
                continue
            if wanted is None or wanted(view, self._twin.pseudo(entity)):
                yield entity, view

    def _ordered(self, query: Query, sort: list[tuple[str, bool]]) -> list[tuple[Any, list[Any], Entity, Any]]:
        paths = [(name, parse(name)) for name, _ in sort]
        found = []
        for entity, view in self._matches(query):
            values = [self._sort_value(entity, view, name, path) for name, path in paths]
            found.append((_key(values, sort), values, entity, view))
        found.sort(key=lambda each: each[0])
        return found

    def _sort_value(self, entity: Entity, view: Any, name: str, path: Path) -> Any:
        if name == "thingId":
            return entity.id
        if name.startswith("_"):
            return self._twin.pseudo(entity).get(name)
        value = get(view, path)
        return None if value is MISSING else value

    def _shown(self, entity: Entity, view: Any, query: Query) -> Any:
        if query.selector is None:
            return view
        return fields.project({**view, **self._twin.pseudo(entity)}, query.selector)

    @staticmethod
    def _open_cursor(query: Query) -> list[Any]:
        try:
            raw = base64.urlsafe_b64decode(str(query.cursor) + "=" * (-len(str(query.cursor)) % 4))
            sealed = msgspec.json.decode(zlib.decompress(raw))
            sort = [(name, bool(down)) for name, down in sealed["S"]]
            values = list(sealed["V"])
            values = [value for value, _ in zip(values, _with_id(sort), strict=True)]
        except (ValueError, KeyError, TypeError, zlib.error, msgspec.DecodeError):
            raise _option(_BAD_CURSOR) from None
        if query.sort and _with_id(query.sort) != _with_id(sort):
            raise _option(_BAD_CURSOR, "The option 'sort' must not differ from the original query of the cursor.")
        if query.filter and query.filter != sealed["F"]:
            raise _option(_BAD_CURSOR, "The parameter 'filter' must not differ from the original query of the cursor.")
        namespaces = None if sealed["N"] is None else tuple(sealed["N"])
        if query.namespaces is not None and query.namespaces != namespaces:
            raise _option(
                _BAD_CURSOR, "The parameter 'namespaces' must not differ from the original query of the cursor."
            )
        query.sort, query.filter, query.namespaces = sort, sealed["F"], namespaces
        return values


def _with_id(sort: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """A sort order that is total: the thing id decides at the end."""
    return sort if any(name == "thingId" for name, _ in sort) else [*sort, ("thingId", False)]


class _Descending:
    """Reverses the order of a key, for sorting by several fields in different directions."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _key(values: list[Any], sort: list[tuple[str, bool]]) -> tuple[Any, ...]:
    """Sort key in MongoDB's order of types: missing, numbers, texts, the rest, booleans."""
    keys = []
    for value, (_, descending) in zip(values, sort, strict=True):
        if value is None:
            key: tuple[int, Any] = (0, 0)
        elif isinstance(value, bool):
            key = (4, value)
        elif isinstance(value, int | float):
            key = (1, value)
        elif isinstance(value, str):
            key = (2, value)
        else:
            key = (3, msgspec.json.encode(value).decode())
        keys.append(_Descending(key) if descending else key)
    return tuple(keys)


def _seal(values: list[Any], query: Query) -> str:
    content = {"S": query.sort, "V": values, "F": query.filter, "N": query.namespaces}
    return base64.urlsafe_b64encode(zlib.compress(msgspec.json.encode(content))).decode().rstrip("=")
