"""Thermal and energy indices of rooms and racks, live: from the newest readings onto twins and into history.

In the order of the flow: `physics.watch` (readings in), `look` (indices of a room), `physics.watch` (results out).
"""
