"""Commands about models: `train`, `evaluate` and `detect` from recorded files, `models` for the registry."""
