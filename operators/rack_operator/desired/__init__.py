"""What must exist, as pure functions of the resources: no I/O, no clock, no randomness.

`reconcile` compares what these return with what is there and writes the difference.
"""
