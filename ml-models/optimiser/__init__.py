"""The optimiser: how a room's cooling units are best set, kept within every rack's class. Proposes; the guard decides.

The mathematics is pure: :mod:`optimiser.response` (what the room does when a unit is changed), :mod:`optimiser.problem`
(the QP), :mod:`optimiser.controller` (both over time). Around it: :mod:`optimiser.work` is the process,
:mod:`optimiser.ask` answers single questions, :mod:`optimiser.baselines` is what it is compared with.
"""
