"""Scores of the anomaly model; how is in `models.detecting.scores`."""

from models.detecting.scores import evaluate

__all__ = ["evaluate"]
