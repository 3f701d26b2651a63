"""Sensors that stick, drift or disagree with their neighbour."""
