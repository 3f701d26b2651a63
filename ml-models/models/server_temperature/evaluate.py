"""Scores of the processor model; how is in `models.change.scores`."""

from models.change.scores import evaluate

__all__ = ["evaluate"]
