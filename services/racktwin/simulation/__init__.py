"""A simulated room of racks: what sensors would read, from workload, power, air flow and recirculation.

Used by the gateway (live, one step a second) and by training when there is no history (days in seconds). It is a
plant to exercise the system with, not the calibrated room model that predicts or optimises.
"""

from racktwin.simulation.history import History, simulate_history
from racktwin.simulation.plant import Parameters, Plant, RackSpec, Readings

__all__ = ["History", "Parameters", "Plant", "RackSpec", "Readings", "simulate_history"]
