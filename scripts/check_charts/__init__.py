"""Checks the Helm charts: `python -m check_charts`, and on small scale the charts' own tests.

Lint, unit tests and rendering need helm alone (`rendering`, `secrets`, `sizes`, `schema`). Then each profile is
validated by the real API server and installed, upgraded, rolled back and uninstalled on a cluster whose nodes are
simulated (`cluster`, `installing`). What runs in pods is not started here; `make cluster-test` does that.
"""
