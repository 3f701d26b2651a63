"""RQL, Ditto's query language: text to a syntax tree, the tree to a predicate over one document.

Pure. ``parse`` builds the tree, ``str(tree)`` writes it back, ``predicate`` compiles it into nested closures that
look at
the document alone. Next: :mod:`ditto_lite.search`, conditions of commands, filters of events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ditto_lite.errors import error

Predicate = Callable[[dict[str, Any], dict[str, Any]], bool]
"""Takes the document and its pseudo fields (``_modified``, ``topic:action`` …)."""

COMPARISONS: Final = ("eq", "ne", "gt", "ge", "lt", "le", "like", "ilike")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?(?=[,)]|$)")
_UNIT_SECONDS: Final = {
    "ms": 0.001,
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
    "mo": 2_592_000,
    "y": 31_536_000,
}
_NOW = re.compile(
    r"time:(?P<form>now|now_epoch_millis)(?:(?P<sign>[+-])(?P<amount>\d+)(?P<unit>ms|mo|s|m|h|d|w|y))?(?=[,)]|$)"
)


@dataclass(frozen=True, slots=True)
class Now:
    """The placeholder ``time:now``, with an offset in seconds."""

    text: str
    offset_s: float

    def resolve(self) -> str | int:
        """The instant as Ditto writes it: an ISO text, or epoch milliseconds for ``time:now_epoch_millis``."""
        instant = datetime.now(UTC) + timedelta(seconds=self.offset_s)
        if self.text.startswith("time:now_epoch_millis"):
            return int(instant.timestamp() * 1000)
        return instant.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Compare:
    """``eq(attributes/row,"A")`` and the like."""

    op: str
    field: str
    value: Any

    def __str__(self) -> str:
        return f"{self.op}({self.field},{_literal(self.value)})"


@dataclass(frozen=True, slots=True)
class In:
    """``in(attributes/idx,1,2,40)``."""

    field: str
    values: tuple[Any, ...]

    def __str__(self) -> str:
        return f"in({self.field},{','.join(_literal(value) for value in self.values)})"


@dataclass(frozen=True, slots=True)
class Exists:
    """``exists(features/leak)``."""

    field: str

    def __str__(self) -> str:
        return f"exists({self.field})"


@dataclass(frozen=True, slots=True)
class Logical:
    """``and(...)``, ``or(...)`` and ``not(...)``."""

    op: str
    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        return f"{self.op}({','.join(str(node) for node in self.nodes)})"


Node = Compare | In | Exists | Logical


def _literal(value: Any) -> str:
    return value.text if isinstance(value, Now) else json.dumps(value, ensure_ascii=False)


class _Parser:
    """Recursive descent over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fail(self, expected: str) -> Exception:
        given = f"Invalid input '{self.text[self.at]}'" if self.at < len(self.text) else "Unexpected end of input"
        return error(
            "rql.expression.invalid",
            reason=f"{given}, expected {expected} (line 1, column {self.at + 1}):\n{self.text}\n{' ' * self.at}^",
        )

    def blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, sign: str) -> None:
        self.blanks()
        if not self.text.startswith(sign, self.at):
            raise self.fail(f"'{sign}'")
        self.at += len(sign)
        self.blanks()

    def peek(self, sign: str) -> bool:
        self.blanks()
        return self.text.startswith(sign, self.at)

    def node(self) -> Node:
        self.blanks()
        match = re.compile(r"[a-z]+(?=\s*\()").match(self.text, self.at)
        op = match.group() if match else ""
        if op in ("and", "or", "not"):
            self.at += len(op)
            self.take("(")
            nodes = [self.node()]
            while op != "not" and self.peek(","):
                self.take(",")
                nodes.append(self.node())
            self.take(")")
            return Logical(op, tuple(nodes))
        if op not in (*COMPARISONS, "in", "exists"):
            raise self.fail("a query operator")
        self.at += len(op)
        self.take("(")
        field = self.field()
        if op == "exists":
            self.take(")")
            return Exists(field)
        self.take(",")
        values = [self.value()]
        while op == "in" and self.peek(","):
            self.take(",")
            values.append(self.value())
        if op in ("like", "ilike") and not isinstance(values[0], str):
            raise self.fail("a string")
        self.take(")")
        return In(field, tuple(values)) if op == "in" else Compare(op, field, values[0])

    def field(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in ",()\"'":
            self.at += 1
        field = self.text[start : self.at].strip()
        if not field:
            raise self.fail("ComparisonProperty")
        if self.at >= len(self.text):
            raise self.fail("NormalChar, '\\' or ','")
        return field

    def value(self) -> Any:
        self.blanks()
        for name, literal in (("true", True), ("false", False), ("null", None)):
            if re.compile(name + r"(?=\s*[,)])").match(self.text, self.at):
                self.at += len(name)
                return literal
        if match := _NUMBER.match(self.text, self.at):
            self.at = match.end()
            return json.loads(match.group())
        if match := _NOW.match(self.text, self.at):
            self.at = match.end()
            offset = float(match["amount"] or 0) * _UNIT_SECONDS[match["unit"] or "s"]
            return Now(match.group(), -offset if match["sign"] == "-" else offset)
        quote = self.text[self.at] if self.at < len(self.text) else ""
        if quote not in ("'", '"') or not quote:
            raise self.fail("a value")
        return self.string(quote)

    def string(self, quote: str) -> str:
        out: list[str] = []
        self.at += 1
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign == quote:
                self.at += 1
                return "".join(out)
            if sign == "\\" and self.at + 1 < len(self.text):
                self.at += 1
                sign = self.text[self.at]
                if sign == "u":
                    digits = self.text[self.at + 1 : self.at + 5]
                    if not re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                        raise self.fail("four hexadecimal digits")
                    sign = chr(int(digits, 16))
                    self.at += 4
                else:
                    sign = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(sign, sign)
            out.append(sign)
            self.at += 1
        raise self.fail("the end of the string")


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises:
        DittoError: it is not RQL (``rql.expression.invalid``), with the column.
    """
    parser = _Parser(text)
    node = parser.node()
    parser.blanks()
    if parser.at != len(text):
        raise parser.fail("the end of input")
    # json writes characters beyond the basic plane unescaped, so no pair of surrogates has to be joined here.
    return node


def _walk(value: Any, parts: tuple[str, ...], wild: int) -> Iterator[Any]:
    """Values at a path: every element of an array, every feature where the path says ``*``."""
    for at, part in enumerate(parts):
        if not isinstance(value, dict):
            return
        if at == wild and part == "*":
            for each in value.values():
                yield from _walk(each, parts[at + 1 :], -1)
            return
        if part not in value:
            return
        value = value[part]
    if isinstance(value, list) and value:
        yield from value
    else:
        yield value


def _values(field: str) -> Callable[[dict[str, Any], dict[str, Any]], Iterator[Any]]:
    if field.startswith("_") or ":" in field.split("/", 1)[0] or field == "namespace":
        name = "_namespace" if field == "namespace" else field
        return lambda _document, pseudo: iter((pseudo[name],)) if name in pseudo else iter(())
    parts = tuple(part.replace("~1", "/").replace("~0", "~") for part in field.strip("/").split("/"))
    wild = 1 if parts[0] == "features" else -1
    return lambda document, _pseudo: _walk(document, parts, wild)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _compare(op: str, wanted: Any) -> Callable[[Any], bool]:
    if op in ("like", "ilike"):
        pattern = re.compile(
            "".join(".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in wanted),
            re.DOTALL | (re.IGNORECASE if op == "ilike" else 0),
        )
        return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None
    kind = _kind(wanted)
    if op == "eq":
        return lambda value: _kind(value) == kind and bool(value == wanted)
    if op == "ne":
        return lambda value: _kind(value) != kind or bool(value != wanted)
    if kind not in ("number", "str"):
        return lambda value: False
    if op == "gt":
        return lambda value: _kind(value) == kind and bool(value > wanted)
    if op == "ge":
        return lambda value: _kind(value) == kind and bool(value >= wanted)
    if op == "lt":
        return lambda value: _kind(value) == kind and bool(value < wanted)
    return lambda value: _kind(value) == kind and bool(value <= wanted)


def predicate(node: Node) -> Predicate:
    """A function that says whether a document matches. ``time:now`` is taken when the predicate is made."""
    if isinstance(node, Logical):
        inner = [predicate(child) for child in node.nodes]
        if node.op == "and":
            return lambda document, pseudo: all(each(document, pseudo) for each in inner)
        if node.op == "or":
            return lambda document, pseudo: any(each(document, pseudo) for each in inner)
        return lambda document, pseudo: not inner[0](document, pseudo)
    values = _values(node.field)
    if isinstance(node, Exists):
        return lambda document, pseudo: any(True for _ in values(document, pseudo))
    if isinstance(node, In):
        tests = [_compare("eq", value.resolve() if isinstance(value, Now) else value) for value in node.values]
        return lambda document, pseudo: any(test(value) for value in values(document, pseudo) for test in tests)
    test = _compare(node.op, node.value.resolve() if isinstance(node.value, Now) else node.value)
    if node.op == "ne":
        # Every element must differ: an array that holds the value somewhere does not match.
        return lambda document, pseudo: bool(found := list(values(document, pseudo))) and all(map(test, found))
    return lambda document, pseudo: any(map(test, values(document, pseudo)))


def compile_filter(text: str) -> Predicate:
    """Parse and compile in one step.

    Raises:
        DittoError: it is not RQL.
    """
    return predicate(parse(text))


def conjunction(texts: list[str]) -> Predicate | None:
    """The predicate that all of several filters give together, or None when there is none."""
    filters = [compile_filter(text) for text in texts if text]
    if not filters:
        return None
    return filters[0] if len(filters) == 1 else lambda document, pseudo: all(each(document, pseudo) for each in filters)
