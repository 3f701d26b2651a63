"""A twin of each room that follows it live, is calibrated from what it sees, and says how far to trust it.

In the order of the flow: `physics.watch` (readings in), `look` (a room by `physics.follow`: follow, judge, calibrate),
`physics.watch` (results onto twins and into history).
"""
