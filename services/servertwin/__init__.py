"""The twin of one server: log what it does, load it on purpose, and see how well a model of it holds.

`log` samples the machine, `stress` loads it, `experiment` loads it by a schedule and writes down what was when,
`analysis` finds the phases in the log by itself, fits a model of the server and reports. Entry: :mod:`servertwin.cli`.
"""
