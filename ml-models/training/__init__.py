"""Training: history in, a checked and described artefact out.

In the order of the flow: `history` (from InfluxDB or simulated), `samples` (windows, inputs and truths, split by time
and by rack), the model's own `train` and `evaluate`, `artefact` (graph, manifest, card). Runs once and ends; nothing
here is part of serving.
"""
