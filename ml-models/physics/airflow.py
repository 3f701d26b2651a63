"""Who breathes whose air: from the flows of racks and cooling units to one matrix of mixing. Pure.

Every flow is counted once at its source and once at its sink, so that mass is conserved whatever the parameters:

* a zone asks for ``(1 - r) V`` of supply air; ``r`` comes from its place (:mod:`physics.geometry`);
* cooling units offer what does not leak; if they offer less than is asked for, every zone gets less, the tops by more
  than the bottoms, and breathes outlet and room air instead (recirculation); if they offer more, the rest flows into
  the room (bypass). That one rule gives RTI, SHI and the capture index (Herrlin 2008; Sharma, Bash, Patel 2002);
* a unit's air goes in part to what stands near it, the rest through the plenum, mixed;
* what a zone recirculates comes from its own and its neighbours' outlets, and for the rest from the room air;
* outlets that nobody breathes go to near units, for the rest into the room air, from which units take what they lack.

Arrays have a leading axis of scenarios. Next: :class:`physics.model.RoomModel`, which holds the flows for some seconds
and multiplies temperatures with the matrix in between.
"""

from __future__ import annotations

from copy import copy
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from physics.geometry import Geometry

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_TINY: Final = 1e-9


class Pattern:
    """Where the matrix of mixing has entries: the same for every scenario and every flow."""

    def __init__(self, geometry: Geometry, supply_kernel: Floats, scenarios: int) -> None:
        """``supply_kernel`` (S, N, K): how strongly a rack and each of its near units feel each other."""
        g = self.geometry = geometry
        m, z = g.units, 2 * g.racks
        self.scenarios, self.zones = scenarios, z
        unit = np.concatenate([g.unit, g.unit])
        self.kernel = np.concatenate([supply_kernel, supply_kernel], axis=1)
        zone = np.arange(z, dtype=np.intp)
        units = np.arange(m, dtype=np.intp)
        plenum, room = z + m, z + m + 1
        both = np.repeat(zone, unit.shape[1])
        row = np.concatenate([np.repeat(zone, g.from_zone.shape[1]), both, zone, zone, z + unit.ravel(), z + units])
        column = np.concatenate(
            [g.from_zone.ravel(), z + unit.ravel(), np.full(z, plenum), np.full(z, room), both, np.full(m, room)]
        )
        # Entries whose share is 0 (no neighbour) are left out: their column is another entry's.
        used = np.ones(row.size, dtype=bool)
        used[: g.share.size] = g.share.ravel() > 0.0
        kept = np.flatnonzero(used)
        self._order = kept[np.lexsort((column[kept], row[kept]))]
        counts = np.bincount(row[kept], minlength=z + m)
        starts = np.concatenate([[0], np.cumsum(counts)])
        of = np.arange(scenarios)[:, None]
        indptr = np.append((of * kept.size + starts[None, :-1]).ravel(), scenarios * kept.size)
        indices = (of * (z + m + 2) + column[self._order][None, :]).ravel()
        shape = (scenarios * (z + m), scenarios * (z + m + 2))
        self._empty = sparse.csr_array(
            (np.zeros(indices.size), indices.astype(np.int32), indptr.astype(np.int32)), shape=shape
        )
        # Gathers and sums over pairs, per scenario, each by one flat index.
        self._from = _flat(g.from_zone.ravel(), z, scenarios)
        self._unit = _flat(unit.ravel(), m, scenarios)
        self._near = (scenarios, z, unit.shape[1])
        self._around = (scenarios, *g.share.shape)

    def of_source(self, values: Floats) -> Floats:
        """A zone's value (S, Z) at each of the zones that a zone recirculates from (S, Z, 4)."""
        return np.asarray(values.ravel().take(self._from).reshape(self._around))

    def of_unit(self, values: Floats) -> Floats:
        """A unit's value (S, M) at each of the units near a zone (S, Z, K)."""
        return np.asarray(values.ravel().take(self._unit).reshape(self._near))

    def sum_source(self, values: Floats) -> Floats:
        """Sum (S, Z), over all zones, of what they take from each zone (S, Z, 4)."""
        return _sum(values, self._from, (self.scenarios, self.zones))

    def sum_unit(self, values: Floats) -> Floats:
        """Sum (S, M), over all zones, of what they have of each unit (S, Z, K)."""
        return _sum(values, self._unit, (self.scenarios, self.geometry.units))

    def matrix(self, data: Floats) -> sparse.csr_array:
        """The matrix, one block per scenario, from entries (S, …) in the order of ``__init__``."""
        made = copy(self._empty)
        made.data = data.take(self._order, axis=1).ravel()
        return made


