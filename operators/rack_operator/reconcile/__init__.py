"""Compares what must exist with what does, and writes the difference. Every step can be repeated at any time."""
