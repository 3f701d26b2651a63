"""A twin of each room that follows it live, is calibrated from what it sees, and says how far to trust it.

In the order of the flow: `physics.watch` (readings in), `look` (follow and judge a room), `memory` (its recent past,
from which it is calibrated), `physics.watch` (results onto twins and into history).
"""
