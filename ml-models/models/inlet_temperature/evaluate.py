"""Scores of the inlet model; how is in `models.change.scores`."""

from models.change.scores import evaluate

__all__ = ["evaluate"]
