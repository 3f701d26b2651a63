"""Loads by a schedule, and what really was when. Entry: :mod:`servertwin.experiment.command`."""