class Network:
    """The air of one moment: flows (m3/s) and the matrix made of them. Never changed once made.

    ``flow`` (S, Z) through the zones, ``unit_flow`` (S, M), ``supply`` (S, Z) supply air that reaches a zone,
    ``bypass`` (S, M) supply air that none breathes, ``plenum`` (S, M) weights of the units in the plenum's mixture,
    ``to_room`` (S, Z) outlet air that goes into the room air.
    ``mix @ [outlets, supplies, plenum, room]`` are the temperatures that zones and units breathe.
    """

    __slots__ = ("bypass", "flow", "mix", "plenum", "recirculation", "supply", "to_room", "unit_flow")

    def __init__(
        self,
        pattern: Pattern,
        *,
        flow: Floats,
        unit_flow: Floats,
        recirculation: Floats,
        leakage: Floats,
        starvation: Floats,
        local_supply: Floats,
        local_return: Floats,
    ) -> None:
        """``recirculation`` (S, Z) is the least share of air that is not supply air; the rest are columns (S, 1)."""
        p, n, s = pattern, pattern.geometry.racks, pattern.scenarios
        self.flow, self.unit_flow, self.recirculation = flow, unit_flow, recirculation
        asked = (1.0 - recirculation) * flow
        asked_sum = asked.sum(axis=1, keepdims=True)
        offered = (1.0 - leakage) * unit_flow
        offered_sum = offered.sum(axis=1, keepdims=True)
        enough = np.minimum(1.0, offered_sum / np.maximum(asked_sum, _TINY))
        # Tops lack more than bottoms. With starvation at most 0.5 no zone's share falls below 0, and the sum is what
        # is offered: the weights' mean over what is asked for is 1.
        lean = starvation * enough
        weight = np.empty_like(flow)
        weight[:, :n], weight[:, n:] = 1.0 - lean, 1.0 + lean
        weight *= asked_sum / np.maximum((asked * weight).sum(axis=1, keepdims=True), _TINY)
        supply = self.supply = asked * (1.0 - (1.0 - enough) * weight)
        delivered = offered * (supply.sum(axis=1, keepdims=True) / np.maximum(offered_sum, _TINY))
        self.bypass = unit_flow - delivered

        near = p.kernel * supply[:, :, None]
        near *= p.of_unit(local_supply * delivered / np.maximum(p.sum_unit(near), _TINY))
        near *= np.minimum(1.0, supply / np.maximum(near.sum(axis=2), _TINY))[:, :, None]
        through_plenum = np.maximum(supply - near.sum(axis=2), 0.0)
        into_plenum = np.maximum(delivered - p.sum_unit(near), 0.0)
        self.plenum = into_plenum / np.maximum(into_plenum.sum(axis=1, keepdims=True), _TINY)

        hot = np.maximum(flow - supply, 0.0)
        back = np.minimum(p.of_source(flow), flow[:, :, None])
        back *= p.geometry.share * (hot / flow)[:, :, None]
        from_room = np.maximum(hot - back.sum(axis=2), 0.0)
        left = np.maximum(flow - p.sum_source(back), 0.0)

        taken = p.kernel * left[:, :, None]
        # A unit that stands still takes nothing in, and is surrounded by room air.
        stands = unit_flow <= _TINY
        share = np.where(stands, 0.0, local_return * unit_flow / np.maximum(p.sum_unit(taken), _TINY))
        taken *= p.of_unit(share)
        taken *= np.minimum(1.0, left / np.maximum(taken.sum(axis=2), _TINY))[:, :, None]
        self.to_room = left - taken.sum(axis=2)
        room_to_unit = np.maximum(unit_flow - p.sum_unit(taken), 0.0)

        per_zone, per_unit = 1.0 / flow, 1.0 / np.maximum(unit_flow, _TINY)
        back *= per_zone[:, :, None]
        near *= per_zone[:, :, None]
        taken *= p.of_unit(per_unit)
        parts = [
            back.reshape(s, -1),
            near.reshape(s, -1),
            through_plenum * per_zone,
            from_room * per_zone,
            taken.reshape(s, -1),
            np.where(stands, 1.0, room_to_unit * per_unit),
        ]
        self.mix = p.matrix(np.concatenate(parts, axis=1))


def _sum(values: Floats, where: Ints, shape: tuple[int, int]) -> Floats:
    total = np.bincount(where, weights=values.ravel(), minlength=shape[0] * shape[1])
    return np.asarray(total.reshape(shape), dtype=float)


def _flat(index: Ints, size: int, scenarios: int) -> Ints:
    return np.asarray((np.arange(scenarios)[:, None] * size + index[None, :]).ravel())
