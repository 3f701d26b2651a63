"""The power graph of a room: which rack hangs on which feeds, and what goes dark when one is lost. Pure.

A rack stays up as long as one of its feeds does; the other then carries all of its load, and is named where that is
more than it is rated for. A rack that declares no feeds is not touched by the loss of a PDU. Next: `timeline`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Feed:
    """One feed of a rack: the PDU it comes from and what it may carry, in W."""

    name: str
    pdu: str
    rated_w: float


@dataclass(frozen=True)
class Loss:
    """What a loss does: racks without power, racks on their last feed, and feeds that carry too much (rack, feed,
    load W, rated W)."""

    dark: tuple[str, ...]
    single: tuple[str, ...]
    overloaded: tuple[tuple[str, str, float, float], ...]


@dataclass
class PowerGraph:
    """Feeds by rack name, and those that are lost so far."""

    feeds: dict[str, tuple[Feed, ...]]
    lost: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, racks: Iterable[Json]) -> PowerGraph:
        """The graph of Rack resources."""
        return cls(
            {
                str(rack["metadata"]["name"]): tuple(
                    Feed(
                        str(feed["name"]),
                        str(feed["pdu"]),
                        float(feed.get("voltage") or 230.0) * float(feed.get("amperage") or 32.0),
                    )
                    for feed in rack["spec"].get("feeds") or ()
                )
                for rack in racks
            }
        )

    def pdus(self) -> list[str]:
        """Names of all PDUs."""
        return sorted({feed.pdu for feeds in self.feeds.values() for feed in feeds})

    def lose_pdu(self, pdu: str) -> None:
        """A PDU goes, and every feed with it.

        Raises:
            ValueError: no rack of the room hangs on it.
        """
        hit = {(rack, feed.name) for rack, feeds in self.feeds.items() for feed in feeds if feed.pdu == pdu}
        if not hit:
            raise ValueError(
                f"pdu {pdu!r}: no rack of the room hangs on it; there are {', '.join(self.pdus()) or 'none'}"
            )
        self.lost |= hit

    def lose_feed(self, rack: str, name: str) -> None:
        """One feed of one rack goes.

        Raises:
            ValueError: there is no such rack or feed.
        """
        if rack not in self.feeds:
            raise ValueError(f"rack {rack!r}: not in the room")
        if name not in {feed.name for feed in self.feeds[rack]}:
            raise ValueError(f"rack {rack}: no feed {name}; its Rack resource names none of that name")
        self.lost.add((rack, name))

    def state(self, load_w: Mapping[str, float]) -> Loss:
        """What the losses so far mean at these loads (W by rack name)."""
        dark, single, overloaded = [], [], []
        for rack, feeds in self.feeds.items():
            left = [feed for feed in feeds if (rack, feed.name) not in self.lost]
            if len(left) == len(feeds):
                continue
            if not left:
                dark.append(rack)
                continue
            if len(left) == 1:
                single.append(rack)
            share = load_w.get(rack, 0.0) / len(left)
            overloaded += [(rack, feed.name, share, feed.rated_w) for feed in left if share > feed.rated_w]
        return Loss(tuple(dark), tuple(single), tuple(overloaded))
