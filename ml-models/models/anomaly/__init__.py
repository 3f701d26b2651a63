"""Racks that behave unusually, and whether their inlet or they themselves are the reason."""
