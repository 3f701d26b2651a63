"""Starts the operator: `python -m rack_operator`."""

from __future__ import annotations

from rack_operator.main import run
from rack_operator.settings import OperatorSettings
from racktwin.process import main_async

if __name__ == "__main__":
    main_async("rack_operator", OperatorSettings, run)
